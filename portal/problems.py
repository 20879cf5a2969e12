"""One table from our errors to HTTP, shared by pages and API; each face draws the answer in its own way."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings

from idp.kernel import errors


class WrongMethod(errors.UserFault):
    """The address does not take this verb; ``Allow`` names those it takes. 405."""

    code = "wrong-method"


STATUS: Final[tuple[tuple[type[errors.SlipwayError], int], ...]] = (
    (errors.NotSignedIn, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.PreconditionFailed, 412),
    (WrongMethod, 405),
    (errors.TooLarge, 413),
    (errors.RateLimited, 429),
    (errors.Conflict, 409),
    (errors.PolicyDenied, 422),
    (errors.QuotaExceeded, 422),
    (errors.InvalidInput, 422),
    (errors.UserFault, 400),
    (errors.Transient, 503),
    (errors.SlipwayError, 500),
)

TITLES: Final = {
    400: "The request cannot be read",
    401: "No identity",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "The state moved on",
    412: "It was changed meanwhile",
    413: "Too large",
    415: "Unsupported format",
    422: "Not valid",
    428: "A version is required",
    429: "Too many requests",
    500: "Slipway failed",
    503: "Not available for a moment",
}


def status_of(error: errors.SlipwayError) -> int:
    """The HTTP status of ``error``: the first class in the table that it is."""
    return next(status for kind, status in STATUS if isinstance(error, kind))


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    remedy: str = "",
    errors: list[dict[str, object]] | None = None,
    request_id: str = "",
) -> dict[str, Any]:
    """An RFC 9457 problem document with our members ``code``, ``errors``, ``remedy`` and ``request_id``."""
    body: dict[str, Any] = {
        "type": f"{settings.BASE_URL}/api/v1/problems/{code}",
        "title": TITLES.get(status, "The request failed"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if remedy:
        body["remedy"] = remedy
    if errors:
        body["errors"] = errors
    if request_id:
        body["request_id"] = request_id
    return body


def problem_of(error: errors.SlipwayError, request_id: str = "") -> dict[str, Any]:
    """The problem document of one of our errors; a change that was stored although denied is named."""
    body = problem(
        status_of(error),
        error.code,
        error.message,
        remedy=error.remedy,
        errors=[one.as_dict() for one in error.errors],
        request_id=request_id,
    )
    change_id = getattr(error, "change_id", None)
    if change_id is not None:
        body["change"] = f"{settings.BASE_URL}/api/v1/changes/{change_id}/"
    return body
