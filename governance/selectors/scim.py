"""Lists of SCIM resources: a filter becomes a query, and the pages of a list are counted as SCIM counts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from governance.domain.scim_filter import Both, Compare, Either, Filter, Not, Path, Present, Within
from governance.domain.scim_schema import GROUP, USER, Resource, folded
from governance.models import ScimEmail, ScimGroup, ScimUser
from idp.kernel.errors import InvalidInput, NotFound

_LOOKUPS: Final[Mapping[str, str]] = {
    "eq": "",
    "co": "__contains",
    "sw": "__startswith",
    "ew": "__endswith",
    "gt": "__gt",
    "ge": "__gte",
    "lt": "__lt",
    "le": "__lte",
}


@dataclass(frozen=True, slots=True)
class _Column:
    """Where an attribute is kept; ``kind`` is text, folded (without regard to case), truth or moment."""

    field: str
    kind: str = "text"


_EVERYWHERE: Final = {
    "id": _Column("key"),
    "externalid": _Column("external_id"),
    "meta.created": _Column("created_at", "moment"),
    "meta.lastmodified": _Column("updated_at", "moment"),
}
_USER: Final = {
    **_EVERYWHERE,
    "username": _Column("user_name_key", "folded"),
    "displayname": _Column("display_name"),
    "active": _Column("active", "truth"),
}
_GROUP: Final = {**_EVERYWHERE, "displayname": _Column("display_name_key", "folded")}
_EMAIL: Final = {"value": _Column("value", "folded"), "type": _Column("type"), "primary": _Column("primary", "truth")}


def scim_users(tree: Filter | None = None, *, groups: bool = True) -> QuerySet[ScimUser]:
    """The people whom the directory manages; InvalidInput (``invalidFilter``) for a filter that is not answered.

    ``groups`` brings the groups of each along.
    """
    chosen = _query(tree, USER, _USER) if tree else Q()
    rows = ScimUser.objects.filter(chosen, deleted_at=None).order_by("pk")
    return rows.prefetch_related(_groups()) if groups else rows


def scim_groups(tree: Filter | None = None, *, members: bool = True) -> QuerySet[ScimGroup]:
    """As ``scim_users``; without ``members`` as quick for large groups as for small ones."""
    rows = ScimGroup.objects.filter(_query(tree, GROUP, _GROUP) if tree else Q()).order_by("pk")
    return rows.prefetch_related(_members()) if members else rows


def scim_user_get(key: str) -> ScimUser:
    row = scim_users().filter(key=key.lower()).first()
    if row is None:
        raise NotFound(f"There is no User {key[:40]}.")
    return row


def scim_group_get(key: str, *, members: bool = True) -> ScimGroup:
    row = scim_groups(members=members).filter(key=key.lower()).first()
    if row is None:
        raise NotFound(f"There is no Group {key[:40]}.")
    return row


def _groups() -> Prefetch[Any, Any, Any]:
    return Prefetch("groups", queryset=ScimGroup.objects.only("key", "display_name").order_by("pk"))


def _members() -> Prefetch[Any, Any, Any]:
    living = ScimUser.objects.filter(deleted_at=None)
    return Prefetch("members", queryset=living.only("key", "user_name").order_by("pk"))


def _query(tree: Filter, resource: Resource, columns: Mapping[str, _Column]) -> Q:
    match tree:
        case Both(left, right):
            return _query(left, resource, columns) & _query(right, resource, columns)
        case Either(left, right):
            return _query(left, resource, columns) | _query(right, resource, columns)
        case Not(inner):
            return ~_query(inner, resource, columns)
        case Within(path, inner):
            return _within(path, inner, resource)
        case Compare(path) | Present(path):
            if path.urn and path.urn != resource.urn.lower():
                raise _unanswered(path, columns)
            if resource is USER and path.name == "emails":
                return _within(Path("emails"), _one(tree, Path(path.sub or "value")), resource)
            if resource is GROUP and path.name == "members" and path.sub in ("", "value"):
                return _member(tree)
            return _condition(tree, path, columns)


def _within(path: Path, inner: Filter, resource: Resource) -> Q:
    if resource is GROUP and path.name == "members":
        return _member(inner)
    if resource is not USER or path.name != "emails" or path.sub:
        raise _unanswered(path, _USER if resource is USER else _GROUP)
    return Q(Exists(ScimEmail.objects.filter(_query(inner, _ADDRESS, _EMAIL), person=OuterRef("pk"))))


def _member(tree: Filter) -> Q:
    """Groups of one person, as some directories ask before they take somebody out."""
    if not isinstance(tree, Compare) or tree.op != "eq" or not isinstance(tree.value, str):
        raise InvalidInput('Members are found by members.value eq "id" only.', code="invalidFilter")
    through = ScimGroup.members.through.objects
    return Q(Exists(through.filter(scimgroup=OuterRef("pk"), scimuser__key=tree.value.lower())))


def _one(tree: Compare | Present, path: Path) -> Filter:
    return Compare(path, tree.op, tree.value) if isinstance(tree, Compare) else Present(path)


def _condition(tree: Compare | Present, path: Path, columns: Mapping[str, _Column]) -> Q:
    column = columns.get(str(path))
    if column is None:
        raise _unanswered(path, columns)
    there = Q() if column.kind in ("truth", "moment") else ~Q(**{column.field: ""})
    if isinstance(tree, Present):
        return there if there else Q(**{f"{column.field}__isnull": False})
    if tree.value is None:
        return ~there if tree.op == "eq" else there
    if tree.op == "ne":
        return ~_compared(Compare(path, "eq", tree.value), column)
    return _compared(tree, column)


def _compared(tree: Compare, column: _Column) -> Q:
    return Q(**{f"{column.field}{_LOOKUPS[tree.op]}": _value(tree, column)})


def _value(tree: Compare, column: _Column) -> str | bool | datetime:
    if column.kind == "truth":
        word = str(tree.value).lower()
        if tree.op != "eq" or word not in ("true", "false"):
            raise InvalidInput(f"{tree.path} is compared by eq with true or false.", code="invalidFilter")
        return word == "true"
    if not isinstance(tree.value, str):
        raise InvalidInput(f"{tree.path} is compared with a text in double quotes.", code="invalidFilter")
    if column.kind == "moment":
        if tree.op in ("co", "sw", "ew"):
            raise InvalidInput(f"{tree.path} is compared by eq, ne, gt, ge, lt or le.", code="invalidFilter")
        return _moment(tree)
    return folded(tree.value) if column.kind == "folded" else tree.value


def _moment(tree: Compare) -> datetime:
    try:
        moment = datetime.fromisoformat(str(tree.value))
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{tree.path} is compared with a time such as 2026-01-31T09:00:00Z.", code="invalidFilter"
        ) from None


def _unanswered(path: Path, columns: Mapping[str, _Column]) -> InvalidInput:
    known = [*columns, *(["emails", "emails.value"] if columns is _USER else [])]
    return InvalidInput(f"Nothing is found by “{path}” here; filter by {', '.join(known)}.", code="invalidFilter")


_ADDRESS: Final = Resource("Email", "", "", "An address of a person", ())
