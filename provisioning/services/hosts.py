"""Whose hosts are: refused to who does not hold them, taken by who is first, given and taken back by admins.

``hosts_judged`` is asked by the gate for every plan, ``hosts_take`` by the service that submits a change, inside its
transaction. A claim is not given up when an environment goes: it lapses when another team asks and nobody uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from governance.access import Rights, rights_of
from governance.services.audit import audit_append
from idp.catalog.models import System, Team
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound
from provisioning.domain.hosts import HOST_RULE, is_host
from provisioning.models import Environment, HostClaim
from provisioning.selectors.hosts import claims_on, hosts_wanted, is_in_use

NOTE_LENGTH = 200


def hosts_judged(
    rights: Rights, system: System, wanted: Mapping[str, Iterable[str]]
) -> tuple[list[FieldError], frozenset[str]]:
    """The hosts of ``wanted`` (by resource) that are another's, as errors, and those that the system may use already.

    One query, and more only where there is a conflict.
    """
    claims = claims_on({host for hosts in wanted.values() for host in hosts})
    held = frozenset(host for host, claim in claims.items() if _may_use(claim, system))
    found = []
    for resource, hosts in wanted.items():
        for host in hosts:
            claim = claims.get(host)
            if claim is not None and not _may_use(claim, system) and not _has_lapsed(claim):
                found.append(FieldError(f"spec.resources.{resource}.inputs.host", _refusal(host, claim, rights)))
    return found, held


def hosts_take(actor: Actor, system: System, wanted: Iterable[str], *, now: datetime) -> None:
    """Claim for the system's team what nobody holds. Conflict when another team was faster.

    Call inside the transaction of the change; rows of claims are the last that it locks.
    """
    hosts = sorted(wanted)
    claims = claims_on(hosts)
    for host in hosts:
        claim = claims.get(host)
        if claim is None:
            _take(actor, host, system, now=now)
        elif not _may_use(claim, system):
            _take_over(actor, claim, host, system, now=now)


def hosts_record(*, now: datetime) -> int:
    """Claim for their teams the hosts that living environments route and nobody holds; answers how many.

    For installations that had routes before hosts had owners; the oldest environment of a host is taken for its owner.
    """
    taken = 0
    rows = Environment.objects.filter(deleted_at=None).exclude(desired=None)
    for one in rows.select_related("system__team", "stage", "desired").order_by("created_at", "pk").iterator(200):
        assert one.desired is not None
        wanted = hosts_wanted(one.desired.document, system=one.system, stage=one.stage, name=one.name)
        free = {host for hosts in wanted.values() for host in hosts}
        free -= set(claims_on(free)) if free else set()
        for host in sorted(free):
            with transaction.atomic():
                _take(PLATFORM, host, one.system, now=now)
            taken += 1
    return taken


def _may_use(claim: HostClaim, system: System) -> bool:
    if claim.team_id != system.team_id:
        return False
    return claim.origin == "taken" or claim.system_id in (None, system.pk)


def _has_lapsed(claim: HostClaim) -> bool:
    return claim.origin == "taken" and not is_in_use(claim)


def _refusal(host: str, claim: HostClaim, rights: Rights) -> str:
    """Who holds it, as far as the reader may know: a restricted system gives away neither its name nor its team's."""
    what = host if claim.host == host else f"{host}, which is part of {claim.host},"
    seen = claim.system is None or rights.may_see(claim.system)
    if not seen:
        return f"{what} belongs to a system that you may not see; ask a platform admin, or choose another host"
    whose = f"team {claim.team.slug}"
    if claim.system is not None:
        whose += f" (system {claim.system.slug})"
    return f"{what} belongs to {whose}; ask them or a platform admin, or choose another host"


def _take(actor: Actor, host: str, system: System, *, now: datetime) -> None:
    try:
        with transaction.atomic():
            claim = HostClaim.objects.create(
                host=host, team=system.team, system=system, origin="taken", made_by_id=actor.user_id, made_at=now
            )
    except IntegrityError:
        raise _faster(host) from None
    _audit(actor, claim, "host.take", before=None, after=_stands(claim), now=now)


