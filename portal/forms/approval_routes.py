"""The form of an approval route, for people who read no YAML: stages, who agrees in each, and when nobody needs to.

It translates between fields and the document; ``governance.domain.route`` decides what is right. Empty stages and rows
are left out, and one empty of each is drawn to add another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from django.http import QueryDict

from governance.domain.route_schema import MOST_APPROVERS, MOST_STAGES
from idp.kernel.errors import FieldError

KINDS: Final[Mapping[str, str]] = {
    "own": "Maintainers of the owning team",
    "team": "Maintainers of the team …",
    "group": "The group …",
    "people": "The people …",
    "capability": "Owners of the capability …",
    "capabilities": "Owners of every capability it touches",
    "dependencies": "Owners of the systems it depends on",
}
NEXT_KINDS: Final[Mapping[str, str]] = {"group": "The group …", "team": "Maintainers of the team …"}
TYPED: Final = 40
"""How much of a figure is kept: more than any that is right, so that what is wrong is shown as it was typed."""
NAMED: Final = ("team", "group", "people", "capability")


@dataclass(slots=True)
class Row:
    """One kind of people in a stage."""

    kind: str = ""
    which: str = ""
    count: str = "1"
    error: str = ""
    count_error: str = ""


@dataclass(slots=True)
class Stage:
    name: str = ""
    rows: list[Row] = field(default_factory=list)
    skip: str = ""
    sample: str = ""
    after: str = ""
    next_kind: str = "group"
    next_which: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.name or self.skip or self.after or any(row.kind for row in self.rows))


@dataclass(slots=True)
class RouteForm:
    """What stands in the form, as text."""

    name: str = ""
    title: str = ""
    order: str = "in-order"
    expires: str = ""
    version: str = ""
    stages: list[Stage] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The route as it is written; numbers that are none stay text, so that the schema says so."""
        spec: dict[str, Any] = {
            "title": self.title,
            "order": self.order,
            "stages": [_stage(one) for one in self._used()],
        }
        if self.expires:
            spec["expires"] = _number(self.expires)
        return {
            "apiVersion": "slipway.dev/v1",
            "kind": "ApprovalRoute",
            "metadata": {"name": self.name},
            "spec": spec,
        }

    def refuse(self, errors: Iterable[FieldError]) -> None:
        """Put each error beside its field; what has no field is said above."""
        for error in errors:
            parts = error.path.split(".")
            if error.path in ("metadata.name", "spec.title", "spec.expires", "spec.order"):
                self.errors[parts[-1]] = error.message
            elif parts[:2] == ["spec", "stages"] and len(parts) > 3:
                self._refuse_stage(self._used()[int(parts[2])], parts[3:], error.message)
            else:
                self.general.append(error.message)

    def shown(self) -> list[dict[str, Any]]:
        """Every stage to draw, and an empty one."""
        stages = [*self._used(), Stage()][:MOST_STAGES]
        return [_drawn(number, one) for number, one in enumerate(stages)]

    def _used(self) -> list[Stage]:
        return [one for one in self.stages if not one.is_empty]

    def _refuse_stage(self, stage: Stage, path: Sequence[str], message: str) -> None:
        rows = [row for row in stage.rows if row.kind]
        if path[0] == "approvers" and len(path) > 1 and path[1].isdecimal():
            row = rows[int(path[1])]
            if path[-1] == "count":
                row.count_error = message
            else:
                row.error = message
        else:
            stage.errors.setdefault(path[-1] if path[-1] in ("sample", "to") else path[0], message)


def from_fields(given: QueryDict) -> RouteForm:
    def text(name: str, most: int = 400) -> str:
        return given.get(name, "").strip()[:most]

    stages = []
    for at in range(MOST_STAGES):
        rows = [
            Row(text(f"s{at}-a{row}-kind", 20), text(f"s{at}-a{row}-which"), text(f"s{at}-a{row}-count", TYPED) or "1")
            for row in range(MOST_APPROVERS)
        ]
        stages.append(
            Stage(
                name=text(f"s{at}-name", 80),
                rows=[row for row in rows if row.kind in KINDS],
                skip=text(f"s{at}-skip", 2000),
                sample=text(f"s{at}-sample", TYPED),
                after=text(f"s{at}-after", TYPED),
                next_kind=text(f"s{at}-next-kind", 10) or "group",
                next_which=text(f"s{at}-next-which", 80),
            )
        )
    return RouteForm(
        name=text("name", 40),
        title=text("title", 200),
        order=text("order", 20) or "in-order",
        expires=text("expires", TYPED),
        version=text("version", 10),
        stages=stages,
    )


def from_document(document: Mapping[str, Any], *, version: str = "") -> RouteForm:
    spec = document["spec"]
    return RouteForm(
        name=document["metadata"]["name"],
        title=spec["title"],
        order=spec.get("order", "in-order"),
        expires=_text(spec.get("expires")),
        version=version,
        stages=[_read(one) for one in spec["stages"]],
    )


def _read(given: Mapping[str, Any]) -> Stage:
    skip, escalate = given.get("skip", {}), given.get("escalate", {})
    kind, which = _parts(escalate.get("to", "group:"))
    return Stage(
        name=given["name"],
        rows=[Row(*_parts(one["from"]), str(one.get("count", 1))) for one in given["approvers"]],
        skip=skip.get("when", ""),
        sample=_text(skip.get("sample")),
        after=_text(escalate.get("after")),
        next_kind=kind,
        next_which=which,
    )


def _stage(stage: Stage) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": stage.name,
        "approvers": [
            {"from": _source(row.kind, row.which), "count": _number(row.count)} for row in stage.rows if row.kind
        ],
    }
    if stage.skip:
        made["skip"] = {"when": stage.skip} | ({"sample": _number(stage.sample)} if stage.sample else {})
    if stage.after:
        made["escalate"] = {"after": _number(stage.after), "to": _source(stage.next_kind, stage.next_which)}
    return made


def _source(kind: str, which: str) -> str:
    if kind == "own":
        return "team:maintainer"
    if kind == "team":
        return f"team:{which}:maintainer"
    if kind == "people":
        return f"people:{','.join(one.strip() for one in which.split(',') if one.strip())}"
    return f"{kind}:{which}" if kind in NAMED else kind


def _parts(source: str) -> tuple[str, str]:
    if source == "team:maintainer":
        return "own", ""
    kind, _, which = source.partition(":")
    return kind, which.removesuffix(":maintainer").replace(",", ", ")


def _number(text: str) -> int | float | str:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return text
    if not isfinite(value):
        return text
    return int(value) if value.is_integer() else value


def _text(value: Any) -> str:
    return "" if value in (None, 0) else f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _drawn(number: int, stage: Stage) -> dict[str, Any]:
    rows = [*stage.rows, Row()][:MOST_APPROVERS]
    return {
        "prefix": f"s{number}",
        "number": number + 1,
        "stage": stage,
        "rows": [
            {
                "prefix": f"s{number}-a{at}",
                "row": row,
                "number": at + 1,
                "kinds": [{"value": key, "label": label, "on": key == row.kind} for key, label in KINDS.items()],
            }
            for at, row in enumerate(rows)
        ],
        "next_kinds": [
            {"value": key, "label": label, "on": key == stage.next_kind} for key, label in NEXT_KINDS.items()
        ],
        "more": bool(stage.skip or stage.after or stage.errors),
    }
