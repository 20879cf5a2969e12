"""Publishing contracts: a document is checked, compared with its neighbours, then stored once and never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.catalog.models import Team
from idp.kernel.actor import Actor
from idp.kernel.canonical import canonical, digest
from idp.kernel.errors import Conflict, FieldError, InvalidInput
from provisioning.domain.compatibility import compare, require_compatible
from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.contract import nearest_line, parse_contract
from provisioning.domain.contract_checks import check_contract
from provisioning.domain.contract_source import read_source
from provisioning.domain.custom_kinds import CustomKind
from provisioning.domain.version import parse_version
from provisioning.models import Capability, Contract, ContractDefinition
from provisioning.selectors.contract_neighbours import living_inputs, neighbours
from provisioning.selectors.definitions import digests_of
from provisioning.services.definitions import definitions_seek, judge_of


@dataclass(frozen=True, slots=True)
class ContractDraft:
    """A contract that was read, not judged. ``definitions`` are those it brings of the kinds it requires or uses."""

    contract: ParsedContract
    lines: Mapping[str, int]
    definitions: Mapping[str, CustomKind]

    def digests(self) -> dict[str, str]:
        return {key: digest(one.openapi) for key, one in sorted(self.definitions.items())}


def draft_read(
    text: str | bytes | None = None,
    document: Mapping[str, Any] | None = None,
    definitions: Iterable[Any] = (),
) -> ContractDraft:
    """The contract in a YAML text or as data, with its definitions; InvalidInput when it is not a contract at all."""
    source = read_source(text, document, definitions)
    parsed = parse_contract(source.document, source.lines)
    made = {*parsed.requires.apis, *parsed.uses}
    return ContractDraft(parsed, source.lines, {key: one for key, one in source.kinds.items() if key in made})


def draft_problems(draft: ContractDraft, *, ask_clusters: bool = True, now: datetime | None = None) -> list[FieldError]:
    """What the checks find, with lines. Given ``now``, clusters are first asked for definitions that are not known."""
    if ask_clusters and now is not None:
        definitions_seek({*draft.contract.requires.apis, *draft.contract.uses}, now=now)
    judge = judge_of(draft.definitions, ask_clusters=ask_clusters)
    found = check_contract(draft.contract, validate_object=judge)
    return [replace(one, line=one.line or nearest_line(draft.lines, one.path)) for one in found]


def contract_read(
    text: str | bytes | None = None,
    *,
    document: Mapping[str, Any] | None = None,
    definitions: Iterable[Any] = (),
    now: datetime | None = None,
) -> tuple[ParsedContract, list[FieldError]]:
    """The contract and what its checks find; InvalidInput when it is not a contract at all."""
    draft = draft_read(text, document, definitions)
    return draft.contract, draft_problems(draft, now=now)


def contract_publish(
    actor: Actor,
    *,
    text: str | bytes | None = None,
    document: Mapping[str, Any] | None = None,
    definitions: Iterable[Any] = (),
    readme: str = "",
    ask_clusters: bool = True,
    now: datetime,
) -> Contract:
    """Publish one version. Admins only. Publishing the same document again answers with what is there.

    Raises InvalidInput with every check that failed, or ``contract-incompatible`` with what it would take away from
    those who use its predecessor; Conflict when the version exists with another content. Without ``ask_clusters`` it
    is not held against what clusters define, which is for what comes along: a start must not hang on a cluster.
    """
    rights_of(actor).require_admin()
    draft = draft_read(text, document, definitions)
    parsed = draft.contract
    body = canonical(parsed.document)
    existing = Contract.objects.filter(capability__name=parsed.capability, version=parsed.version).first()
    if existing is not None and _is_same(existing, digest(body), draft):
        return existing
    if problems := draft_problems(draft, ask_clusters=ask_clusters, now=now):
        raise InvalidInput(
            f"{parsed.capability} {parsed.version} was not published.",
            code="contract-refused",
            remedy="Mend what is listed and publish again; nothing was stored.",
            errors=problems,
        )
    return _publish(actor, draft, body, readme, now=now)


@transaction.atomic
def _publish(actor: Actor, draft: ContractDraft, body: Any, readme: str, *, now: datetime) -> Contract:
    """Locks the capability, so that versions of one capability are compared and published one after the other."""
    parsed = draft.contract
    try:
        capability, made = _capability(parsed, readme, now=now)
        existing = Contract.objects.filter(capability=capability, version=parsed.version).first()
        if existing is not None:
            return _same_or_conflict(existing, digest(body), draft)
        _require_compatible(parsed)
        return _store(actor, draft, body, readme, capability=capability, made=made, now=now)
    except IntegrityError:
        raise Conflict(
            f"{parsed.capability} {parsed.version} was published by somebody else at the same moment."
        ) from None


def _is_same(existing: Contract, wanted: str, draft: ContractDraft) -> bool:
    return existing.digest == wanted and digests_of(existing) == draft.digests()


def _same_or_conflict(existing: Contract, wanted: str, draft: ContractDraft) -> Contract:
    if _is_same(existing, wanted, draft):
        return existing
    other = "another content" if existing.digest != wanted else "other definitions of custom kinds"
    raise Conflict(
        f"This version is published already, with {other} ({existing.digest[:12]}).",
        code="version-exists",
        remedy="A published version never changes; raise the version and publish that.",
    )


def _require_compatible(parsed: ParsedContract) -> None:
    """InvalidInput when it takes something away, or when what is published after it already would."""
    before, after = neighbours(parsed.capability, parsed.semver)
    if before is not None:
        living = (inputs for _, inputs in living_inputs(parsed.capability, before.semver.major))
        require_compatible(before, parsed, compare(before, parsed, living))
    if after is not None:
        require_compatible(parsed, after, compare(parsed, after))


def _capability(parsed: ParsedContract, readme: str, *, now: datetime) -> tuple[Capability, bool]:
    """The capability, locked, and whether it was made just now."""
    shown = _shown(parsed, readme)
    capability, made = Capability.objects.get_or_create(name=parsed.capability, defaults={**shown, "created_at": now})
    return Capability.objects.select_for_update(of=("self",)).get(pk=capability.pk), made


def _shown(parsed: ParsedContract, readme: str) -> dict[str, Any]:
    shown = {
        "title": parsed.title,
        "summary": parsed.summary,
        "category": parsed.category,
        "icon": parsed.icon,
        "owner": Team.objects.filter(slug=parsed.owner).first(),
    }
    return {**shown, "readme": readme} if readme else shown


def _store(
    actor: Actor, draft: ContractDraft, body: Any, readme: str, *, capability: Capability, made: bool, now: datetime
) -> Contract:
    parsed, digests = draft.contract, draft.digests()
    version = parse_version(parsed.version)
    newest = not Contract.objects.filter(capability=capability, state="stable", major__gt=version.major).exists()
    if not made and newest:
        Capability.objects.filter(pk=capability.pk).update(**_shown(parsed, readme))
    contract = Contract.objects.create(
        capability=capability,
        version=str(version),
        major=version.major,
        minor=version.minor,
        patch=version.patch,
        state=parsed.state,
        document=body,
        digest=digest(body),
        published_at=now,
        published_by_id=actor.user_id,
    )
    ContractDefinition.objects.bulk_create(
        ContractDefinition(contract=contract, key=key, schema=draft.definitions[key].openapi, digest=one)
        for key, one in digests.items()
    )
    audit_append(
        actor,
        action="contract.publish",
        object_type="contract",
        object_id=str(contract.pk),
        object_label=f"{parsed.capability} {version}",
        data={
            "before": None,
            "after": {"state": contract.state, "digest": contract.digest},
            **({"definitions": digests} if digests else {}),
        },
        now=now,
    )
    return contract
