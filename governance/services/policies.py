"""Policy documents: stored, tested, kept compiled per process.

``active_policies`` is asked on every change: it compares the digests of the active documents in one query and
compiles only when they differ from what this process has. Lock order: policy row, then audit head.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib import resources
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from governance.access import rights_of
from governance.domain.approval import source_group, source_team
from governance.domain.policy import CompiledPolicy, Verdict, compiled, failed_tests, parse_policy
from governance.domain.policy import evaluate as judge
from governance.models import Policy
from governance.services.audit import audit_append
from idp.catalog.models import Team
from idp.kernel.actor import Actor
from idp.kernel.canonical import canonical, digest
from idp.kernel.documents import load_yaml
from idp.kernel.errors import FieldError, InvalidInput, NotFound

log = logging.getLogger(__name__)

_held: tuple[tuple[str, ...], tuple[CompiledPolicy, ...]] = ((), ())


@transaction.atomic
def policy_save(actor: Actor, *, document: Mapping[str, Any], now: datetime) -> Policy:
    """Make or change the policy that the document names; admins only. An equal document changes nothing.

    InvalidInput names each place that is wrong, each team or group that is not there, and, for mode ``enforce``, each
    of the policy's own tests that does not come out as it says.
    """
    rights_of(actor).require_admin()
    policy = parse_policy(document)
    errors = _unknown_sources(policy) or (failed_tests(policy) if policy.mode == "enforce" else [])
    if errors:
        raise InvalidInput(f"This policy is not right yet: {errors[0].message}", errors=errors)
    stored = canonical(document)
    row = Policy.objects.select_for_update().filter(name=policy.name).first()
    if row is not None and row.active and row.digest == digest(stored):
        return row
    before = row.document if row is not None else None
    row = row or Policy(name=policy.name, version=0)
    row.title, row.mode, row.effect = policy.title, policy.mode, policy.effect
    row.document, row.digest, row.active = stored, digest(stored), True
    row.version += 1
    row.updated_at, row.updated_by_id = now, actor.user_id
    row.save()
    _audit(actor, "policy.save", row, {"before": before, "after": stored}, now)
    return row


@transaction.atomic
def policy_retire(actor: Actor, *, name: str, now: datetime) -> Policy:
    """Switch a policy off; it stays readable, and saving it again brings it back. Admins only."""
    rights_of(actor).require_admin()
    row = Policy.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no policy “{name}”.")
    if not row.active:
        return row
    row.active = False
    row.version += 1
    row.updated_at, row.updated_by_id = now, actor.user_id
    row.save(update_fields=["active", "version", "updated_at", "updated_by"])
    _audit(actor, "policy.retire", row, {}, now)
    return row


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
    folder = resources.files("governance") / "starter_policies"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".yaml")), key=lambda item: item.name)
    return tuple(load_yaml(item.read_bytes()).data for item in files)


def starter_policies_install(actor: Actor, *, now: datetime) -> list[Policy]:
    """Save those starter policies that no policy of that name exists for; admins only. May be repeated."""
    rights_of(actor).require_admin()
    there = set(Policy.objects.values_list("name", flat=True))
    missing = [document for document in starter_policies() if document["metadata"]["name"] not in there]
    return [policy_save(actor, document=document, now=now) for document in missing]


def _unknown_sources(policy: CompiledPolicy) -> list[FieldError]:
    errors = []
    for number, rule in enumerate(policy.approvals):
        path = f"spec.approvals.{number}.from"
        group, team = source_group(rule.source), source_team(rule.source)
        if group is not None and not Group.objects.filter(name=group).exists():
            errors.append(FieldError(path, f"There is no group “{group}”; nobody could ever agree."))
        if team is not None and not Team.objects.filter(slug=team).exists():
            errors.append(FieldError(path, f"There is no team “{team}”; nobody could ever agree."))
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
