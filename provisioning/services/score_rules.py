"""The rules by which Score workloads are mapped: edited and taken back by platform admins. Every version is kept.

Resources that exist stay as they are until their file is sent again. Lock order: newest version, then audit head.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.canonical import canonical
from idp.kernel.errors import Conflict, UserFault
from provisioning.domain.score.check import Workload
from provisioning.domain.score.outcome import Place
from provisioning.domain.score.rules import Rule, require_sound, rules_of
from provisioning.domain.score.translate import translate
from provisioning.models import ScoreRules, ScoreWorkload
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.contracts import ContractLookup
from provisioning.selectors.score import before_of, latest_everywhere, rules_at, rules_now
from provisioning.services.score import lookup_of_rules


@dataclass(frozen=True, slots=True)
class Affected:
    """A workload that would be mapped otherwise when its file is sent again; ``problem`` when it could not be."""

    system: str
    environment: str
    workload: str
    changed: tuple[str, ...]
    problem: str = ""


def score_rules_save(
    actor: Actor, *, document: Mapping[str, Any], expected_version: int | None = None, note: str = "", now: datetime
) -> ScoreRules | None:
    """Let ``document`` hold from now on; admins only. The same again stores nothing and answers None.

    InvalidInput names each place that is wrong; Conflict when there is a newer version than ``expected_version``.
    """
    rights_of(actor).require_admin()
    score_rules_checked(document)
    return _store(actor, dict(canonical(document)), expected_version, note, now=now)


def score_rules_checked(document: Any) -> tuple[Rule, ...]:
    """The rules of a document that may be saved; InvalidInput otherwise. Writes nothing."""
    rules = document.get("rules") if isinstance(document, Mapping) else None
    named = {
        one["capability"]
        for one in (rules if isinstance(rules, list) else [])
        if isinstance(one, Mapping) and isinstance(one.get("capability"), str)
    }
    return require_sound(document, ContractLookup(Catalogue(named), {}).contract)


def score_rules_restore(
    actor: Actor, *, version: int, expected_version: int | None = None, now: datetime
) -> ScoreRules | None:
    """Take an earlier version back, as a new one; 0 are the rules that ship. Admins only."""
    rights_of(actor).require_admin()
    document = rules_at(version)
    what = f"Version {version} taken back" if version else "The rules that ship taken back"
    return score_rules_save(actor, document=document, expected_version=expected_version, note=what, now=now)


def score_rules_affected(document: Mapping[str, Any]) -> tuple[Affected, ...]:
    """Which workloads of living environments ``document`` would map otherwise than the rules that hold.

    Three queries, however many there are.
    """
    old, new = rules_now().rules, rules_of(document)
    rows = latest_everywhere()
    catalogue = Catalogue({one.capability for one in (*old, *new) if one.capability} | _capabilities(rows))
    found = []
    for row in rows:
        before, problem = _mapped(row, old, catalogue)
        after, trouble = _mapped(row, new, catalogue)
        if before != after or problem != trouble:
            names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
            found.append(Affected(row.system.slug, row.environment_name, row.name, tuple(names), trouble))
    return tuple(found)


def _capabilities(rows: Iterable[ScoreWorkload]) -> set[str]:
    """Of all that their environments have."""
    living = (row.change.environment for row in rows)
    documents = (one.desired.document for one in living if one is not None and one.desired is not None)
    return {resource["capability"] for document in documents for resource in document["resources"].values()}


def _mapped(row: ScoreWorkload, rules: tuple[Rule, ...], catalogue: Catalogue) -> tuple[Mapping[str, Any], str]:
    environment = row.change.environment
    assert environment is not None
    before = before_of(environment, {row.name: row}, without=[row.name])
    place = Place(row.system.slug, row.environment_name, environment.stage.name)
    workload = Workload(row.name, row.document)
    images = {"": _image(before.resources, row.claims)}
    try:
        lookup = lookup_of_rules(rules, before.resources, catalogue)
        made = translate([workload], rules, lookup.contract, place, before=before, images=images)
    except UserFault as error:
        return {}, error.message
    first = made.problems[0] if made.problems else None
    return made.resources, f"{first.path} {first.message}" if first else ""


def _image(resources: Mapping[str, Any], claims: Mapping[str, str]) -> str:
    """The image that runs now, for a file that says “.”."""
    images = (resources.get(name, {}).get("inputs", {}).get("image", "") for name in claims)
    return next((str(one) for one in images if one), "")


def _store(
    actor: Actor, document: dict[str, Any], expected_version: int | None, note: str, *, now: datetime
) -> ScoreRules | None:
    try:
        with transaction.atomic():
            list(ScoreRules.objects.select_for_update().order_by("-version")[:1])
            held = rules_now()
            if expected_version is not None and expected_version != held.version:
                raise _newer()
            if canonical(held.document) == document:
                return None
            row = ScoreRules.objects.create(
                version=held.version + 1, document=document, note=note[:200], saved_by=actor.username, saved_at=now
            )
            audit_append(
                actor,
                action="score-rules.save",
                object_type="score-rules",
                object_id=row.version,
                object_label=f"Score rules v{row.version}",
                data={"before": held.document, "after": document, "note": note},
                now=now,
            )
            return row
    except IntegrityError:
        raise _newer() from None


def _newer() -> Conflict:
    return Conflict("Somebody saved the rules after you opened them.", remedy="Read them again and redo your edit.")
