"""The forms by which teams ask for quota and lend it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
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
