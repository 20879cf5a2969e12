"""Who may decide on a change, asked before they do: for pages, inboxes and plans. It writes nothing.

``governance.services.approvals`` asks anew, under its locks, when a decision is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Exists, FilteredRelation, OuterRef, Q, QuerySet

from governance.access import APPROVE_CHANGE, PLATFORM_ADMINS, Rights, StandsFor, admins, group_member
from governance.domain.approval import (
    named_source,
    source_cosigned,
    source_group,
    source_label,
    source_people,
    source_team,
)
from governance.models import Approval, Decision
from governance.selectors.approvals import approvals_of, decisions_of
from idp.catalog.models import Team, User
from idp.kernel import clock

SHOWN_PEOPLE = 20
DECIDING = ("approve", "reject")


@dataclass(frozen=True, slots=True)
class Subject:
    """The change that is decided on, as locked. ``team_slug`` of the owning team is looked up when left empty.

    ``place`` is its ``system/environment``. ``authors`` had a part in asking for it beside the requester, so that they
    decide on it no more than the requester.
    """

    change_id: int
    plan_digest: str
    requester_id: int
    team_id: int
    title: str
    team_slug: str = ""
    authors: frozenset[int] = frozenset()
    place: str = ""

    @property
    def barred(self) -> frozenset[int]:
        """Everybody whose agreement counts for nothing."""
        return self.authors | {self.requester_id}


def may_decide(
    rights: Rights, change: Subject, *, asked: Sequence[Approval] | None = None, said: Sequence[Decision] | None = None
) -> str:
    """Why this person may not decide on the change as it is now, as a sentence; empty when they may. For pages.

    ``asked`` are the approvals of its plan and ``said`` all decisions on it, where the caller has loaded them.
    """
    if not rights.signed_in or rights.actor.user_id is None:
        return "Only a signed-in person can decide."
    if rights.actor.user_id == change.requester_id:
        return "It is your own change; somebody else decides."
    if rights.actor.user_id in change.authors:
        return "You had a part in asking for it; somebody else decides."
    if not rights.actor.has_scope("approve"):
        return "This token does not have the scope “approve”."
    approvals = list(approvals_of(change.change_id, change.plan_digest)) if asked is None else asked
    if not any(approval.state == "waiting" for approval in approvals):
        return "Nothing is waiting for a decision."
    given = _answer_of(rights.actor.user_id, change, decisions_of(change.change_id) if said is None else said)
    if given is not None:
        return "You have agreed to it already." if given == "approve" else "You have rejected it."
    return _not_yours(rights, change, approvals)


def stands_in_for(rights: Rights, change: Subject, approvals: Iterable[Approval]) -> StandsFor | None:
    """For whom the person decides, where something waits that they may give in another's place only."""
    waiting = [one for one in approvals if one.state == "waiting" and not may_give(rights, one)]
    others = (other for other in rights.stands_for if other.user_id not in change.barred)
    return next((other for other in others if any(_may_give_as(other, one) for one in waiting)), None)


def may_give(rights: Rights, approval: Approval) -> bool:
    """Whether the person themselves is among those whom the approval asks."""
    if rights.actor.username in source_people(approval.source):
        return True
    teams = frozenset(team_id for team_id in rights.teams if rights.may_approve_as(team_id))
    return _asked(approval, teams=teams, groups=rights.groups, is_admin=rights.is_admin)


def waiting_on(rights: Rights) -> Q:
    """A filter over Approval: what waits for this person and is not yet answered by them.

    Their own requests are not left out, for Approval does not know who asked: exclude ``requester_id`` on changes. A
    platform admin may decide for every team, and is waited on only where a team has fewer than two maintainers. Who
    stands in for others is waited on as they are.
    """
    if not rights.signed_in or rights.actor.user_id is None:
        return Q(pk__in=())
    team_ids = {team_id for team_id, held in rights.teams.items() if APPROVE_CHANGE in held}
    team_ids = team_ids.union(*(one.teams for one in rights.stands_for))
    groups = rights.groups.union(*(one.groups for one in rights.stands_for))
    if rights.is_admin or any(one.is_admin for one in rights.stands_for):
        groups |= {PLATFORM_ADMINS}
    people = [rights.actor.user_id, *(one.user_id for one in rights.stands_for)]
    mine = _to_teams_and_groups(list(team_ids), sorted(groups))
    named = Approval.people.through.objects.filter(user_id__in=people).order_by().values("approval_id")
    mine |= Q(pk__in=named)
    if rights.is_admin:
        mine |= Q(team__in=_short_of_maintainers())
    answered = Decision.objects.filter(
        change_id=OuterRef("change_id"),
        plan_digest=OuterRef("plan_digest"),
        user_id=rights.actor.user_id,
        verdict__in=DECIDING,
    )
    return Q(state="waiting") & mine & ~Q(Exists(answered))


