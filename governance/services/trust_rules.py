"""Trust rules: made, edited, taken back and removed by platform admins. Lock order: rule row, then audit head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from governance.access import rights_of
from governance.domain import workload
from governance.models import TrustRule
from governance.services.audit import audit_append
from governance.services.service_accounts import belongs_to_git
from governance.services.transactions import require_version
from idp.catalog.models import System, User
from idp.kernel import outbound
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class TrustWish:
    """A rule as it is asked for. ``account`` is the username of a service account."""

    issuer: str
    audience: str
    subject: str
    account: str
    claims: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = workload.SCOPES
    systems: tuple[str, ...] = ()
    minutes: int = workload.MOST_MINUTES
    active: bool = True

    @property
    def rule(self) -> workload.TrustRule:
        return workload.TrustRule(self.issuer, self.audience, self.subject, dict(self.claims))


def trust_rule_checked(actor: Actor, name: str, wish: TrustWish) -> User:
    """The account of a rule that may be saved; InvalidInput names each field that is wrong. Writes nothing."""
    rights_of(actor).require_admin()
    errors = workload.rule_errors(name, wish.rule, scopes=wish.scopes, minutes=wish.minutes)
    if not errors:
        try:
            outbound.check_url(wish.issuer, schemes=("https",))
        except outbound.Refused as error:
            errors.append(FieldError("issuer", error.message))
    account = User.objects.filter(username=wish.account, is_active=True).exclude(service_of=None).first()
    if account is None:
        errors.append(FieldError("account", "Name a service account of a team; make one on the team's page."))
    elif belongs_to_git(account):
        told = f"{account.username} applies files in Git; make another account for pipelines."
        errors.append(FieldError("account", told))
    known = set(System.objects.filter(slug__in=wish.systems).values_list("slug", flat=True))
    errors += [FieldError("systems", f"There is no system “{one}”.") for one in wish.systems if one not in known]
    if errors or account is None:
        raise InvalidInput(f"This rule is not right yet: {errors[0].message}", errors=errors)
    return account


@transaction.atomic
def trust_rule_save(
    actor: Actor, *, name: str, wish: TrustWish, expected_version: int | None = None, now: datetime
) -> TrustRule:
    """Make or change the rule ``name``; admins only. An equal one changes nothing."""
    account = trust_rule_checked(actor, name, wish)
    row = TrustRule.objects.select_for_update().select_related("account").filter(name=name).first()
    before = rule_sides(row) if row is not None else {}
    if row is not None:
        require_version(row, row.version, expected_version)
    row = row or TrustRule(name=name)
    row.issuer, row.audience, row.subject = wish.issuer, wish.audience, wish.subject
    row.claims, row.account, row.active = dict(wish.claims), account, wish.active
    row.scopes, row.systems, row.minutes = sorted(set(wish.scopes)), sorted(set(wish.systems)), wish.minutes
    if rule_sides(row) == before:
        return row
    return _kept(actor, row, before, "trust-rule.save", now)


@transaction.atomic
def trust_rule_take_back(actor: Actor, *, name: str, now: datetime) -> TrustRule:
    """Undo the last edit; what it made becomes what can be taken back. Admins only."""
    rights_of(actor).require_admin()
    row = _locked(name)
    if not row.before:
        raise Conflict(f"The rule “{name}” was never edited.", code="illegal-state")
    kept = dict(row.before)
    wish = TrustWish(**{**kept, "scopes": tuple(kept["scopes"]), "systems": tuple(kept["systems"])})
    return trust_rule_save(actor, name=name, wish=wish, now=now)


@transaction.atomic
def trust_rule_remove(actor: Actor, *, name: str, expected_version: int | None = None, now: datetime) -> None:
    """Trust nobody by this rule any more; tokens that it led to end within minutes. Admins only."""
    rights_of(actor).require_admin()
    row = _locked(name)
    require_version(row, row.version, expected_version)
    before, key = rule_sides(row), row.pk
    row.delete()
    _audit(actor, row, key, "trust-rule.remove", before, None, now)


def trust_rule_get(actor: Actor, name: str) -> TrustRule:
    """For admins; NotFound when there is none."""
    rights_of(actor).require_admin()
    row = TrustRule.objects.select_related("account__service_of", "updated_by").filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no trust rule “{name}”.")
    return row


def rule_sides(row: TrustRule) -> dict[str, Any]:
    """A rule as the log and an undo keep it."""
    return {
        "issuer": row.issuer,
        "audience": row.audience,
        "subject": row.subject,
        "claims": row.claims,
        "account": row.account.username,
        "scopes": row.scopes,
        "systems": row.systems,
        "minutes": row.minutes,
        "active": row.active,
    }


def _locked(name: str) -> TrustRule:
    row = TrustRule.objects.select_for_update(of=("self",)).select_related("account").filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no trust rule “{name}”.")
    return row


def _kept(actor: Actor, row: TrustRule, before: dict[str, Any], action: str, now: datetime) -> TrustRule:
    row.before = before
    row.version += 1
    row.updated_at, row.updated_by_id = now, actor.user_id
    row.save()
    _audit(actor, row, row.pk, action, before or None, rule_sides(row), now)
    return row


def _audit(actor: Actor, row: TrustRule, key: int, action: str, before: Any, after: Any, now: datetime) -> None:
    team = row.account.service_of
    audit_append(
        actor,
        action=action,
        object_type="trust-rule",
        object_id=key,
        object_label=row.name,
        team_slug=team.slug if team else "",
        data={"before": before, "after": after},
        now=now,
    )
