"""Policy documents: stored with every version, tested, kept compiled per process.

``active_policies`` is asked on every change: it compares the digests of the active documents in one query and
compiles only when they differ from what this process has. Lock order: policy row, then audit head.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from governance.access import rights_of
from governance.domain.approval import source_group, source_people, source_team
from governance.domain.policy import CompiledPolicy, Verdict, compiled, failed_tests, parse_policy
from governance.domain.policy import evaluate as judge
from governance.domain.route import route_named
from governance.models import ApprovalRoute, Policy, PolicyVersion
from governance.services.audit import audit_append
from governance.services.transactions import require_version
from idp.catalog.models import System, Team, User
from idp.kernel.actor import Actor
from idp.kernel.canonical import canonical, digest
from idp.kernel.documents import load_yaml
from idp.kernel.errors import FieldError, InvalidInput, NotFound

log = logging.getLogger(__name__)

_held: tuple[tuple[str, ...], tuple[CompiledPolicy, ...]] = ((), ())


@dataclass(frozen=True, slots=True)
class Saving:
    """A policy that may be stored: its document, and the text it was written as, if there is one."""

    policy: CompiledPolicy
    document: dict[str, Any]
    text: str = ""


def policy_save(
    actor: Actor, *, document: Mapping[str, Any], text: str = "", expected_version: int | None = None, now: datetime
) -> Policy:
    """Make or change the policy that the document names; admins only. An equal document changes nothing.

    ``text`` is the document as it was written. InvalidInput names each place that is wrong, each team, system or group
    that is not there, and, for mode ``enforce``, each of the policy's own tests that does not come out as it says.
    """
    rights_of(actor).require_admin()
    saving = Saving(parse_policy(document), canonical(document), text)
    errors = policy_problems(saving.policy)
    if errors:
        raise InvalidInput(f"This policy is not right yet: {errors[0].message}", errors=errors)
    return _store(actor, saving, expected_version=expected_version, now=now)


@transaction.atomic
def policy_restore(
    actor: Actor, *, name: str, number: int, expected_version: int | None = None, now: datetime
) -> Policy:
    """Take back what a policy was in version ``number``: its document becomes the newest version. Admins only."""
    rights_of(actor).require_admin()
    kept = PolicyVersion.objects.filter(policy__name=name, number=number).first()
    if kept is None:
        raise NotFound(f"The policy “{name}” has no version {number}.")
    saving = Saving(parse_policy(kept.document), kept.document, kept.text)
    errors = policy_problems(saving.policy)
    if errors:
        raise InvalidInput(
            f"Version {number} no longer holds: {errors[0].message}",
            remedy="Open it in the editor and mend it there.",
            errors=errors,
        )
    return _store(actor, saving, expected_version=expected_version, note=f"Taken back from version {number}", now=now)


@transaction.atomic
def policy_retire(actor: Actor, *, name: str, expected_version: int | None = None, now: datetime) -> Policy:
    """Switch a policy off; it stays readable, and saving it again brings it back. Admins only."""
    rights_of(actor).require_admin()
    row = Policy.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no policy “{name}”.")
    if not row.active:
        return row
    require_version(row, row.version, expected_version)
    row.active = False
    row.version += 1
    row.updated_at, row.updated_by_id = now, actor.user_id
    row.save(update_fields=["active", "version", "updated_at", "updated_by"])
    last = PolicyVersion.objects.filter(policy=row).order_by("-number").values_list("text", flat=True).first()
    _keep(row, text=last or "", note="Retired")
    _audit(actor, "policy.retire", row, {"before": {"active": True}, "after": {"active": False}}, now)
    return row


@transaction.atomic
def _store(actor: Actor, saving: Saving, *, expected_version: int | None, note: str = "", now: datetime) -> Policy:
    policy, stored = saving.policy, saving.document
    row = Policy.objects.select_for_update().filter(name=policy.name).first()
    if row is not None:
        require_version(row, row.version, expected_version)
        if row.active and row.digest == digest(stored) and _reads_alike(row, saving.text):
            return row
    before = row.document if row is not None else None
    row = row or Policy(name=policy.name, version=0)
    row.title, row.mode, row.effect = policy.title, policy.mode, policy.effect
    row.document, row.digest, row.active = stored, digest(stored), True
    row.version += 1
    row.updated_at, row.updated_by_id = now, actor.user_id
    row.save()
    _keep(row, text=saving.text, note=note)
    _audit(actor, "policy.save", row, {"before": before, "after": stored}, now)
    return row


def _reads_alike(row: Policy, text: str) -> bool:
    """Whether ``text`` is what is kept already; a change of its comments alone is a version too."""
    if not text:
        return True
    kept = PolicyVersion.objects.filter(policy=row).order_by("-number").values_list("text", flat=True).first()
    return kept == text


def _keep(row: Policy, *, text: str, note: str) -> None:
    PolicyVersion.objects.create(
        policy=row,
        number=row.version,
        document=row.document,
        digest=row.digest,
        text=text,
        mode=row.mode,
        active=row.active,
        note=note,
        at=row.updated_at,
        by_id=row.updated_by_id,
    )


def active_policies() -> tuple[CompiledPolicy, ...]:
    """All active policies by name, compiled once per process and version. One query when none has changed."""
    global _held  # noqa: PLW0603 - one process-wide cache, replaced as a whole
    rows = Policy.objects.filter(active=True).order_by("name")
    signature = tuple(rows.values_list("digest", flat=True))
    if signature == _held[0]:
        return _held[1]
    found = list(rows.values_list("digest", "document"))
    policies = tuple(compiled(document) for _, document in found)
    _held = (tuple(mark for mark, _ in found), policies)
    return policies


def evaluate(policies: Iterable[CompiledPolicy], facts: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """``governance.domain.policy.evaluate``, telling the log why a policy could not be evaluated."""
    verdicts = judge(policies, facts)
    for verdict in verdicts:
        if verdict.outcome == "errors":
            log.warning("policy_errors policy=%s mode=%s detail=%s", verdict.policy, verdict.mode, verdict.detail)
    return verdicts


def starter_policies() -> tuple[dict[str, Any], ...]:
    """The policy documents that Slipway brings along, by name of their files."""
    return tuple(load_yaml(text).data for text in _starter_texts())


def _starter_texts() -> list[str]:
    folder = resources.files("governance") / "starter_policies"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".yaml")), key=lambda item: item.name)
    return [item.read_text(encoding="utf-8") for item in files]


def starter_policies_install(actor: Actor, *, now: datetime) -> list[Policy]:
    """Save those starter policies that no policy of that name exists for; admins only. May be repeated."""
    rights_of(actor).require_admin()
    there = set(Policy.objects.values_list("name", flat=True))
    written = [(load_yaml(text).data, text) for text in _starter_texts()]
    missing = [(document, text) for document, text in written if document["metadata"]["name"] not in there]
    return [policy_save(actor, document=document, text=text, now=now) for document, text in missing]


def policy_problems(policy: CompiledPolicy) -> list[FieldError]:
    """Why a policy that reads well may not be stored: unknown names, or failing tests although it enforces."""
    return _unknown_names(policy) or (failed_tests(policy) if policy.mode == "enforce" else [])


def _able(usernames: Iterable[str]) -> set[str]:
    """Those who have an account that may agree to something."""
    people = User.objects.filter(username__in=list(usernames), is_active=True, service_of=None)
    return set(people.values_list("username", flat=True)) if usernames else set()


def _unknown_names(policy: CompiledPolicy) -> list[FieldError]:
    errors = []
    for number, rule in enumerate(policy.approvals):
        path = f"spec.approvals.{number}.from"
        group, team = source_group(rule.source), source_team(rule.source)
        if group is not None and not Group.objects.filter(name=group).exists():
            errors.append(FieldError(path, f"There is no group “{group}”; nobody could ever agree."))
        gone = set(source_people(rule.source)) - _able(source_people(rule.source))
        errors += [FieldError(path, f"There is nobody called “{name}” who could agree.") for name in sorted(gone)]
        route = route_named(rule.source)
        if route is not None and not ApprovalRoute.objects.filter(name=route, state="active").exists():
            errors.append(FieldError(path, f"There is no approval route “{route}” in force."))
        if team is not None and not Team.objects.filter(slug=team).exists():
            errors.append(FieldError(path, f"There is no team “{team}”; nobody could ever agree."))
    for kind, model in (("teams", Team), ("systems", System)):
        named = getattr(policy.scope, kind)
        known = set(model.objects.filter(slug__in=named).values_list("slug", flat=True)) if named else set()
        errors += [
            FieldError(f"spec.scope.{kind}.{number}", f"There is no {kind[:-1]} “{name}”; it would never speak of it.")
            for number, name in enumerate(named)
            if name not in known
        ]
    return errors


def _audit(actor: Actor, action: str, row: Policy, data: dict[str, Any], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="policy",
        object_id=row.name,
        object_label=row.title,
        data={"version": row.version, **data},
        now=now,
    )
