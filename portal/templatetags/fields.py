"""Turns a Django BoundField into the plain field that `components/_field.html` draws.

Forms made from a contract's schema build the same shape themselves, so that every field of the portal is one drawing.
Used by the tag `bound_field` only.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms import BoundField

_KINDS: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.PasswordInput, "password"),
    (forms.HiddenInput, "hidden"),
    (forms.Textarea, "textarea"),
    (forms.CheckboxInput, "checkbox"),
    (forms.RadioSelect, "choices"),
    (forms.Select, "select"),
    (forms.NumberInput, "number"),
    (forms.DateInput, "date"),
)

_PASSED_ON = ("min", "max", "step", "maxlength", "rows", "placeholder")
_WRITTEN_AS_THEY_ARE = ("spellcheck", "wrap", "accept")


def of(bound: BoundField, **options: Any) -> dict[str, Any]:
    """The field's name, value, choices, limits and first error; `options` win over what the form says."""
    widget = bound.field.widget
    attributes = {**widget.attrs, **bound.field.widget_attrs(widget)}
    field: dict[str, Any] = {
        "id": bound.id_for_label or bound.auto_id,
        "name": bound.html_name,
        "label": bound.label,
        "kind": next((kind for cls, kind in _KINDS if isinstance(widget, cls)), "text"),
        "value": "" if bound.value() is None or isinstance(widget, forms.PasswordInput) else bound.value(),
        "hint": bound.help_text,
        "error": next(iter(bound.errors), ""),
        "required": bound.field.required and not _always_chosen(bound),
        "options": _options(bound),
    }
    field |= {key: attributes[key] for key in _PASSED_ON if key in attributes}
    field["autocomplete"] = attributes.get("autocomplete", "")
    field["attributes"] = {key: attributes[key] for key in _WRITTEN_AS_THEY_ARE if key in attributes}
    return field | options


def _always_chosen(bound: BoundField) -> bool:
    """A list without an empty line has an answer from the start: there is nothing to demand."""
    choices = list(getattr(bound.field, "choices", ()))
    return isinstance(bound.field.widget, forms.Select) and bool(choices) and all(value for value, _ in choices)


def _options(bound: BoundField) -> list[dict[str, Any]]:
    choices = getattr(bound.field, "choices", ())
    chosen = str(bound.value() if bound.value() is not None else "")
    return [{"value": value, "label": label, "selected": str(value) == chosen} for value, label in choices]
