"""What was applied from files, and what of an owner is no longer in them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from governance.access import Rights
from governance.models import ApprovalRoute, Policy
from provisioning.models import AppliedDocument, Change, Environment

Key = tuple[str, str]
ALIVE = ("pending", "approved", "running")
"""States of a change that is not over."""


def applied_rows(keys: Iterable[Key]) -> dict[Key, AppliedDocument]:
    """By kind and name, with the change each led to. One query."""
    wanted = set(keys)
    names = {name for _, name in wanted}
    rows = AppliedDocument.objects.filter(name__in=names).select_related("change") if names else ()
    return {(row.kind, row.name): row for row in rows if (row.kind, row.name) in wanted}


def owned_elsewhere(rights: Rights, owner: str) -> tuple[Key, ...]:
    """Everything that lives under the label ``owner`` and that the reader may take away, environments first.

    What is on its way out is not among it, nor contracts, which never go. Four queries at most.
    """
    rows = AppliedDocument.objects.filter(owner=owner).exclude(kind="Contract").order_by("kind", "name")
    named: dict[str, list[str]] = {}
    for kind, name in rows.values_list("kind", "name"):
        named.setdefault(kind, []).append(name)
    found = [("Environment", name) for name in _environments(rights, named.get("Environment", []))]
    if rights.may_administer():
        policies = Policy.objects.filter(name__in=named.get("Policy", []), active=True).order_by("name")
        routes = ApprovalRoute.objects.filter(name__in=named.get("ApprovalRoute", []), state="active").order_by("name")
        found += [("Policy", name) for name in policies.values_list("name", flat=True)]
        found += [("ApprovalRoute", name) for name in routes.values_list("name", flat=True)]
    return tuple(found)


def _environments(rights: Rights, names: list[str]) -> list[str]:
    if not names:
        return []
    parts = [name.partition("/") for name in names]
    going = Change.objects.filter(kind="delete", state__in=ALIVE).exclude(environment=None).values("environment")
    rows = (
        Environment.objects.filter(
            Q(system__slug__in={one[0] for one in parts}), name__in={one[2] for one in parts}, deleted_at=None
        )
        .exclude(state="deleting")
        .exclude(pk__in=going)
        .select_related("system__team")
        .order_by("system__slug", "name")
    )
    wanted = set(names)
    return [
        f"{row.system.slug}/{row.name}"
        for row in rows
        if f"{row.system.slug}/{row.name}" in wanted and rights.may_request(row.system)
    ]
