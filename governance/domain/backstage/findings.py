"""What an import has to say about one place of one document, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LONGEST = 300
"""Letters of a sentence, a path or a file name in a report."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``path`` is dotted from the document's root, ``line`` is 1-based in ``file``.

    ``code`` may be matched by programs; ``ref`` names the entity where the document got far enough to be one.
    """

    code: str
    reason: str
    file: str = ""
    line: int | None = None
    path: str = ""
    ref: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "file": self.file[-LONGEST:],
            "line": self.line,
            "path": self.path[:LONGEST],
            "reason": self.reason[:LONGEST],
            "ref": self.ref[:LONGEST],
        }
