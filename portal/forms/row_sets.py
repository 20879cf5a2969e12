"""Rows of labelled fields that people add and remove, on Django's formsets; each button of a row works without script.

Used by the forms of limits, prices and budgets. A row in which nothing was written counts for nothing. Pure but for
the choices that are handed in; what is right about money and quota is decided by the services.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from django import forms
from django.forms import BaseFormSet, formset_factory

from idp.kernel.canonical import digest
from idp.kernel.errors import UserFault
from portal.forms.looked_at import NAME
from portal.forms.plain import PlainForm

ASKED: Final = ("look", "save")
"""Orders after which everything that is wrong is said; after others only what is wrong with what was written."""
MISSING: Final = ("required", "missing")
"""Codes of what is wrong only because nothing is there yet."""
MOST_ROWS: Final = 100
_COUNTS: Final = ("TOTAL_FORMS", "INITIAL_FORMS")


def amount_field(label: str, *, most: int, places: int = 3, least: int = 0, **options: Any) -> forms.DecimalField:
    """A number that is told about in one sentence, whatever is wrong with it."""
    told = f"Write a number from {least} to {most:,}" + (" such as 0.5." if places else ".")
    kinds = ("invalid", "min_value", "max_value", "max_digits", "max_decimal_places", "max_whole_digits")
    return forms.DecimalField(
        label=label,
        error_messages=dict.fromkeys(kinds, told),
        min_value=least,
        max_value=most,
        max_digits=14,
        decimal_places=places,
        **options,
    )


def whole_field(label: str, *, most: int, least: int = 0, **options: Any) -> forms.IntegerField:
    told = f"Write a whole number from {least} to {most:,}."
    kinds = ("invalid", "min_value", "max_value")
    errors = dict.fromkeys(kinds, told)
    return forms.IntegerField(label=label, error_messages=errors, min_value=least, max_value=most, **options)


class RowForm(PlainForm):
    """One row. ``focus`` are attributes of the field that takes the focus, because the row was just added."""

    use_required_attribute = False

    def __init__(self, *args: Any, choices: Mapping[str, list[tuple[str, str]]] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.focus: dict[str, str] = {}
        for name, offered in (choices or {}).items():
            field = self.fields[name]
            field.choices = offered  # type: ignore[attr-defined]
            field.error_messages["invalid_choice"] = "Choose one of the list."


class RowSet(BaseFormSet):
    """All rows of one kind. ``do`` is the order of the button that was pressed: ``add:<prefix>``,
    ``drop:<prefix>:<place>``, or what is not about rows. A row as the button adds it counts for nothing.
    """

    def __init__(self, data: Mapping[str, Any] | None = None, *, do: str = "", prefix: str, **options: Any) -> None:
        self.dropped = False
        rows = None if data is None else _rows(data, prefix)
        added = rows is not None and do == f"add:{prefix}" and len(rows) < MOST_ROWS
        if rows is not None and added:
            rows.append({name: _text(field.initial) for name, field in self.form.base_fields.items()})
        elif rows is not None and do.startswith(f"drop:{prefix}:"):
            self.dropped = _drop(rows, do.rpartition(":")[2])
        if rows is not None:
            options.pop("initial", None)  # Else a row as it is kept would count as one in which nothing was written.
        super().__init__(None if rows is None else _data(rows, prefix), prefix=prefix, **options)
        if added:
            self.forms[-1].focus = {"autofocus": "autofocus"}

    def __iter__(self) -> Iterator[RowForm]:
        return iter(self.forms)

    @property
    def used(self) -> list[RowForm]:
        """The rows that count, in their order."""
        return [row for row in self.forms if row.has_changed()]

    @property
    def may_add(self) -> bool:
        return len(self.forms) < MOST_ROWS

    def refuse_twice(self, *fields: str, told: str) -> None:
        """An error at each row that says the same in ``fields`` as one above it. For ``clean`` of a set."""
        seen = set()
        for row in self.used:
            key = tuple(row.cleaned_data.get(name) for name in fields) if row.is_valid() else None
            if key is not None and key in seen:
                row.add_error(fields[0], told)
            seen.add(key)


def row_set(row: type[RowForm], base: type[RowSet] = RowSet) -> type[RowSet]:
    made: Any = formset_factory(row, formset=base, extra=0, max_num=MOST_ROWS, absolute_max=MOST_ROWS)
    return cast("type[RowSet]", made)


class Edit(ABC):
    """A whole form of fields and rows that is looked at before it is saved. Subclasses say what is in it.

    ``document`` is what would be saved, as JSON; ``before`` what is there now, so that an edit that somebody else made
    meanwhile is looked at again instead of being written over.
    """

    def __init__(self, given: Mapping[str, Any] | None, *, before: Mapping[str, Any]) -> None:
        self.given = given
        self.before = before
        self.do = str(given.get("do", ""))[:80] if given is not None else ""
        self.general: list[str] = []

    @abstractmethod
    def parts(self) -> list[PlainForm]:
        """Every form in it."""

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """What would be saved."""

    def valid(self) -> bool:
        """Whether all of it was sent and is right. Until somebody asks, what is empty is not complained about."""
        if self.given is None:
            return False
        wrong = [one for one in self.parts() if not one.is_valid()]
        if self.do not in ASKED:
            for one in wrong:
                for name in [name for name, said in one.errors.as_data().items() if _is_missing(said)]:
                    del one.errors[name]
        return not wrong

    def asks_to_save(self) -> bool:
        """Whether what is to be saved is what the page showed the effect of."""
        return self.do == "save" and self.given is not None and self.given.get(NAME) == self.looked_at

    @property
    def looked_at(self) -> str:
        return digest({"before": self.before, "then": self.document()})

    def refuse(self, error: UserFault) -> None:
        """Put each fault of a service at its field; what has none is said above."""
        placed = [self._placed(one.path, one.message) for one in error.errors]
        if not all(placed) or not placed:
            self.general.append(f"{error.message} {error.remedy}".strip())

    def _placed(self, path: str, message: str) -> bool:
        form, name = self.place(path)
        if form is None or name not in form.fields:
            return False
        form.add_error(name, message)
        return True

    @abstractmethod
    def place(self, path: str) -> tuple[PlainForm | None, str]:
        """Where a fault at ``path`` of the document is shown: a form and a field's name."""

    @property
    def errors(self) -> list[str]:
        """Names of the fields that are wrong, as ``account/_form_errors.html`` counts them."""
        return [name for one in self.parts() if one.is_bound for name in one.errors] + ["" for _ in self.general]

    def non_field_errors(self) -> list[str]:
        return self.general


