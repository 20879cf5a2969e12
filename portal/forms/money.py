"""The forms of a cluster's price lists and of a team's budgets, row by row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from django import forms

from governance.domain.budget import ACTIONS, DEFAULT_STEPS, MOST_PERCENT
from governance.domain.quota import plain
from portal.forms.plain import PlainForm
from portal.forms.row_sets import Edit, RowForm, RowSet, amount_field, row_of, row_set, whole_field
from provisioning.domain.prices import AMOUNTS

MOST_PRICE: Final = 999_999
MOST_BUDGET: Final = 1_000_000_000
STEP_WORDS: Final = {"tell": "Tell maintainers", "warn": "Warn", "ask": "Ask a maintainer", "deny": "Refuse"}
_FIRST: Final = {one.do: one.at for one in DEFAULT_STEPS}


class PriceRow(RowForm):
    """One price list; a month of one core, of one GiB of memory, of one GiB of storage."""

    begins = forms.DateField(
        label="From",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "Write the day as 2026-12-01."},
    )
    stage = forms.ChoiceField(label="Stage", required=False)
    cpu = amount_field("A core", most=MOST_PRICE, places=4)
    memory_gib = amount_field("A GiB of memory", most=MOST_PRICE, places=4)
    storage_gib = amount_field("A GiB of storage", most=MOST_PRICE, places=4)


class PriceRows(RowSet):
    def clean(self) -> None:
        self.refuse_twice("begins", "stage", told="Another list begins on this day for the same stage.")


class BudgetRow(RowForm):
    """What a month may cost, and at which percentage what happens; an empty percentage is nothing happening."""

    system = forms.ChoiceField(label="Of", required=False)
    amount = amount_field("Amount a month", most=MOST_BUDGET, places=2)
    tell = whole_field(STEP_WORDS["tell"], least=1, most=MOST_PERCENT, required=False, initial=_FIRST["tell"])
    warn = whole_field(STEP_WORDS["warn"], least=1, most=MOST_PERCENT, required=False, initial=_FIRST["warn"])
    ask = whole_field(STEP_WORDS["ask"], least=1, most=MOST_PERCENT, required=False, initial=_FIRST["ask"])
    deny = whole_field(STEP_WORDS["deny"], least=1, most=MOST_PERCENT, required=False, initial=_FIRST["deny"])

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if not amount:
            raise forms.ValidationError("A budget is an amount above zero for each month.")
        return amount


class BudgetRows(RowSet):
    def clean(self) -> None:
        self.refuse_twice("system", told="There is a budget for this above.")


_PriceSet, _BudgetSet = row_set(PriceRow, PriceRows), row_set(BudgetRow, BudgetRows)


class RowsEdit(Edit):
    """A form that is one set of rows and nothing else."""

    rows: RowSet

    def parts(self) -> list[PlainForm]:
        return list(self.rows.forms)

    def valid(self) -> bool:
        if self.given is not None:
            self.rows.full_clean()
        return super().valid()

    @abstractmethod
    def documents(self) -> list[dict[str, Any]]:
        """What would be saved, a document for each row."""

    def document(self) -> dict[str, Any]:
        return {"rows": self.documents()}

    def place(self, path: str) -> tuple[PlainForm | None, str]:
        """``price_lists[2].cpu`` and ``budgets[0].steps[1].at`` are fields of the rows of these numbers."""
        whole, _, name = path.partition(".")
        row = row_of(self.rows, whole.partition("[")[2].rstrip("]"))
        return row, self.field(name)

    def field(self, name: str) -> str:
        return name


class PricesEdit(RowsEdit):
    """``lists`` are the cluster's price lists as they are kept."""

    def __init__(
        self, given: Mapping[str, Any] | None, *, lists: Sequence[Mapping[str, str]], stages: Iterable[str]
    ) -> None:
        super().__init__(given, before={"rows": list(lists)})
        named = dict.fromkeys([*stages, *(one["stage"] for one in lists if one["stage"])])
        self.rows = _PriceSet(
            given,
            do=self.do,
            prefix="lists",
            initial=[
                {"begins": one["from"], "stage": one["stage"]} | {name: _shown(one[name]) for name in AMOUNTS}
                for one in lists
            ],
            form_kwargs={"choices": {"stage": [("", "All stages"), *((name, name) for name in named)]}},
        )

    def documents(self) -> list[dict[str, Any]]:
        """What ``prices_set`` takes."""
        sent = [row.cleaned_data for row in self.rows.used]
        return [
            {"from": one["begins"].isoformat(), "stage": one["stage"]} | {name: plain(one[name]) for name in AMOUNTS}
            for one in sent
        ]

    def field(self, name: str) -> str:
        return "begins" if name == "from" else name


class BudgetsEdit(RowsEdit):
    """``budgets`` are the team's as ``budgets_shown`` gives them; ``systems`` are pairs of slug and words."""

    def __init__(
        self,
        given: Mapping[str, Any] | None,
        *,
        budgets: Sequence[Mapping[str, Any]],
        team: str,
        systems: Iterable[tuple[str, str]],
    ) -> None:
        super().__init__(given, before={"rows": list(budgets)})
        self.rows = _BudgetSet(
            given,
            do=self.do,
            prefix="budgets",
            initial=[_first(one) for one in budgets],
            form_kwargs={"choices": {"system": [("", f"All of {team}"), *systems]}},
        )

    def documents(self) -> list[dict[str, Any]]:
        """What ``budgets_set`` takes."""
        sent = [row.cleaned_data for row in self.rows.used]
        return [
            {
                "system": one["system"] or None,
                "amount": plain(one["amount"]),
                "steps": [{"at": one[do], "do": do} for do in ACTIONS if one[do] is not None],
            }
            for one in sent
        ]

    def field(self, name: str) -> str:
        return "tell" if name.startswith("steps") else name


def _first(budget: Mapping[str, Any]) -> dict[str, Any]:
    steps = dict.fromkeys(ACTIONS) | {step["do"]: step["at"] for step in budget["steps"]}
    return {"system": budget["system"] or "", "amount": _shown(budget["amount"]), **steps}


def _shown(value: Any) -> str:
    return plain(Decimal(str(value)))
