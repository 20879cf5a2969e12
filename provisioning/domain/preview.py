"""Preview environments: the name that a key such as ``pr-123`` gives, and what differs from a template.

Called by ``services.preview_environments``. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from idp.kernel.canonical import digest
from idp.kernel.errors import FieldError

LABEL: Final = "slipway.dev/preview"
STAGE: Final = "preview"
MAX_KEY: Final = 60
MAX_NAME: Final = 30
_KEY = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,58}[A-Za-z0-9])?$")


def key_problem(key: str) -> str:
    """What is right where ``key`` is not one; empty when it is."""
    if _KEY.match(key) and "\n" not in key:
        return ""
    return f"Use 1 to {MAX_KEY} letters, digits, dots, dashes and slashes, such as pr-123."


def preview_name(key: str) -> str:
    """A name of an environment for the key: the key where it is one, else a slug of it that no other key has."""
    plain = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")
    named = plain if plain[:1].isalpha() else f"p-{plain}"
    if named == key and len(named) <= MAX_NAME:
        return named
    return f"{named[: MAX_NAME - 6].rstrip('-')}-{digest(key)[:5]}"


def overlay(
    template: Mapping[str, Any], source: str, *, given: Mapping[str, Any], images: Mapping[str, str]
) -> tuple[dict[str, dict[str, Any]], list[FieldError]]:
    """What differs from the ``template`` (a revision's document, of ``source``): inputs by resource.

    ``images`` are by component; ``given`` are resources of a spec, whose inputs win.
    """
    resources = template["resources"]
    laid: dict[str, dict[str, Any]] = {
        name: {"inputs": {"image": images[one["component"]]}}
        for name, one in resources.items()
        if one.get("component") in images and "image" in one["inputs"]
    }
    used = {one.get("component") for one in resources.values() if "image" in one["inputs"]}
    listed = ", ".join(sorted(one for one in used if one)) or "none"
    problems = [
        FieldError(f"images.{name}", f"Nothing in {source} runs an image of it; it runs those of {listed}.")
        for name in images
        if name not in used
    ]
    for name, one in given.items():
        inputs = one.get("inputs") if isinstance(one, Mapping) else None
        if isinstance(inputs, Mapping):
            laid[name] = {"inputs": {**laid.get(name, {}).get("inputs", {}), **inputs}}
        else:
            problems.append(FieldError(f"spec.resources.{name}", "Write its inputs that differ from the template."))
    return laid, problems
