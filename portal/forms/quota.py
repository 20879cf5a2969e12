"""The forms by which teams ask for, lend and limit quota, and admins write prices and budgets as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django import forms

from governance.domain.quota import NAMES, Amounts
from portal.forms.plain import PlainForm

LAST_YEAR = 2200


def _amount(label: str, hint: str) -> forms.DecimalField:
    return forms.DecimalField(label=label, required=False, min_value=0, max_digits=9, decimal_places=3, help_text=hint)


class AmountsForm(PlainForm):
    """Amounts of which each may be left empty."""

    cpu = _amount("CPU", "Cores.")
    memory_gib = _amount("Memory", "GiB.")
    storage_gib = _amount("Storage", "GiB.")
    environments = forms.IntegerField(label="Environments", required=False, min_value=0, max_value=10_000)

    def amounts(self) -> Amounts:
        return Amounts.of({name: self.cleaned_data.get(name) or 0 for name in NAMES})


class MoreForm(AmountsForm):
    reason = forms.CharField(
        label="What it is for",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The admin who decides reads this.",
    )


class LoanForm(AmountsForm):
    side = forms.ChoiceField(
        label="Direction",
        choices=(("lender", "We lend to the other team"), ("borrower", "We borrow from the other team")),
    )
    team = forms.ChoiceField(label="Other team")
    until = forms.DateField(
        label="Until",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="It goes back at midnight UTC after that day.",
    )
    reason = forms.CharField(label="What it is for", max_length=400)

    def __init__(self, *args: Any, teams: Iterable[tuple[str, str]] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["team"].choices = list(teams)  # type: ignore[attr-defined]

    def clean_until(self) -> date:
        day: date = self.cleaned_data["until"]
        if day.year >= LAST_YEAR:
            raise forms.ValidationError("Choose a day within the next twelve months.")
        return day

    def ends_at(self) -> datetime:
        return datetime.combine(self.cleaned_data["until"] + timedelta(days=1), time(), tzinfo=UTC)


class LinesField(forms.CharField):
    """Lines of words with spaces between, as lists of words; empty lines are left out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False, max_length=8000, widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}), **options
        )

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        return [line.split() for line in str(text).splitlines() if line.strip()]


class CeilingsField(LinesField):
    """``monthly_cost 500``, ``stage prod cpu 8``, ``capability postgres 3``: one limit a line."""

    def to_python(self, value: Any) -> Any:
        document: dict[str, Any] = {"stages": {}, "capabilities": {}}
        for number, words in enumerate(super().to_python(value), 1):
            match words:
                case ["monthly_cost", limit]:
                    document["monthly_cost"] = limit
                case ["stage", stage, name, limit]:
                    document["stages"].setdefault(stage, {})[name] = limit
                case ["capability", name, limit]:
                    document["capabilities"][name] = limit
                case _:
                    raise forms.ValidationError(
                        f"Line {number} is “monthly_cost 500”, “stage prod cpu 8” or “capability postgres 3”."
                    )
        return document

    @staticmethod
    def shown(document: Mapping[str, Any]) -> str:
        lines = [f"monthly_cost {_plain(document['monthly_cost'])}"] if "monthly_cost" in document else []
        for stage, limits in document.get("stages", {}).items():
            lines += [f"stage {stage} {name} {_plain(limit)}" for name, limit in limits.items()]
        lines += [f"capability {name} {count}" for name, count in document.get("capabilities", {}).items()]
        return "\n".join(lines)


class PricesForm(PlainForm):
    lists = LinesField(
        label="Price lists",
        help_text="One a line: the day it begins, the stage or “all”, then a month of one core, one GiB of memory "
        "and one GiB of storage. 2026-12-01 prod 30 5 0.20",
    )

    def clean_lists(self) -> list[dict[str, str]]:
        return [self._list(number, words) for number, words in enumerate(self.cleaned_data["lists"], 1)]

    def _list(self, number: int, words: Sequence[str]) -> dict[str, str]:
        if len(words) != 5:
            raise forms.ValidationError(f"Line {number} is a day, a stage or “all”, and three prices.")
        day, stage, cpu, memory, storage = words
        stage = "" if stage == "all" else stage
        return {"from": day, "stage": stage, "cpu": cpu, "memory_gib": memory, "storage_gib": storage}

    @staticmethod
    def shown(lists: Iterable[Mapping[str, str]]) -> str:
        return "\n".join(
            " ".join([one["from"], one["stage"] or "all", *(_plain(one[name]) for name in NAMES[:3])]) for one in lists
        )


class BudgetsForm(PlainForm):
    budgets = LinesField(
        label="Budgets a month",
        help_text="One a line: “team” or a system, the amount of a calendar month, then what happens at which "
        "percentage. team 500 tell=50 warn=80 ask=95 deny=100",
    )

    def clean_budgets(self) -> list[dict[str, Any]]:
        return [self._budget(number, words) for number, words in enumerate(self.cleaned_data["budgets"], 1)]

    def _budget(self, number: int, words: Sequence[str]) -> dict[str, Any]:
        if len(words) < 2:
            raise forms.ValidationError(f"Line {number} is “team” or a system, an amount, and steps such as deny=100.")
        name, amount, *steps = words
        parsed = []
        for step in steps:
            do, _, at = step.partition("=")
            if not at.isdecimal():
                raise forms.ValidationError(f"Line {number}: write a step as warn=80.")
            parsed.append({"at": int(at), "do": do})
        return {"system": None if name == "team" else name, "amount": amount, "steps": parsed}

    @staticmethod
    def shown(budgets: Iterable[Mapping[str, Any]]) -> str:
        return "\n".join(
            " ".join([one["system"] or "team", _plain(one["amount"]), *(f"{s['do']}={s['at']}" for s in one["steps"])])
            for one in budgets
        )


def _plain(value: Any) -> str:
    text = format(Decimal(str(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
