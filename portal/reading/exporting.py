"""Exported documents as what one downloads: a YAML stream, a .tar.gz or a .zip; equal states give equal bytes."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from idp.kernel.errors import InvalidInput
from portal.forms.yaml_text import as_yaml
from provisioning.selectors.exporting import ExportedFile

MOST_ENVIRONMENTS: Final = 5_000
MEDIA: Final[Mapping[str, str]] = {
    "yaml": "text/plain; charset=utf-8",
    "tar": "application/gzip",
    "zip": "application/zip",
}
NAMES: Final[Mapping[str, str]] = {"yaml": "slipway.yaml", "tar": "slipway.tar.gz", "zip": "slipway.zip"}
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The first moment that a .zip knows; files of an export have no time of their own."""


def require_bounded(environments: int) -> None:
    if environments > MOST_ENVIRONMENTS:
        raise InvalidInput(
            f"These are {environments:,} environments; at most {MOST_ENVIRONMENTS:,} are exported at once.",
            remedy="Export one system at a time.",
        )


def text_of(file: ExportedFile) -> str:
    """The documents of one file as YAML."""
    return "---\n".join(as_yaml(dict(one)) for one in file.documents)


def packed(form: str, files: Iterable[ExportedFile]) -> bytes:
    """The files in one of the forms of ``MEDIA``."""
    return _PACKERS[form]((file.path, text_of(file)) for file in files)


def _yaml(files: Iterable[tuple[str, str]]) -> bytes:
    text = "---\n".join(f"# {path}\n{text}" for path, text in files)
    return text.encode() or b"# Nothing to export.\n"


def _tar(files: Iterable[tuple[str, str]]) -> bytes:
    kept = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=kept, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, text in files:
            data = text.encode()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return kept.getvalue()


def _zip(files: Iterable[tuple[str, str]]) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files:
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, text)
    return kept.getvalue()


_PACKERS: Final[Mapping[str, Callable[[Iterable[tuple[str, str]]], bytes]]] = {"yaml": _yaml, "tar": _tar, "zip": _zip}
