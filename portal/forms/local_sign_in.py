"""The form of who may sign in without a provider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from governance.domain.local_sign_in import ADMINS, EVERYBODY, KEEPERS, LocalRule
from portal.forms.plain import PlainForm

CHOICES = (
    (EVERYBODY, "Everybody", "Whoever has a password or a passkey of Slipway."),
    (ADMINS, "Platform admins", "Everybody else comes through a provider."),
    (
        KEEPERS,
        "Chosen platform admins",
        "They keep a way in for when the provider is away.",
    ),
)


class LocalSignInForm(PlainForm):
    open_to = forms.ChoiceField(label="Open to", choices=[(key, title) for key, title, _ in CHOICES])
    keepers = forms.MultipleChoiceField(
        label="Who keeps a way in",
        required=False,
        error_messages={"invalid_choice": "%(value)s is no platform admin with a password."},
    )

    def __init__(self, *args: Any, admins: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["keepers"].choices = [(name, name) for name in admins]  # type: ignore[attr-defined]

    def rule(self) -> LocalRule:
        given = self.cleaned_data
        keepers = sorted(given["keepers"]) if given["open_to"] == KEEPERS else []
        return LocalRule(given["open_to"], tuple(keepers))

    @property
    def options(self) -> list[dict[str, Any]]:
        chosen = self["open_to"].value()
        return [{"value": key, "label": title, "hint": hint, "selected": key == chosen} for key, title, hint in CHOICES]

    @property
    def keeper_options(self) -> list[dict[str, Any]]:
        chosen = self["keepers"].value() or []
        return [{"value": name, "selected": name in chosen} for name, _ in self.fields["keepers"].choices]  # type: ignore[attr-defined]


def shown_rule(rule: LocalRule) -> str:
    """The rule in one hidden field, so that what was changed meanwhile is noticed."""
    return " ".join((rule.open_to, *rule.keepers))


def was_rule(text: str) -> LocalRule | None:
    """What ``shown_rule`` wrote."""
    kept = text.split()
    return LocalRule(kept[0], tuple(kept[1:])) if kept else None