def _take_over(actor: Actor, claim: HostClaim, host: str, system: System, *, now: datetime) -> None:
    """A lapsed claim passes on; the filter is that nobody else has taken it over meanwhile."""
    if not _has_lapsed(claim):
        raise _faster(host)
    before = _stands(claim)
    changed = HostClaim.objects.filter(pk=claim.pk, team=claim.team_id, made_at=claim.made_at).update(
        team=system.team, system=system, made_by_id=actor.user_id, made_at=now
    )
    if changed != 1:
        raise _faster(host)
    claim.refresh_from_db()
    _audit(actor, claim, "host.take", before=before, after=_stands(claim), now=now)


def _faster(host: str) -> Conflict:
    return Conflict(f"{host} was claimed by somebody else at the same moment.", remedy="Choose another host.")


@transaction.atomic
def host_give(
    actor: Actor, *, host: str, team: Team, system: System | None = None, note: str = "", now: datetime
) -> HostClaim:
    """Give a host, or ``*.…`` with all below it, to a team, or to one system of it alone. Admins only.

    What another team took is given away all the same: its routes stay as they are until they are changed. What was
    given to another before must be taken back first (Conflict). Giving the same again changes nothing.
    """
    rights_of(actor).require_admin()
    host = host.strip().lower()
    errors = [] if is_host(host) else [FieldError("host", HOST_RULE)]
    if system is not None and system.team_id != team.pk:
        errors.append(FieldError("system", f"{system.slug} is not a system of team {team.slug}; choose one that is."))
    if len(note) > NOTE_LENGTH:
        errors.append(FieldError("note", f"Write at most {NOTE_LENGTH} characters."))
    if errors:
        raise InvalidInput("The host was not given.", errors=errors)
    found = HostClaim.objects.select_for_update(of=("self",)).select_related("team").filter(host=host).first()
    if (
        found is not None
        and found.origin == "given"
        and (found.team_id, found.system_id)
        != (
            team.pk,
            system.pk if system else None,
        )
    ):
        raise Conflict(
            f"{host} was given to team {found.team.slug} already.", code="exists", remedy="Take it back first."
        )
    before = _stands(found) if found else None
    fields = {"team": team, "system": system, "origin": "given", "note": note.strip(), "made_by_id": actor.user_id}
    try:
        with transaction.atomic():
            claim, _ = HostClaim.objects.update_or_create(host=host, defaults={**fields, "made_at": now})
    except IntegrityError:
        raise _faster(host) from None
    _audit(actor, claim, "host.give", before=before, after=_stands(claim), now=now)
    return claim


@transaction.atomic
def host_take_back(actor: Actor, *, host: str, now: datetime) -> None:
    """Let go of a claim, given or taken. Admins only. Routes that use it stay; the next change that asks claims it."""
    rights_of(actor).require_admin()
    claim = HostClaim.objects.select_for_update(of=("self",)).select_related("team").filter(host=host).first()
    if claim is None:
        raise NotFound(f"Nobody holds {host[:253]}.")
    _audit(actor, claim, "host.take-back", before=_stands(claim), after=None, now=now)
    claim.delete()


def _stands(claim: HostClaim) -> dict[str, Any]:
    """One side of an entry: whose the host is."""
    system = claim.system.slug if claim.system else None
    return {"team": claim.team.slug, "system": system, "origin": claim.origin, "note": claim.note}


def _audit(
    actor: Actor,
    claim: HostClaim,
    action: str,
    *,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    now: datetime,
) -> None:
    audit_append(
        actor,
        action=action,
        object_type="host",
        object_id=str(claim.pk),
        object_label=claim.host,
        team_slug=claim.team.slug,
        data={"before": before, "after": after},
        now=now,
    )
