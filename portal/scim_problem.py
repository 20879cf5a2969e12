"""Our errors as SCIM says them (RFC 7644, 3.12).

For the views under ``/scim/``, and for what refuses a request before a view is reached.
"""

from __future__ import annotations

from typing import Any, Final

from idp.kernel.errors import SlipwayError

PREFIX: Final = "/scim/"
MEDIA: Final = "application/scim+json"
ERROR_URN: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
TYPES: Final = frozenset(
    {"invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax", "invalidPath", "noTarget", "invalidValue"}
)
"""The RFC's words for what is wrong; our errors carry them as their code."""


def scim_problem(error: SlipwayError, status: int) -> dict[str, Any]:
    """The status as text, one of SCIM's words where there is one, and the sentence with what to do."""
    body: dict[str, Any] = {"schemas": [ERROR_URN], "status": str(status)}
    if error.code in TYPES:
        body["scimType"] = error.code
    body["detail"] = f"{error.message} {error.remedy}".strip()
    return body