def row_of(rows: RowSet, number: str) -> RowForm | None:
    """The row that ``number`` means in a document, which leaves empty rows out."""
    used = rows.used
    return used[int(number)] if number.isdecimal() and len(number) < 4 and int(number) < len(used) else None


def _is_missing(said: Sequence[forms.ValidationError]) -> bool:
    return all(one.code in MISSING for one in said)


def _rows(data: Mapping[str, Any], prefix: str) -> list[dict[str, str]]:
    """What was sent, row by row; the number of rows is what the browser says, within bounds."""
    said = str(data.get(f"{prefix}-TOTAL_FORMS", ""))
    count = min(int(said), MOST_ROWS) if said.isdecimal() and len(said) < 5 else 0
    rows: list[dict[str, str]] = [{} for _ in range(count)]
    for name in data:
        own, _, rest = str(name).partition("-")
        number, _, field = rest.partition("-")
        if own == prefix and field and number.isdecimal() and len(number) < 4 and int(number) < count:
            rows[int(number)][field] = str(data.get(name))[:200].strip()
    return rows


def _data(rows: list[dict[str, str]], prefix: str) -> dict[str, str]:
    counts = {f"{prefix}-{name}": "0" for name in _COUNTS} | {f"{prefix}-TOTAL_FORMS": str(len(rows))}
    return counts | {f"{prefix}-{at}-{name}": value for at, row in enumerate(rows) for name, value in row.items()}


def _drop(rows: list[dict[str, str]], place: str) -> bool:
    known = place.isdecimal() and len(place) < 4 and int(place) < len(rows)
    if known:
        del rows[int(place)]
    return known


def _text(value: Any) -> str:
    return "" if value is None else str(value)
