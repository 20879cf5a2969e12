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

_PASSED_ON = ("min", "max", "step", "maxlength", "rows", "placeholder", "autocomplete")


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
        "required": bound.field.required,
        "options": _options(bound),
    }
    field |= {
        key: attributes[key] for key in ("min", "max", "step", "maxlength", "rows", "placeholder") if key in attributes
    }
    field["autocomplete"] = attributes.get("autocomplete", "")
    return field | options


def _options(bound: BoundField) -> list[dict[str, Any]]:
    choices = getattr(bound.field, "choices", ())
    chosen = str(bound.value() if bound.value() is not None else "")
    return [{"value": value, "label": label, "selected": str(value) == chosen} for value, label in choices]
