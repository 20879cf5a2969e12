"""The root of our Django forms: their own sentences say what is right, in the words of the field."""

from __future__ import annotations

from typing import Any

from django import forms

USUAL = forms.Field.default_error_messages["required"]


class PlainForm(forms.Form):
    """A form whose empty fields say "Title is needed." unless they have a sentence of their own."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            if field.error_messages.get("required") == USUAL:
                field.error_messages["required"] = f"{field.label} is needed."