def waiting_change_ids(rights: Rights) -> QuerySet[Approval, int]:
    """Ids of changes that wait for this person, as a sub-query; see ``waiting_on`` for own requests."""
    return Approval.objects.filter(waiting_on(rights)).order_by().values_list("change_id", flat=True)


def approvers(approval: Approval, *, excluding: int | None = None) -> tuple[str, ...]:
    """Names of people who may give this approval, without the requester (``excluding``); at most 20.

    When nobody of the team could, the platform admins. A stand-in is named with whom they stand in for.
    """
    return approvers_of([approval], excluding=() if excluding is None else (excluding,))[approval.pk]


def approvers_of(approvals: Sequence[Approval], *, excluding: Collection[int] = ()) -> dict[int, tuple[str, ...]]:
    """The same for several at once, by their ids: one query, and a second where nobody of a team could."""
    wanted = [
        (one.pk, _parties(one.source, one.team_id), _parties_next(one) if one.escalated_at else _NOBODY)
        for one in approvals
        if not source_cosigned(one.source)
    ]
    found = _named([(key, first + then) for key, first, then in wanted], excluding)
    return found | {one.pk: cosigners(slug) for one in approvals if (slug := source_cosigned(one.source))}


def cosigners(team_slug: str) -> tuple[str, ...]:
    """Names of those who may sign beside an agent: who may ask for changes of the team, and who stands in for one of
    them; at most 20. One query."""
    rows = User.objects.filter(
        is_active=True,
        service_of=None,
        memberships__team__slug=team_slug,
        memberships__role__in=("developer", "maintainer"),
    )
    lent = rows.annotate(lent=FilteredRelation("delegations", condition=_standing(clock.now())))
    pairs = list(lent.order_by("username").values_list("username", "lent__stand_in__username"))
    own = {name for name, _ in pairs}
    found: dict[str, None] = {}
    for name, stand_in in pairs:
        found.setdefault(name)
        if stand_in and stand_in not in own:
            found.setdefault(f"{stand_in} for {name}")
    return tuple(found)[:SHOWN_PEOPLE]


def _standing(now: datetime) -> Q:
    """Delegations of a person that hold ``now``."""
    return Q(delegations__starts_at__lte=now, delegations__ends_at__gt=now, delegations__withdrawn_at=None)


def approvers_for(source: str, *, team: Team, excluding: int | None = None) -> tuple[str, ...]:
    """The same for an approval that is not open yet; ``team`` is the owning team."""
    source = named_source(source, team.slug)
    if cosigned := source_cosigned(source):
        return cosigners(cosigned)
    slug = source_team(source)
    team_id = team.pk if slug == team.slug else None
    if slug is not None and team_id is None:
        team_id = Team.objects.filter(slug=slug).values_list("pk", flat=True).first()
    return _named([(0, _parties(source, team_id))], () if excluding is None else (excluding,))[0]


@dataclass(frozen=True, slots=True)
class _Parties:
    """Whom an approval asks."""

    teams: frozenset[int] = frozenset()
    groups: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()

    def __add__(self, other: _Parties) -> _Parties:
        return _Parties(self.teams | other.teams, self.groups | other.groups, self.people | other.people)


_NOBODY = _Parties()


def _parties(source: str, team_id: int | None) -> _Parties:
    group = source_group(source)
    people = source_people(source)
    if people:
        return _Parties(people=frozenset(people))
    if group is not None:
        return _Parties(groups=frozenset({group}))
    return _Parties(teams=frozenset({team_id} if team_id is not None else ()))


def _parties_next(approval: Approval) -> _Parties:
    return _Parties(
        teams=frozenset({approval.next_team_id} if approval.next_team_id is not None else ()),
        groups=frozenset({approval.next_group} if approval.next_group else ()),
    )


def _named(wanted: Sequence[tuple[int, _Parties]], excluding: Collection[int]) -> dict[int, tuple[str, ...]]:
    found: dict[int, dict[str, None]] = {key: {} for key, _ in wanted}
    everybody = sum((parties for _, parties in wanted), _NOBODY)
    for person, label, teams, groups in _people(everybody, excluding):
        for key, parties in wanted:
            if parties.teams & teams or parties.groups & groups or person in parties.people:
                found[key].setdefault(label)
    empty = [key for key, parties in wanted if not found[key] and not parties.groups and not parties.people]
    if empty:
        instead = admins().exclude(pk__in=list(excluding)).values_list("username", flat=True)[:SHOWN_PEOPLE]
        found |= {key: dict.fromkeys(instead) for key in empty}
    return {key: tuple(names)[:SHOWN_PEOPLE] for key, names in found.items()}


