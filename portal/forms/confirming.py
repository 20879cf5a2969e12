"""What was typed into a form that asks for a name, and a reason, before something is lost; and what is wrong with it.

Drawn by ``components/_confirm_name.html``, which keeps what was typed beside its error. Compares nothing: services do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from django.http import QueryDict

from idp.kernel.errors import SlipwayError


@dataclass(frozen=True, slots=True)
class Confirmed:
    """``name`` and ``reason`` as they were sent."""

    name: str = ""
    reason: str = ""
    name_error: str = ""
    reason_error: str = ""

    @classmethod
    def of(cls, given: QueryDict) -> Confirmed:
        return cls(given.get("confirm_name", "").strip(), given.get("reason", "").strip())

    def refused(self, error: SlipwayError) -> Confirmed:
        """With the sentences of ``error`` at the fields they speak of; what speaks of neither stands at the name."""
        reason = " ".join(one.message for one in error.errors if one.path == "reason")
        rest = [one.message for one in error.errors if one.path != "reason"]
        if not error.errors:
            rest = [error.message, error.remedy]
        return replace(self, name_error=" ".join(rest).strip(), reason_error=reason)


EMPTY: Final = Confirmed()
