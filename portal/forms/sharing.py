"""The form by which a maintainer lends a resource of an environment. Translates; the service decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from portal.forms.plain import PlainForm
from provisioning.models import Environment
from provisioning.services.lending import GrantWish


class SharingForm(PlainForm):
    """``fields`` that have no meaning at the environment's stage are not there."""

    resource = forms.ChoiceField(label="Resource")
    to_system = forms.CharField(
        label="For the system", required=False, max_length=30, help_text="All systems of the team when empty."
    )
    to_environment = forms.CharField(
        label="Only its environment", required=False, max_length=30, help_text="All of them when empty."
    )
    score_id = forms.CharField(
        label="Identity in Score files",
        required=False,
        max_length=200,
        help_text="Such as postgres.default#orders: a Score file whose resource has this id then uses it.",
    )
    ends_at = forms.CharField(
        label="Until (UTC)",
        required=False,
        max_length=40,
        help_text="Such as 2027-01-31 18:00. Afterwards nobody begins to use it; who does so then goes on.",
    )
    note = forms.CharField(label="What for", required=False, max_length=200)
    beyond = forms.BooleanField(
        label="Also outside of production", required=False, help_text="Else only production may use it."
    )

    def __init__(self, *args: Any, giver: Environment, names: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.giver = giver
        resource: Any = self.fields["resource"]
        resource.choices = [("", "Choose a resource"), *((name, name) for name in names)]
        if not giver.stage.production:
            del self.fields["beyond"]

    def clean_ends_at(self) -> datetime | None:
        text = str(self.cleaned_data["ends_at"]).strip()
        if not text:
            return None
        try:
            read = datetime.fromisoformat(text)
            return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo("UTC"))).astimezone(UTC)
        except (ValueError, OverflowError):
            raise forms.ValidationError("Write a moment such as 2027-01-31 18:00.") from None

    def wish(self) -> GrantWish:
        """As the service takes it; only of a valid form."""
        given = self.cleaned_data
        to = given["to_system"].strip()
        return GrantWish(
            self.giver.system.slug,
            self.giver.name,
            given["resource"],
            to_system=to,
            to_environment=given["to_environment"].strip(),
            to_team=not to,
            beyond=bool(given.get("beyond")),
            score_id=given["score_id"].strip(),
            ends_at=given["ends_at"],
            note=given["note"].strip(),
        )