def _people(parties: _Parties, excluding: Collection[int]) -> Iterator[tuple[str, str, set[int], set[str]]]:
    """(whose right it is, what to show, teams, groups) for each who may decide, and each who stands in for one."""
    if parties == _NOBODY:
        return
    held = "groups__groupobjectpermission"
    teams_are = ContentType.objects.get_for_model(Team).pk
    chosen = Q(username__in=parties.people) | Q(
        **{
            f"{held}__object_pk__in": [str(team_id) for team_id in parties.teams],
            f"{held}__content_type": teams_are,
            f"{held}__permission__codename": APPROVE_CHANGE,
        }
    )
    for name in sorted(parties.groups):
        chosen |= group_member(name)
    rows = (
        User.objects.filter(chosen, is_active=True, service_of=None)
        .exclude(pk__in=list(excluding))
        .annotate(lent=FilteredRelation("delegations", condition=_standing(clock.now())))
        .order_by("username")
        .values_list(
            *("username", "is_superuser", "groups__name", f"{held}__object_pk", f"{held}__permission__codename"),
            *(f"{held}__content_type", "lent__stand_in__username", "lent__stand_in_id"),
        )
    )
    for name, superuser, group, key, codename, kind, stand_in, stand_in_id in rows:
        teams = {int(key)} if codename == APPROVE_CHANGE and kind == teams_are else set()
        groups = {group} if group else set()
        if superuser:
            groups.add(PLATFORM_ADMINS)
        yield name, name, teams, groups
        if stand_in and stand_in_id not in excluding:
            yield name, f"{stand_in} for {name}", teams, groups


def _short_of_maintainers() -> QuerySet[Team, int]:
    alone = Count("memberships", filter=Q(memberships__role="maintainer", memberships__user__is_active=True))
    return Team.objects.annotate(maintainers=alone).filter(maintainers__lt=2).order_by().values_list("pk", flat=True)


def _to_teams_and_groups(teams: Sequence[int], groups: Sequence[str]) -> Q:
    later = Q(next_team_id__in=teams) | Q(next_group__in=groups)
    return Q(team_id__in=teams) | Q(group_name__in=groups) | (Q(escalated_at__isnull=False) & later)


def _answer_of(user_id: int, change: Subject, said: Iterable[Decision]) -> str | None:
    mine = (one for one in said if one.user_id == user_id and one.plan_digest == change.plan_digest)
    return next((one.verdict for one in mine if one.verdict in DECIDING), None)


def _not_yours(rights: Rights, change: Subject, approvals: Sequence[Approval]) -> str:
    waiting = [one for one in approvals if one.state == "waiting"]
    if any(may_give(rights, one) for one in waiting) or stands_in_for(rights, change, waiting) is not None:
        return ""
    later = next((one for one in approvals if one.state == "later" and may_give(rights, one)), None)
    if later is not None:
        return f"Your turn comes with the stage “{later.stage_name}”. {only(waiting)}"
    return only(waiting)


def only(approvals: Iterable[Approval]) -> str:
    """Who may decide now, as a sentence."""
    labels = dict.fromkeys(
        label
        for one in approvals
        if one.state == "waiting"
        for label in (source_label(one.source), source_label(one.escalate_to) if one.escalated_at else "")
        if label
    )
    return f"Only {' or '.join(labels)} may decide on this change."


def _may_give_as(other: StandsFor, approval: Approval) -> bool:
    if other.username in source_people(approval.source):
        return True
    return _asked(approval, teams=other.teams, groups=other.groups, is_admin=other.is_admin)


def _asked(approval: Approval, *, teams: Collection[int], groups: Collection[str], is_admin: bool) -> bool:
    if source_cosigned(approval.source):
        return False
    if is_admin:
        groups = {*groups, PLATFORM_ADMINS}
    if approval.escalated_at is not None and (approval.next_team_id in teams or approval.next_group in groups):
        return True
    if approval.group_name:
        return approval.group_name in groups
    return not source_people(approval.source) and (is_admin or approval.team_id in teams)


def people_for(sources: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Who may decide now, by source; nobody for those that depend on the change. Two queries."""
    slugs = {slug for source in sources if (slug := source_team(source)) is not None}
    teams = dict(Team.objects.filter(slug__in=slugs).values_list("slug", "pk")) if slugs else {}
    fixed = [one for one in sources if source_team(one) in teams or source_group(one) or source_people(one)]
    found = _named([(at, _parties(one, teams.get(source_team(one) or ""))) for at, one in enumerate(fixed)], ())
    return {one: found[at] for at, one in enumerate(fixed)}
