"""The form of a page that applies documents: their text, or a file that takes its place, and what goes with them.

What is removed is decided by a service, which asks for the digest of the very list; that a person typed the label as
well is asked for here, as only people can.
"""

from __future__ import annotations

from typing import Any

from django import forms

from portal.forms.text_or_file import LARGEST, TextOrFileForm


class FilesForm(TextOrFileForm):
    nothing = "Paste a document, or choose a file."

    file = forms.FileField(
        label="From a file", required=False, help_text="YAML with one or more documents; takes the place of the text."
    )
    text = forms.CharField(
        label="Documents",
        required=False,
        max_length=LARGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false", "wrap": "off"}),
        help_text="Separated by --- where there are several.",
    )
    reason = forms.CharField(
        label="Reason", required=False, max_length=4000, help_text="For those who decide on what waits for approval."
    )
    owner = forms.CharField(
        label="Label",
        required=False,
        max_length=80,
        help_text="Keeps them together, such as payments/infra, so that what leaves these files later can be found.",
    )
    prune = forms.BooleanField(
        label="Also remove what is no longer in these files",
        required=False,
        help_text="Of what was applied under the label. Each is listed before anything happens.",
    )
    confirm = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())
    confirm_name = forms.CharField(required=False, max_length=80)

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        if found.get("prune") and not found.get("owner"):
            self.add_error("owner", "Name the label; only what was applied under it is removed.")
        return found

    def unconfirmed(self) -> str:
        """What is still to be typed before something is removed; empty when it was, or when nothing was listed."""
        found = self.cleaned_data
        if not found["prune"] or not found["confirm"] or found["confirm_name"].strip() == found["owner"]:
            return ""
        return f"Type {found['owner']} to remove what is listed."
