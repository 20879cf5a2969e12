"""Forms for published versions: moving one to another state, and sending a draft."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile

from portal.forms.plain import PlainForm
from portal.forms.text_or_file import LARGEST, TextOrFileForm
from provisioning.domain.contract_states import LONGEST_REASON, may_become

STATE_WORDS: Final = {
    "preview": "Preview: for teams that opted in",
    "stable": "Stable: offered to everyone",
    "deprecated": "Deprecated: ends on a day",
    "defective": "Defective: no new use",
    "retired": "Retired: gone, nothing uses it",
}


class ContractStateForm(PlainForm):
    """``now`` is the state that the version has, ``others`` the stable versions that may replace it."""

    state = forms.ChoiceField(label="State")
    reason = forms.CharField(
        label="Reason",
        max_length=LONGEST_REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Why, and what its users should do. They read it on their pages.",
    )
    sunset = forms.DateField(
        label="Ends on",
        required=False,
        widget=forms.DateInput(attrs={"placeholder": "2027-03-31"}),
        help_text="Needed for deprecated: the day on which it ends.",
        error_messages={"invalid": "Write a day like 2027-03-31."},
    )
    replacement = forms.ChoiceField(label="Use instead", required=False)

    def __init__(self, *args: Any, now: str, others: Iterable[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["state"].choices = [  # type: ignore[attr-defined]
            (one, STATE_WORDS[one]) for one in may_become(now)
        ]
        self.fields["replacement"].choices = [  # type: ignore[attr-defined]
            ("", "Nothing"),
            *((one, one) for one in others),
        ]

    def clean_sunset(self) -> datetime | None:
        day = self.cleaned_data["sunset"]
        return datetime.combine(day, time(), UTC) if day else None


class ContractDraftForm(TextOrFileForm):
    """The text of a contract."""

    nothing = "Paste a contract, or choose a file."
    too_large = "A contract is smaller than 1 MB."

    file = forms.FileField(
        label="From a file", required=False, help_text="Takes the place of the text below; CRDs may follow in it."
    )
    text = forms.CharField(label="Contract", required=False, max_length=LARGEST, strip=False, widget=forms.Textarea)


class ArtifactForm(TextOrFileForm):
    """What a contract is drafted from: a CRD or the schema of a chart's values. From a file, ``text`` is bytes."""

    nothing = "Choose a file, or paste its text."

    artifact = forms.ChoiceField(
        label="What it is",
        choices=[("crd", "A CustomResourceDefinition"), ("values-schema", "The schema of a Helm chart's values")],
    )
    file = forms.FileField(
        label="File",
        required=False,
        help_text="The CRD as its project ships it, or values.schema.json; at most 1 MB.",
    )
    text = forms.CharField(label="Or its text", required=False, strip=False, widget=forms.Textarea(attrs={"rows": 12}))
    capability = forms.CharField(label="Name", required=False, max_length=39, help_text="Its own name if left out.")
    owner = forms.SlugField(label="Owning team", required=False, max_length=30, help_text="Slug of the team.")
    kind = forms.CharField(label="Kind", required=False, max_length=63, help_text="Where the file defines several.")
    served = forms.CharField(label="Version", required=False, max_length=40, help_text="The stored one if left out.")
    chart = forms.CharField(label="Chart", required=False, max_length=100, help_text="Name of the chart.")
    chart_version = forms.CharField(label="Its version", required=False, max_length=40)
    chart_source = forms.CharField(
        label="Its source", required=False, max_length=300, help_text="HelmRepository (Flux) or address (Argo CD)."
    )
    release = forms.ChoiceField(
        label="Installed by",
        required=False,
        choices=[("flux", "Flux (HelmRelease)"), ("argo", "Argo CD (Application)")],
    )

    def read(self, sent: UploadedFile) -> bytes:
        """As it is: what it is in is found out by who reads it."""
        return bytes(sent.read())
