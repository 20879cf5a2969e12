"""The form of a page that applies documents: their text, or a file that takes its place."""

from __future__ import annotations

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
