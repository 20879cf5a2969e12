"""Everything that somebody may see as the documents it could be applied from again, file by file.

Called by the API and by pages. Applying these files to where they come from changes nothing; that is what is tested.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet

from governance.access import Rights, visible
from governance.models import ApprovalRoute
from governance.selectors.policies import policy_list
from provisioning.models import Contract, ContractDefinition, Environment
from provisioning.selectors.environments import environment_document

CHUNK: Final = 200
KINDS: Final = ("contracts", "approval-routes", "policies", "environments")


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """``documents`` are those of one file, in their order."""

    path: str
    documents: tuple[Mapping[str, Any], ...]


def exported(
    rights: Rights, *, kinds: Collection[str] = KINDS, system: str = "", environment: str = ""
) -> Iterator[ExportedFile]:
    """Files by kind and name. A ``system`` or an ``environment`` leaves its environments only, and no other kind.

    Retired contracts and policies are left out, and environments that are not made yet or are being deleted.
    """
    rights.require_scope("read")
    narrow = bool(system or environment)
    if "contracts" in kinds and not narrow:
        yield from _contracts()
    if "approval-routes" in kinds and not narrow:
        for name, document in (
            ApprovalRoute.objects.filter(state="active").order_by("name").values_list("name", "document")
        ):
            yield ExportedFile(f"approval-routes/{name}.yaml", (document,))
    if "policies" in kinds and not narrow:
        for policy in policy_list(rights):
            yield ExportedFile(f"policies/{policy.name}.yaml", (policy.document,))
    if "environments" in kinds:
        yield from _environments(rights, system, environment)


def environments_exported(rights: Rights, *, system: str = "", environment: str = "") -> int:
    """How many environments an export has. One query."""
    return _living(rights, system, environment).count()


def environment_exported(rights: Rights, system: str, name: str) -> Environment | None:
    """The environment of an export that has this name; None when there is none that the reader may see. One query."""
    return _living(rights, system, name).select_related("system__team", "stage", "desired").first()


def _contracts() -> Iterator[ExportedFile]:
    rows = Contract.objects.exclude(state="retired").select_related("capability")
    rows = rows.order_by("capability__name", "major", "minor", "patch", "id").prefetch_related("definitions")
    for row in rows.iterator(chunk_size=CHUNK):
        definitions = tuple(_definition(one) for one in row.definitions.all())
        yield ExportedFile(f"contracts/{row.capability.name}/{row.version}.yaml", (row.document, *definitions))


def _definition(one: ContractDefinition) -> dict[str, Any]:
    """The definition that was published with a contract, with what judges objects and no more."""
    api_version, _, kind = one.key.rpartition("/")
    group, _, version = api_version.partition("/")
    plural = f"{kind.lower()}s"
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": one.schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [served],
        },
    }


def _living(rights: Rights, system: str, environment: str) -> QuerySet[Environment]:
    named = {"system__slug": system, "name": environment}
    rows = visible(Environment.objects.filter(deleted_at=None), rights, "system")
    return (
        rows.exclude(state="deleting").exclude(desired=None).filter(**{key: one for key, one in named.items() if one})
    )


def _environments(rights: Rights, system: str, environment: str) -> Iterator[ExportedFile]:
    rows = _living(rights, system, environment).select_related("system", "stage", "desired")
    rows = rows.only("name", "system__slug", "stage__name", "desired__document")
    for row in rows.order_by("system__slug", "name").iterator(chunk_size=CHUNK):
        path = f"environments/{row.system.slug}/{row.name}.yaml"
        yield ExportedFile(path, (environment_document(row),))
