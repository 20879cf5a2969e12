"""Policies as people read them; every signed-in person may."""

from __future__ import annotations

from django.db.models import QuerySet

from governance.domain.policy_text import policy_text
from governance.models import Policy, PolicyVersion
from idp.catalog.selectors import Sight
from idp.kernel.errors import NotFound


def policy_list(rights: Sight, *, retired: bool = False) -> QuerySet[Policy]:
    """Policies by name, the active ones unless ``retired``."""
    rights.require_scope("read")
    return Policy.objects.filter(active=not retired).order_by("name")


def policy_get(rights: Sight, name: str) -> Policy:
    rights.require_scope("read")
    policy = Policy.objects.filter(name=name).select_related("updated_by").first()
    if policy is None:
        raise NotFound(f"There is no policy “{name}”.")
    return policy


def policy_versions(rights: Sight, policy: Policy) -> QuerySet[PolicyVersion]:
    """Every version that is kept of a policy, the newest first, without documents and texts."""
    rights.require_scope("read")
    rows = PolicyVersion.objects.filter(policy=policy).select_related("by").defer("document", "text")
    return rows.order_by("-number")


def policy_version(rights: Sight, policy: Policy, number: int) -> PolicyVersion:
    rights.require_scope("read")
    found = PolicyVersion.objects.filter(policy=policy, number=number).select_related("by").first()
    if found is None:
        raise NotFound(f"The policy “{policy.name}” has no version {number}.")
    return found


def version_before(policy: Policy, number: int) -> PolicyVersion | None:
    """The version that ``number`` came after; None for the first that is kept."""
    return PolicyVersion.objects.filter(policy=policy, number__lt=number).order_by("-number").first()


def text_of(version: PolicyVersion) -> str:
    """The document as it was written, or written out where it came as JSON."""
    return version.text or policy_text(version.document)


def current_text(policy: Policy) -> str:
    """The newest version as text. One query."""
    newest = PolicyVersion.objects.filter(policy=policy).order_by("-number").first()
    return text_of(newest) if newest is not None else policy_text(policy.document)
