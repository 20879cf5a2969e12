"""Team memberships that follow groups of an identity provider, by rules of platform admins.

``memberships_follow`` is called whenever a source says in which groups a person is: at each sign-in through OIDC, and
by SCIM. Saving or removing a rule does the same for everybody whose groups are known. What was given by hand stays,
see ``domain.group_rule``. Unknown groups change nothing: a provider that leaves them out has not said that there are
none.

Lock order: rule row, then rows of known groups, then team rows, each by number, then audit head.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from django.db import transaction

from governance.access import rights_of
from governance.domain.group_rule import (
    LONGEST_GROUP,
    MOST_GROUPS,
    Mark,
    Rule,
    higher,
    rule_errors,
    settled,
    source_name,
    wanted,
)
from governance.models import GivenMembership, GroupRule, KnownGroup, KnownGroups
from governance.services.audit import audit_append
from governance.services.people_edits import people_edit_keep
from governance.services.teams import membership_remove, membership_set
from idp.catalog.models import Membership, Team, User
from idp.kernel.actor import Actor, platform_for
from idp.kernel.errors import FieldError, InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a person's role in a team; "" stands for no role."""

    username: str
    team: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A person in a team, as they are and as they will be; the role may stay the same while the mark changes."""

    user: User
    team: Team
    held: str
    role: str
    before: Mark | None
    mark: Mark | None

    @property
    def move(self) -> Move:
        return Move(self.user.username, self.team.slug, self.held, self.role)


@transaction.atomic
def memberships_follow(person: User, *, source: str, groups: frozenset[str] | None, now: datetime) -> tuple[Move, ...]:
    """Give and take memberships as the rules say of these groups, and keep the groups; what changed, by team.

    ``source`` is ``scim`` or ``oidc:<provider>``. None, and more than MOST_GROUPS, are unknown and change nothing.
    A person who is switched off, and a team that is archived, gain nothing; call it again when they are back.
    """
    if groups is None or len(groups) > MOST_GROUPS or person.is_service:
        return ()
    known = KnownGroups.objects.get_or_create(user=person, source=source, defaults={"seen_at": now})[0]
    KnownGroups.objects.select_for_update().get(pk=known.pk)
    _remember(known, groups, now)
    places = _places({person: groups}, _rules(source), source, lock=True)
    return _carry_out(places, source, behalf=person.username, now=now)


@transaction.atomic
def group_rule_set(actor: Actor, rule: Rule, *, now: datetime) -> tuple[Move, ...]:
    """Make the rule, or give the one for its source, group and team another role; whom that moved. Admins only."""
    team = group_rule_checked(actor, rule)
    row = _row(rule)
    before = row.role if row else ""
    if before == rule.role:
        return ()
    row = row or GroupRule(source=rule.source, group=rule.group, team=team)
    row.role, row.updated_at, row.updated_by = rule.role, now, actor.username
    row.save()
    return _changed(actor, rule, team, before, rule.role, now)


@transaction.atomic
def group_rule_remove(actor: Actor, rule: Rule, *, now: datetime) -> tuple[Move, ...]:
    """End the rule for this source, group and team; whom that moved. Admins only; NotFound when there is none."""
    rights_of(actor).require_admin()
    row = _row(rule)
    if row is None:
        raise NotFound(f"No rule gives a role in {rule.team} for the group “{rule.group}”.")
    row.delete()
    return _changed(actor, rule, row.team, row.role, "", now)


def group_rule_preview(actor: Actor, rule: Rule, *, remove: bool = False) -> tuple[Move, ...]:
    """Whom ``group_rule_set``, or the removal, would move, among those whose groups are known. Writes nothing."""
    if remove:
        rights_of(actor).require_admin()
    else:
        group_rule_checked(actor, rule)
    others = [one for one in _rules(rule.source) if one.key != rule.key]
    people = _people_in(rule.source, rule.group, [rule, *others], lock=False)
    places = _places(people, others if remove else [*others, rule], rule.source, only=rule.team)
    return tuple(one.move for one in places if one.held != one.role)


def group_rule_checked(actor: Actor, rule: Rule) -> Team:
    """The team of a rule that may be saved; InvalidInput names each field that is wrong. Writes nothing."""
    rights_of(actor).require_admin()
    errors = rule_errors(rule)
    team = Team.objects.filter(slug=rule.team).first()
    if team is None or team.archived_at is not None:
        errors.append(FieldError("team", "Choose a team that is not archived."))
    if errors or team is None:
        raise InvalidInput(f"This rule is not right yet: {errors[0].message}", errors=errors)
    return team


def group_rule_role(rule: Rule) -> str:
    """The role that the rule for this source, group and team gives; "" when there is none. For taking edits back."""
    rows = GroupRule.objects.filter(source=rule.source, group=rule.group, team__slug=rule.team)
    return rows.values_list("role", flat=True).first() or ""


def rule_of(row: GroupRule) -> Rule:
    """Needs ``team`` joined."""
    return Rule(row.source, row.group, row.team.slug, row.role)


def _row(rule: Rule) -> GroupRule | None:
    rows = GroupRule.objects.select_for_update(of=("self",)).select_related("team")
    return rows.filter(source=rule.source, group=rule.group, team__slug=rule.team).first()


def _rules(source: str) -> list[Rule]:
    return [rule_of(row) for row in GroupRule.objects.filter(source=source).select_related("team")]


def _remember(known: KnownGroups, groups: Collection[str], now: datetime) -> None:
    """Keep what was said; groups too long to be in any rule are left out."""
    said = {one for one in groups if 0 < len(one) <= LONGEST_GROUP}
    kept = set(known.groups.values_list("value", flat=True))
    known.groups.filter(value__in=kept - said).delete()
    KnownGroup.objects.bulk_create([KnownGroup(known=known, value=one) for one in sorted(said - kept)])
    KnownGroups.objects.filter(pk=known.pk).update(seen_at=now)


def _people_in(source: str, group: str, rules: Iterable[Rule], *, lock: bool) -> dict[User, set[str]]:
    """Who is known to be in the group, with those of their groups that rules name; locks their rows on request."""
    rows = KnownGroups.objects.filter(source=source, groups__value=group).order_by("pk")
    if lock:
        rows = rows.select_for_update(of=("self",))
    people = {row.pk: (row.user, set[str]()) for row in rows.select_related("user")}
    named = {rule.group for rule in rules}
    values = KnownGroup.objects.filter(known__in=list(people), value__in=named).values_list("known_id", "value")
    for known, value in values:
        people[known][1].add(value)
    return dict(people.values())


def _places(
    people: Mapping[User, Collection[str]], rules: Sequence[Rule], source: str, *, only: str = "", lock: bool = False
) -> list[_Place]:
    """Every place that is not as these rules want it; ``only`` in that team. Locks the teams on request, then reads."""
    marked = list(GivenMembership.objects.filter(user__in=people).select_related("team"))
    slugs = {rule.team for rule in rules} | {row.team.slug for row in marked}
    teams = Team.objects.filter(slug__in={only} if only else slugs).order_by("pk")
    rows = {team.slug: team for team in (teams.select_for_update() if lock else teams)}
    marked = list(GivenMembership.objects.filter(user__in=people, team__in=list(rows.values())))
    marks = {(row.user_id, row.team_id): Mark(row.by_hand, row.given, row.role) for row in marked}
    members = Membership.objects.filter(user__in=people, team__in=list(rows.values()))
    held = {(user, team): role for user, team, role in members.values_list("user_id", "team_id", "role")}
    found = []
    for person, groups in people.items():
        gives = wanted(rules, source, groups)
        for slug, team in rows.items():
            at = person.pk, team.pk
            place = _place(person, team, held.get(at, ""), marks.get(at), source, gives.get(slug, ""))
            if (place.role, place.mark) != (place.held, place.before):
                found.append(place)
    return found


def _place(person: User, team: Team, held: str, mark: Mark | None, source: str, gives: str) -> _Place:
    role, after = settled(held, mark, source, gives)
    if higher(role, held) and (not person.is_active or team.archived_at is not None):
        role, after = held, mark
    return _Place(person, team, held, role, mark, after)


def _carry_out(places: Iterable[_Place], source: str, *, behalf: str, now: datetime) -> tuple[Move, ...]:
    actor, because, moved = platform_for(behalf), f"groups of {source}", []
    for place in places:
        if place.held != place.role:
            if place.role:
                membership_set(actor, team=place.team, user=place.user, role=place.role, because=because, now=now)
            else:
                membership_remove(actor, team=place.team, user=place.user, because=because, now=now)
            moved.append(place.move)
        _note(place)
    return tuple(moved)


def _note(place: _Place) -> None:
    """The mark beside the membership."""
    if place.mark is None:
        GivenMembership.objects.filter(user=place.user, team=place.team).delete()
        return
    told = {"by_hand": place.mark.by_hand, "given": dict(place.mark.given), "role": place.mark.role}
    GivenMembership.objects.update_or_create(user=place.user, team=place.team, defaults=told)


def _changed(actor: Actor, rule: Rule, team: Team, before: str, after: str, now: datetime) -> tuple[Move, ...]:
    """Move whom the edit moves, and say so in the log."""
    rules = _rules(rule.source)
    people = _people_in(rule.source, rule.group, rules, lock=True)
    places = _places(people, rules, rule.source, only=team.slug, lock=True)
    moved = _carry_out(places, rule.source, behalf=actor.username, now=now)
    label = f"Group {rule.group} of {source_name(rule.source)}: {after or 'no role'} of {team.slug}"
    people_edit_keep(
        actor, "group-rule", rule.key, label=label, before={"role": before}, after={"role": after}, now=now
    )
    was, becomes = (asdict(replace(rule, role=role)) if role else None for role in (before, after))
    audit_append(
        actor,
        action="group-rule.save" if after else "group-rule.remove",
        object_type="group-rule",
        object_id=rule.key,
        object_label=f"{rule.source} {rule.group}",
        team_slug=team.slug,
        data={"before": was, "after": becomes, "moved": len(moved)},
        now=now,
    )
    return moved
