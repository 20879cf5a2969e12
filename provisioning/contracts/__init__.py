"""The capabilities that come with Slipway: one folder each, one YAML per version, which is never edited once released.

``builtin_documents`` is read by the command that publishes them and by their tests. They pass the same publishing
checks as anybody's.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import PurePosixPath

from idp.kernel.documents import Document, load_yaml
from provisioning.domain.version import parse_version


def builtin_documents() -> list[tuple[str, Document]]:
    """Path (``postgres/1.0.0.yaml``) and document of every built-in contract, by capability and from old to new."""
    root = files(__package__)
    found = [
        (f"{folder.name}/{entry.name}", entry)
        for folder in root.iterdir()
        if folder.is_dir()
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    ]
    found.sort(key=lambda one: (PurePosixPath(one[0]).parent.name, parse_version(PurePosixPath(one[0]).stem)))
    return [(path, load_yaml(entry.read_bytes())) for path, entry in found]


def builtin_readme(capability: str) -> str:
    """The README (Markdown) of a built-in capability, ``""`` when it is not built in."""
    readme = files(__package__).joinpath(capability, "README.md")
    return readme.read_text(encoding="utf-8") if readme.is_file() else ""
