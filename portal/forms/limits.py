"""The form of a team's limits: four amounts, money a month, and limits of stages and of capabilities, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from django import forms

from governance.domain.ceilings import COST, STAGE_NAMES
from governance.domain.quota import NAMES, plain
from portal.forms.plain import PlainForm
from portal.forms.row_sets import Edit, RowForm, RowSet, amount_field, row_set, whole_field

MOST: Final = 1_000_000
MOST_ENVIRONMENTS: Final = 10_000
TWICE: Final = "It has a row above; write all of its limits there."


class LimitsForm(PlainForm):
    """Cores, GiB, whole environments, and money a month, of which only the last may be left empty."""

    cpu = amount_field("CPU", most=MOST)
    memory_gib = amount_field("Memory", most=MOST)
    storage_gib = amount_field("Storage", most=MOST)
    environments = whole_field("Environments", most=MOST_ENVIRONMENTS)
    monthly_cost = amount_field("Cost a month", most=MOST, places=2, required=False)


class StageRow(RowForm):
    stage = forms.ChoiceField(label="Stage")
    cpu = amount_field("CPU", most=MOST, required=False)
    memory_gib = amount_field("Memory", most=MOST, required=False)
    storage_gib = amount_field("Storage", most=MOST, required=False)
    environments = whole_field("Environments", most=MOST_ENVIRONMENTS, required=False)
    monthly_cost = amount_field("Cost a month", most=MOST, places=2, required=False)

    def clean(self) -> None:
        if not self.errors and all(self.cleaned_data[name] is None for name in STAGE_NAMES):
            told = "Write at least one limit, or remove the stage."
            self.add_error("cpu", forms.ValidationError(told, code="missing"))


class CapabilityRow(RowForm):
    capability = forms.ChoiceField(label="Capability")
    most = whole_field("At most", most=MOST)


class StageRows(RowSet):
    def clean(self) -> None:
        self.refuse_twice("stage", told=TWICE)


class CapabilityRows(RowSet):
    def clean(self) -> None:
        self.refuse_twice("capability", told="It has a row above.")


_StageSet, _CapabilitySet = row_set(StageRow, StageRows), row_set(CapabilityRow, CapabilityRows)


class LimitsEdit(Edit):
    """``before`` is the team's quota as ``limits_shown`` gives it."""

    def __init__(
        self,
        given: Mapping[str, Any] | None,
        *,
        before: Mapping[str, Any],
        stages: Iterable[str],
        capabilities: Iterable[str],
    ) -> None:
        super().__init__(given, before=before)
        kept = before["ceilings"]
        first = {name: before[name] for name in NAMES} | {COST: _shown(kept.get(COST))}
        self.main = LimitsForm(given, initial=first)
        of_stages, of_capabilities = kept.get("stages", {}), kept.get("capabilities", {})
        self.stages = _StageSet(
            given,
            do=self.do,
            prefix="stages",
            initial=[
                {"stage": stage} | {name: _shown(limit) for name, limit in limits.items()}
                for stage, limits in of_stages.items()
            ],
            form_kwargs={"choices": {"stage": _offered("a stage", [*stages, *of_stages])}},
        )
        self.capabilities = _CapabilitySet(
            given,
            do=self.do,
            prefix="capabilities",
            initial=[{"capability": name, "most": most} for name, most in of_capabilities.items()],
            form_kwargs={"choices": {"capability": _offered("a capability", [*capabilities, *of_capabilities])}},
        )

    def parts(self) -> list[PlainForm]:
        return [self.main, *self.stages.forms, *self.capabilities.forms]

    def valid(self) -> bool:
        # The sets find what is there twice before their rows are asked.
        for rows in (self.stages, self.capabilities):
            if self.given is not None:
                rows.full_clean()
        return super().valid()

    def document(self) -> dict[str, Any]:
        """What ``quota_set`` takes, figures as text."""
        sent = self.main.cleaned_data
        ceilings: dict[str, Any] = {
            "stages": {row.cleaned_data["stage"]: _limits(row.cleaned_data) for row in self.stages.used},
            "capabilities": {
                row.cleaned_data["capability"]: row.cleaned_data["most"] for row in self.capabilities.used
            },
        }
        if sent[COST] is not None:
            ceilings[COST] = plain(sent[COST])
        return {name: plain(sent[name]) for name in NAMES} | {"ceilings": ceilings}

    def amounts(self) -> dict[str, Any]:
        """The four limits as numbers."""
        return {name: self.main.cleaned_data[name] for name in NAMES}

    def place(self, path: str) -> tuple[PlainForm | None, str]:
        match path.split("."):
            case ["ceilings", "stages", stage, *rest]:
                return self._row(self.stages, "stage", stage), rest[0] if rest else "stage"
            case ["ceilings", "capabilities", name]:
                return self._row(self.capabilities, "capability", name), "most"
            case [*_, name]:
                return self.main, name
        return None, ""

    @staticmethod
    def _row(rows: RowSet, field: str, value: str) -> RowForm | None:
        return next((row for row in rows.used if row.cleaned_data.get(field) == value), None)


def _limits(sent: Mapping[str, Any]) -> dict[str, str]:
    return {name: plain(sent[name]) for name in STAGE_NAMES if sent[name] is not None}


def _offered(what: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """Each once, and first of all none. Those of limits that are there stay, though nothing has that name any more."""
    return [("", f"Choose {what}"), *((name, name) for name in dict.fromkeys(names))]


def _shown(value: Any) -> str:
    return "" if value is None else plain(Decimal(str(value)))
