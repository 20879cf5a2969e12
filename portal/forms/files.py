"""The form of a page that applies documents: their text, or a file that takes its place."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from portal.forms.plain import PlainForm

LARGEST: Final = 1_000_000


class FilesForm(PlainForm):
    """``file`` is put into ``text``, so that what was looked at is what is applied."""

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

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        sent = found.get("file")
        if sent is not None:
            found["text"] = self._read(sent)
        elif not (found.get("text") or "").strip() and "text" not in self.errors:
            self.add_error("text", "Paste a document, or choose a file.")
        return found

    def _read(self, sent: Any) -> str:
        if sent.size > LARGEST:
            self.add_error("file", "Choose a file of at most 1 MB.")
            return ""
        try:
            return str(sent.read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            self.add_error("file", "Choose a text file in UTF-8.")
            return ""
