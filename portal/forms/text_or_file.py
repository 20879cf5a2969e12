"""The root of forms whose text is typed or comes from a file: a file that is sent takes the place of the text."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile

from portal.forms.plain import PlainForm

LARGEST: Final = 1_000_000


class TextOrFileForm(PlainForm):
    """Whoever inherits declares ``file`` and ``text``, and says what to do when there is ``nothing``.

    What the file holds is put into ``text``, so that what was looked at is what is carried out.
    """

    nothing: ClassVar[str]
    too_large: ClassVar[str] = "Choose a file of at most 1 MB."

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        sent = found.get("file")
        if sent is None:
            if not (found.get("text") or "").strip() and not {"text", "file"} & set(self.errors):
                self.add_error("text", self.nothing)
        elif sent.size > LARGEST:
            self.add_error("file", self.too_large)
        else:
            found["text"] = self.read(sent)
        return found

    def read(self, sent: UploadedFile) -> str | bytes:
        """The file as text; what is none is said at its field."""
        try:
            return bytes(sent.read()).decode("utf-8-sig")
        except UnicodeDecodeError:
            self.add_error("file", forms.ValidationError("Choose a text file in UTF-8."))
            return ""
