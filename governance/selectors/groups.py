"""Groups of people beside the roles of teams, and where policies and routes name them. For services, pages, the API."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.db.models import Count, Q, QuerySet

from governance.domain.approval import source_group
from governance.domain.route import compiled, sources_of
from governance.models import Approval, ApprovalRoute, Policy
from idp.catalog.models import User
from idp.kernel.errors import NotFound

SHOWN = 200


def groups_of_people() -> QuerySet[Group]:
    """Groups that are no team's roles, by name, each with ``people_count``."""
    active = Count("user", filter=Q(user__is_active=True))
    return Group.objects.exclude(name__startswith="team:").annotate(people_count=active).order_by("name")


def group_get(name: str) -> Group:
    row = groups_of_people().filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no group {name}.", remedy="Open the list of groups.")
    return row


def members_of_group(group: Group) -> list[User]:
    return list(User.objects.filter(groups=group).order_by("username")[:SHOWN])


@dataclass(frozen=True, slots=True)
class Named:
    """Where a group is named: pairs of name and title, and how many approvals wait for it or will."""

    policies: tuple[tuple[str, str], ...]
    routes: tuple[tuple[str, str], ...]
    waiting: int

    @property
    def anywhere(self) -> bool:
        return bool(self.policies or self.routes or self.waiting)


def group_named(group: str) -> Named:
    """Active policies, routes that are not retired, and undecided approvals that ask ``group``. Three queries."""
    policies = Policy.objects.filter(active=True).order_by("title").values_list("name", "title", "document")
    routes = ApprovalRoute.objects.exclude(state="retired").order_by("title")
    open_ones = Approval.objects.filter(state__in=("waiting", "later"))
    return Named(
        policies=tuple(
            (name, title)
            for name, title, document in policies
            if any(source_group(one["from"]) == group for one in document.get("spec", {}).get("approvals", ()))
        ),
        routes=tuple(
            (row.name, row.title)
            for row in routes
            if any(source_group(source) == group for _, source in sources_of(compiled(row.document)))
        ),
        waiting=open_ones.filter(Q(group_name=group) | Q(escalate_to=f"group:{group}")).count(),
    )
