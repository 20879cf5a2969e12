"""What a look at files in Git is told of: that they cannot be read, or are refused, each once; and that it is over.

Called by ``services.git_notices``. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Said = Literal["", "failed", "refused", "recovered"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a look ended. ``passing``: what stopped it may be over by itself; ``again``: so the one before it ended.

    ``refused`` is how many documents stand refused, as of ``commit``.
    """

    number: int
    commit: str = ""
    failed: bool = False
    passing: bool = False
    again: bool = False
    refused: int = 0


def trouble_after(told: Mapping[str, str], look: Look) -> tuple[dict[str, str], Said]:
    """What people know of then, and what they are told now.

    ``told`` holds the number of the look that ``failed``, and the commit whose documents are ``refused``. What may
    pass is told when it did not; refused documents once for each commit.
    """
    known = dict(told)
    if look.failed:
        if "failed" in known or (look.passing and not look.again):
            return known, ""
        return {**known, "failed": str(look.number)}, "failed"
    if look.refused and known.get("refused") != look.commit:
        return {"refused": look.commit}, "refused"
    if look.refused:
        return {"refused": look.commit}, "recovered" if "failed" in known else ""
    return {}, "recovered" if known else ""
