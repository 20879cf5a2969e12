"""A QR code as one path of SVG, so that it is drawn on the page and nobody else sees what it says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Final

from qrcode.constants import ERROR_CORRECT_M  # type: ignore[import-untyped]  # publishes no types
from qrcode.main import QRCode  # type: ignore[import-untyped]  # publishes no types

QUIET: Final = 4
"""Modules that stay light around the code, as ISO 18004 wants them."""


@dataclass(frozen=True, slots=True)
class QrSymbol:
    """``size`` modules to each side, the quiet ones included; ``path`` fills the dark ones."""

    size: int
    path: str


def qr_symbol(text: str) -> QrSymbol:
    code = QRCode(error_correction=ERROR_CORRECT_M, border=QUIET)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    return QrSymbol(len(rows), "".join(_row(number, row) for number, row in enumerate(rows)))


def _row(number: int, modules: list[bool]) -> str:
    """One stroke for each run of dark modules."""
    drawn, at = [], 0
    for dark, run in groupby(modules):
        width = len(list(run))
        if dark:
            drawn.append(f"M{at} {number}h{width}v1h-{width}z")
        at += width
    return "".join(drawn)
