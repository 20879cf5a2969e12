"""Forms by which people make and change endpoints of webhooks and chat, and send a period again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from django import forms

from governance.domain.event import CHOICES, groups
from governance.domain.notice import KINDS
from governance.domain.notice_ways import TOLD
from governance.domain.webhook import KIND_WORDS
from idp.catalog.models import Team
from portal.forms.plain import PlainForm

SPANS: Final = {
    "1h": ("The last hour", timedelta(hours=1)),
    "24h": ("The last 24 hours", timedelta(hours=24)),
    "3d": ("The last 3 days", timedelta(days=3)),
    "7d": ("The last 7 days", timedelta(days=7)),
}
_ADDRESS: Final = "Begins with https. A private address is refused unless an administrator lets it through."


class EndpointForm(PlainForm):
    """Whether the address may be called is the service's to say. No box ticked means every event but notices."""

    name = forms.CharField(label="Name", max_length=80, widget=forms.TextInput(attrs={"placeholder": "Deploy bot"}))
    kind = forms.ChoiceField(label="Kind", choices=tuple(KIND_WORDS.items()))
    url = forms.CharField(
        label="Address",
        max_length=2_000,
        help_text=_ADDRESS,
        widget=forms.TextInput(attrs={"placeholder": "https://hooks.example.com/slipway", "autocomplete": "off"}),
    )
    team = forms.ChoiceField(label="Team")
    system = forms.CharField(
        label="Only this system",
        max_length=30,
        required=False,
        help_text="Empty: every system of the team.",
        widget=forms.TextInput(attrs={"placeholder": "checkout", "autocomplete": "off"}),
    )
    events = forms.MultipleChoiceField(
        label="Events", required=False, choices=[(one.key, one.title) for one in CHOICES]
    )
    notices = forms.MultipleChoiceField(label="Kinds of notices", required=False, choices=list(TOLD.items()))

    def __init__(self, *args: Any, teams: Iterable[Team] = (), everyone: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.existing = bool(options.get("initial", {}).get("existing"))
        whole = [("", "The whole organisation")] if everyone else []
        field = self.fields["team"]
        field.choices = [*((one.slug, one.name) for one in teams), *whole]  # type: ignore[attr-defined]
        field.required = not everyone
        if self.existing:
            for name in ("kind", "team", "system"):
                del self.fields[name]
            self.fields["url"].required = False
            self.fields["url"].help_text = f"Left empty: it stays as it is. {_ADDRESS}"

    @property
    def event_groups(self) -> list[dict[str, Any]]:
        """Boxes to tick, by group."""
        chosen = set(self["events"].value() or ())
        return [
            {
                "name": group,
                "options": [{"value": one.key, "hint": one.title, "selected": one.key in chosen} for one in kinds],
            }
            for group, kinds in groups().items()
        ]

    @property
    def kind_groups(self) -> list[dict[str, Any]]:
        """Kinds of notices to tick, by group."""
        chosen = set(self["notices"].value() or ())
        found: dict[str, list[dict[str, Any]]] = {}
        for key, words in TOLD.items():
            option = {"value": key, "hint": words, "selected": key in chosen}
            found.setdefault(KINDS[key].group.replace("Your changes", "Changes"), []).append(option)
        return [{"name": name, "options": options} for name, options in found.items()]

    @property
    def some_kinds(self) -> bool:
        """Whether kinds are chosen, or wrong, and so are shown at once."""
        return bool(self["notices"].value() or self["notices"].errors)


class ReplayForm(PlainForm):
    """Which of the past is sent again."""

    span = forms.ChoiceField(label="Events of", choices=[(key, words) for key, (words, _) in SPANS.items()])
    every = forms.BooleanField(label="Also what was taken", required=False)
