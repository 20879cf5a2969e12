"""How a document of each kind is tried, applied and pruned. Called by ``applying`` alone.

Judging and applying a document that is there already, exactly so, asks for nothing but the right to see it and writes
nothing. Everything else is the business of the service of its kind, with the caller's own rights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from django.db import transaction

from governance.access import rights_of
from governance.domain.quota import OverQuota
from governance.models import ApprovalRoute, Policy
from governance.services.policies import policy_retire, policy_save
from governance.services.routes import route_retire, route_save
from idp.catalog.selectors import system_get
from idp.kernel.actor import Actor
from idp.kernel.canonical import canonical, digest
from idp.kernel.errors import FieldError, InvalidInput, SlipwayError
from provisioning.domain.bundle import Entry
from provisioning.domain.document_schemas import DURATION_PATTERN
from provisioning.models import AppliedDocument, Contract, Environment
from provisioning.selectors.applied import ALIVE, applied_rows
from provisioning.selectors.definitions import digests_of
from provisioning.selectors.environments import environment_document
from provisioning.selectors.exporting import environment_exported
from provisioning.services.changes import ChangeRequest, Planned, change_plan, change_submit
from provisioning.services.contracts import contract_publish, draft_read
from provisioning.services.definitions import definitions_seek

_SPAN: Final = re.compile(DURATION_PATTERN)


@dataclass(frozen=True, slots=True)
class Judged:
    """What comes of a document, or would."""

    outcome: Literal["created", "changed", "unchanged", "waiting", "refused", "deleted"]
    message: str = ""
    remedy: str = ""
    errors: tuple[FieldError, ...] = ()
    change: int | None = None


def document_judge(actor: Actor, entries: Sequence[Entry], *, now: datetime) -> Callable[[Entry], Judged]:
    """A judge for these documents. What it publishes or saves to see is for its caller's transaction to take back.

    Asks clusters about kinds they have not told of, so it is made outside of that transaction.
    """
    rows = applied_rows(one.key for one in entries)
    _ask_clusters(actor, entries, now=now)

    def judge(entry: Entry) -> Judged:
        if entry.kind == "Environment":
            return _environment_judged(actor, entry, rows.get(entry.key), now=now)
        with transaction.atomic():
            return _SAVERS[entry.kind](actor, entry, now)

    return judge


def document_stands(actor: Actor, entry: Entry) -> Judged | None:
    """Unchanged, where an environment is exactly so that its reader may not change; None for what is to be judged.

    What somebody exported can so be applied again by the same person. Not for sources in Git, which would claim it.
    """
    if entry.kind != "Environment":
        return None
    rights, place = rights_of(actor), entry.data["metadata"]
    row = environment_exported(rights, place["system"], place["name"])
    if row is None or rights.may_request(row.system):
        return None
    same = canonical(environment_document(row)) == canonical(entry.data)
    return Judged("unchanged") if same else None


def document_apply(actor: Actor, entry: Entry, *, owner: str, reason: str, now: datetime) -> Judged:
    """Carry one document out, and remember it where it did something or has an owner."""
    row = applied_rows([entry.key]).get(entry.key)
    if entry.kind == "Environment":
        judged = _environment_applied(actor, entry, row, reason=reason, now=now)
        keeps = True
    else:
        judged = _SAVERS[entry.kind](actor, entry, now)
        keeps = rights_of(actor).may_administer()
    if keeps:
        _remember(actor, entry, row, judged, owner=owner, now=now)
    return judged


def document_prune_judge(actor: Actor, kind: str, name: str, *, now: datetime) -> Judged:
    """What taking it away would do, with what is lost; writes nothing."""
    if kind != "Environment":
        return Judged("deleted", "It would be retired: it no longer speaks, and stays readable.")
    system, _, environment = name.partition("/")
    planned = change_plan(actor, ChangeRequest("delete", system, environment), now=now, people=False)
    match planned.outcome:
        case "invalid":
            return Judged("refused", planned.problems[0].message, errors=planned.problems)
        case "denied":
            return _denied(planned)
        case "waits":
            return Judged("waiting", " ".join(("Its deletion would wait for approval.", *planned.notes)))
    return Judged("deleted", " ".join(planned.notes))


def document_prune(actor: Actor, kind: str, name: str, *, reason: str, now: datetime) -> Judged:
    """Take away what has left the files."""
    if kind == "Policy":
        policy_retire(actor, name=name, now=now)
        return Judged("deleted", "It is retired: it no longer speaks, and stays readable.")
    if kind == "ApprovalRoute":
        route_retire(actor, name=name, now=now)
        return Judged("deleted", "It is retired.")
    system, _, environment = name.partition("/")
    request = ChangeRequest("delete", system, environment, reason=reason, confirm=environment)
    change = change_submit(actor, request, now=now)
    if change.state == "pending":
        return Judged("waiting", "Its deletion waits for approval.", change=change.pk)
    return Judged("deleted", "It is being deleted.", change=change.pk)


def _ask_clusters(actor: Actor, entries: Sequence[Entry], *, now: datetime) -> None:
    """What a contract's own checks would ask of clusters, which wait for an answer."""
    contracts = [one for one in entries if one.kind == "Contract"]
    if not contracts or not rights_of(actor).may_administer():
        return
    for entry in contracts:
        try:
            parsed = draft_read(document=entry.data, definitions=entry.definitions).contract
        except InvalidInput:
            continue  # told with the document
        definitions_seek({*parsed.requires.apis, *parsed.uses}, now=now)


