"""Preview environments: the name that a key such as ``pr-123`` gives, and a template with what differs laid over it.

Called by ``services.preview_environments``. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from idp.kernel.canonical import digest
from idp.kernel.errors import FieldError
from provisioning.domain.targets import overridden, spec_of

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
    """A name of an environment for the key: the key where it is one already, else a slug of it that no other key has."""
    plain = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")
    named = plain if plain[:1].isalpha() else f"p-{plain}"
    if named == key and len(named) <= MAX_NAME:
        return named
    return f"{named[: MAX_NAME - 6].rstrip('-')}-{digest(key)[:5]}"


def preview_spec(
    template: Mapping[str, Any],
    source: str,
    *,
    stage: str,
    overrides: Mapping[str, Any],
    images: Mapping[str, str],
) -> tuple[dict[str, Any], list[FieldError]]:
    """The spec of a preview: the ``template`` (a revision's document, of ``source``) at ``stage``.

    ``images`` are by component, ``overrides`` is a spec whose inputs are laid over key by key, after the images.
    """
    made, problems = overridden(
        spec_of(template), _imaged(template, images), told=f"It is not among the resources of {source}"
    )
    used = {one.get("component") for one in template["resources"].values() if "image" in one["inputs"]}
    listed = ", ".join(sorted(one for one in used if one)) or "none"
    problems += [
        FieldError(f"images.{name}", f"Nothing in {source} runs an image of it; it runs those of {listed}.")
        for name in images
        if name not in used
    ]
    made, wrong = overridden(made, overrides, told=f"It is not among the resources of {source}")
    made["stage"] = stage
    if overrides.get("expires"):
        made["expires"] = overrides["expires"]
    return made, [*problems, *wrong]


def _imaged(template: Mapping[str, Any], images: Mapping[str, str]) -> dict[str, Any]:
    return {
        "resources": {
            name: {"inputs": {"image": images[one["component"]]}}
            for name, one in template["resources"].items()
            if one.get("component") in images and "image" in one["inputs"]
        }
    }
