"""Publishing contracts: a document is checked, compared with its neighbours, then stored once and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.catalog.models import Team
from idp.kernel.actor import Actor
from idp.kernel.canonical import canonical, digest
from idp.kernel.documents import load_yaml
from idp.kernel.errors import Conflict, FieldError, InvalidInput
from provisioning.domain.availability import is_own
from provisioning.domain.compatibility import compare, require_compatible
from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.contract import nearest_line, parse_contract
from provisioning.domain.contract_checks import check_contract
from provisioning.domain.custom_kinds import known_custom_kinds
from provisioning.domain.driver import Manifest
from provisioning.domain.kubernetes_schema import validate_object
from provisioning.domain.version import parse_version
from provisioning.models import Capability, Contract
from provisioning.selectors.contract_neighbours import living_inputs, neighbours


def contract_read(text: str | bytes) -> tuple[ParsedContract, list[FieldError]]:
    """The contract in a YAML text and what its checks find; InvalidInput when it is not a contract at all."""
    document = load_yaml(text)
    parsed = parse_contract(document.data, document.lines)
    found = check_contract(parsed, validate_object=judge_object)
    return parsed, [replace(one, line=one.line or nearest_line(document.lines, one.path)) for one in found]


def judge_object(manifest: Manifest) -> list[FieldError]:
    """What stands against an object that an example makes.

    Nothing where it is of a custom kind that does not come along: the contract says that it requires that kind, and
    the cluster that serves it judges what it is sent before anything is made.
    """
    api_version, kind = str(manifest.get("apiVersion")), manifest.get("kind")
    if not is_own(api_version) and f"{api_version}/{kind}" not in known_custom_kinds():
        return []
    return validate_object(manifest)


@transaction.atomic
def contract_publish(
    actor: Actor,
    *,
    text: str | bytes | None = None,
    document: Mapping[str, Any] | None = None,
    readme: str = "",
    now: datetime,
) -> Contract:
    """Publish one version. Admins only. Publishing the same document again answers with what is there.

    Raises InvalidInput with every check that failed, or ``contract-incompatible`` with what it would take away from
    those who use its predecessor; Conflict when the version exists with another content. Locks the capability, so
    that versions of one capability are compared and published one after the other.
    """
    rights_of(actor).require_admin()
    if text is not None:
        parsed, problems = contract_read(text)
    else:
        parsed = parse_contract(document)
        problems = check_contract(parsed, validate_object=judge_object)
    if problems:
        raise InvalidInput(
            f"{parsed.capability} {parsed.version} was not published.",
            code="contract-refused",
            remedy="Mend what is listed and publish again; nothing was stored.",
            errors=problems,
        )
    body = canonical(parsed.document)
    try:
        capability, made = _capability(parsed, readme, now=now)
        existing = Contract.objects.filter(capability=capability, version=parsed.version).first()
        if existing is not None:
            return _same_or_conflict(existing, digest(body))
        _require_compatible(parsed)
        return _store(actor, parsed, body, readme, capability=capability, made=made, now=now)
    except IntegrityError:
        raise Conflict(
            f"{parsed.capability} {parsed.version} was published by somebody else at the same moment."
        ) from None


def _same_or_conflict(existing: Contract, wanted: str) -> Contract:
    if existing.digest == wanted:
        return existing
    raise Conflict(
        f"This version is published already, with another content ({existing.digest[:12]}).",
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
    actor: Actor, parsed: ParsedContract, body: Any, readme: str, *, capability: Capability, made: bool, now: datetime
) -> Contract:
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
    audit_append(
        actor,
        action="contract.publish",
        object_type="contract",
        object_id=str(contract.pk),
        object_label=f"{parsed.capability} {version}",
        data={"digest": contract.digest, "state": contract.state},
        now=now,
    )
    return contract