# --- contracts, routes, policies ---


def _contract(actor: Actor, entry: Entry, now: datetime) -> Judged:
    metadata = entry.data["metadata"]
    there = Contract.objects.filter(capability__name=metadata["capability"], version=metadata["version"]).first()
    if there is not None and _is_published(there, entry):
        return Judged("unchanged")
    contract_publish(actor, document=entry.data, definitions=entry.definitions, now=now)
    return Judged("created", "It is published.")


def _is_published(there: Contract, entry: Entry) -> bool:
    """Whether it is this very contract, with the definitions that the file brings for it."""
    if there.digest != digest(entry.data):
        return False
    draft = draft_read(document=entry.data, definitions=entry.definitions)
    return digests_of(there) == draft.digests()


def _route(actor: Actor, entry: Entry, now: datetime) -> Judged:
    row = ApprovalRoute.objects.filter(name=entry.data["metadata"]["name"]).first()
    if row is not None and row.state == "active" and row.document == canonical(entry.data):
        return Judged("unchanged")
    route_save(actor, document=entry.data, now=now)
    return Judged("created" if row is None else "changed")


def _policy(actor: Actor, entry: Entry, now: datetime) -> Judged:
    row = Policy.objects.filter(name=entry.data["metadata"]["name"]).first()
    if row is not None and row.active and row.digest == digest(entry.data):
        return Judged("unchanged")
    policy_save(actor, document=entry.data, now=now)
    return Judged("created" if row is None else "changed")


_SAVERS: Final[Mapping[str, Callable[[Actor, Entry, datetime], Judged]]] = {
    "Contract": _contract,
    "ApprovalRoute": _route,
    "Policy": _policy,
}


# --- environments ---


def _environment_judged(actor: Actor, entry: Entry, row: AppliedDocument | None, *, now: datetime) -> Judged:
    request = _request(actor, entry, row)
    if open_one := _asked_already(entry, row):
        return open_one
    planned = change_plan(actor, request, now=now, people=False)
    match planned.outcome:
        case "nothing":
            return Judged("unchanged")
        case "invalid":
            first = planned.problems[0]
            return Judged("refused", f"{first.path}: {first.message}", errors=planned.problems)
        case "denied":
            return _denied(planned)
        case "waits":
            return Judged("waiting", "It will wait for approval.")
    return Judged("created" if request.kind == "create" else "changed")


def _environment_applied(
    actor: Actor, entry: Entry, row: AppliedDocument | None, *, reason: str, now: datetime
) -> Judged:
    request = _request(actor, entry, row, reason)
    if open_one := _asked_already(entry, row):
        return open_one
    try:
        change = change_submit(actor, request, now=now)
    except InvalidInput as error:
        if error.code == "nothing-to-change":
            return Judged("unchanged")
        raise
    if change.state == "pending":
        return Judged("waiting", "It waits for approval.", change=change.pk)
    return Judged("created" if request.kind == "create" else "changed", change=change.pk)


def _request(actor: Actor, entry: Entry, row: AppliedDocument | None, reason: str = "") -> ChangeRequest:
    """The change that a document stands for now; its author must be allowed to ask for it."""
    slug, name = entry.data["metadata"]["system"], entry.data["metadata"]["name"]
    rights = rights_of(actor)
    system = system_get(rights, slug)
    rights.require_request(system)
    there = Environment.objects.filter(system=system, name=name, deleted_at=None).exists()
    spec = dict(entry.data["spec"])
    if there and _is_span(spec.get("expires")) and (row is None or row.expires == spec["expires"]):
        del spec["expires"]  # a span counts from when it was written first, not from each time it is read
    return ChangeRequest("update" if there else "create", slug, name, spec=spec, reason=reason)


def _asked_already(entry: Entry, row: AppliedDocument | None) -> Judged | None:
    """What is under way for this very document; None when nothing is."""
    if row is None or row.change is None or row.digest != entry.digest or row.change.state not in ALIVE:
        return None
    if row.change.state == "pending":
        return Judged("waiting", "It waits for approval since it was applied before.", change=row.change.pk)
    return Judged("unchanged", "It is being carried out.", change=row.change.pk)


def _denied(planned: Planned) -> Judged:
    if planned.denials:
        first = planned.denials[0]
        errors = tuple(FieldError(f"policy.{one.policy}", one.message) for one in planned.denials)
        return Judged("refused", first.message, first.remedy, errors)
    error: SlipwayError = OverQuota(planned.system.team.slug, planned.shortages)
    return Judged("refused", error.message, error.remedy, tuple(error.errors))


def _is_span(expires: Any) -> bool:
    return isinstance(expires, str) and _SPAN.match(expires) is not None


def _remember(
    actor: Actor, entry: Entry, row: AppliedDocument | None, judged: Judged, *, owner: str, now: datetime
) -> None:
    """Keep what was applied. What changed nothing and has no other owner than before writes nothing."""
    if judged.outcome == "unchanged" and (row.owner if row else "") == owner:
        return
    spec = entry.data["spec"]
    span = spec["expires"] if entry.kind == "Environment" and _is_span(spec.get("expires")) else ""
    kept = {
        "owner": owner,
        "file": entry.file[:500],
        "digest": entry.digest,
        "expires": span,
        "change_id": judged.change or (row.change_id if row else None),
        "applied_by_id": actor.user_id,
        "applied_at": now,
    }
    AppliedDocument.objects.update_or_create(kind=entry.kind, name=entry.name, defaults=kept)
