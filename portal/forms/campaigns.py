"""Forms of campaigns: what is to move where, in which waves and how fast; and choosing another day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django import forms

from portal.forms.plain import PlainForm
from provisioning.domain.campaign_layout import Pace
from provisioning.services.campaigns import CampaignSettings

ORDER_WORDS: Final = {
    "stage": "Stage by stage, in the stages' own order",
    "team": "Team by team, the smallest first",
    "percentage": "By share, mixed over teams and stages",
}
ANY_OLDER: Final = ""
MOMENTS: Final = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
MOMENT_RULE: Final = "Write a moment like 2026-11-28 09:00, in UTC."


class MomentField(forms.DateTimeField):
    """A moment in UTC, as text, so that it works in every browser."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("error_messages", {"invalid": MOMENT_RULE})
        widget = forms.TextInput(attrs={"placeholder": "2026-11-28 09:00"})
        super().__init__(input_formats=MOMENTS, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return value.astimezone(UTC).strftime(MOMENTS[0]) if isinstance(value, datetime) else value

    def to_python(self, value: Any) -> datetime | None:
        found = super().to_python(value)
        return found.replace(tzinfo=UTC) if isinstance(found, datetime) else None


class WordsField(forms.CharField):
    """Names with commas between them."""

    def clean(self, value: Any) -> tuple[str, ...]:
        text = super().clean(value)
        return tuple(part.strip() for part in text.split(",") if part.strip())


class CampaignForm(PlainForm):
    """``targets`` are versions that may be moved to, ``sources`` pairs of an older version and how many use it."""

    target = forms.ChoiceField(label="To version")
    sources = forms.ChoiceField(label="From version", required=False)
    title = forms.CharField(label="Title", max_length=120, required=False, help_text="A plain one if left empty.")
    reason = forms.CharField(
        label="Why",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Owners read it with their day.",
    )
    order = forms.ChoiceField(label="Waves", choices=list(ORDER_WORDS.items()), widget=forms.RadioSelect)
    shares = forms.CharField(
        label="Shares", max_length=80, required=False, help_text="Percentages that grow, for waves by share."
    )
    first = WordsField(
        label="First of all",
        max_length=400,
        required=False,
        help_text="Stages or teams that come before the others, with commas between.",
    )
    starts_at = MomentField(label="First wave", help_text="UTC. Owners are told when you start the campaign.")
    interval = forms.IntegerField(label="Between waves", min_value=0, max_value=2160)
    soak = forms.IntegerField(label="Quiet time after a wave", min_value=0, max_value=2160)
    patience = forms.IntegerField(label="Wait for approvals", min_value=0, max_value=2160)
    threshold = forms.IntegerField(label="Pause when more fail than", min_value=0, max_value=99)
    postpone_days = forms.IntegerField(label="Owners may postpone by", min_value=0, max_value=180)
    at_once = forms.IntegerField(label="Side by side", min_value=1, max_value=100)

    def __init__(
        self, *args: Any, targets: Iterable[str] = (), sources: Iterable[tuple[str, int]] = (), **options: Any
    ) -> None:
        super().__init__(*args, **options)
        used = [(one, f"{one} ({number} in use)") for one, number in sources]
        self.fields["target"].choices = [(one, one) for one in targets]  # type: ignore[attr-defined]
        self.fields["sources"].choices = [  # type: ignore[attr-defined]
            (ANY_OLDER, "Every older version in use"),
            *used,
        ]

    def clean_shares(self) -> tuple[int, ...]:
        text = self.cleaned_data["shares"] or "100"
        parts = [part.strip().removesuffix("%").strip() for part in text.split(",")]
        if not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
            raise forms.ValidationError("Write whole percentages with commas between, like 10, 50, 100.")
        return tuple(int(part) for part in parts)

    def settings(self, capability: str) -> CampaignSettings:
        """What a valid form asks for."""
        asked = self.cleaned_data
        hours = {name: timedelta(hours=asked[name]) for name in ("interval", "soak", "patience")}
        pace: dict[str, Any] = {**hours, **{name: asked[name] for name in ("threshold", "postpone_days", "at_once")}}
        return CampaignSettings(
            capability=capability,
            target=asked["target"],
            starts_at=asked["starts_at"],
            sources=(asked["sources"],) if asked["sources"] else (),
            title=asked["title"],
            reason=asked["reason"],
            order=asked["order"],
            shares=asked["shares"],
            first=asked["first"],
            pace=Pace(**pace),
        )


def usual(now: datetime) -> dict[str, Any]:
    """What a new form proposes: from nine o'clock in a week, with the domain's own pace."""
    pace = Pace()
    hour = timedelta(hours=1)
    return {
        "order": "stage",
        "shares": "10, 50, 100",
        "starts_at": (now + timedelta(days=7)).replace(hour=9, minute=0, second=0, microsecond=0),
        **{name: int(getattr(pace, name) / hour) for name in ("interval", "soak", "patience")},
        **{name: getattr(pace, name) for name in ("threshold", "postpone_days", "at_once")},
    }


class PostponeForm(PlainForm):
    """Another day for one environment."""

    until = MomentField(label="Move it on")
