"""Look before you save: a form that changes how the platform is run is shown with who is affected, then saved.

The page carries a fingerprint of the fields whose effect it shows. What is saved must be what was looked at: a form
that differs is drawn anew with its effect instead.
"""

from __future__ import annotations

from typing import Any, Final

from django.http import QueryDict

from idp.kernel.canonical import digest

NAME: Final = "looked_at"
_NOT_COUNTED: Final = ("csrfmiddlewaretoken", "do", NAME)


def fingerprint(given: QueryDict) -> str:
    """Of everything that was filled in."""
    fields = {name: given.getlist(name) for name in sorted(given) if name not in _NOT_COUNTED}
    return digest({name: [one.strip() for one in values] for name, values in fields.items() if any(values)})


def meaning(document: Any) -> str:
    """Of what the fields mean, for a form that grows by rows while it is looked at."""
    return digest(document)


def meant(given: QueryDict, document: Any) -> bool:
    """As ``was_looked_at``, for a form whose page carries the ``meaning`` of what it showed."""
    return given.get("do") == "save" and given.get(NAME) == meaning(document)


def was_looked_at(given: QueryDict) -> bool:
    """Whether ``given`` asks to save, and what it saves is what the page showed the effect of."""
    return given.get("do") == "save" and given.get(NAME) == fingerprint(given)
