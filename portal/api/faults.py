"""Faults that only HTTP knows, beside the error tree of the kernel. Raised by the API alone."""

from __future__ import annotations

from idp.kernel.errors import UserFault


class BadRequest(UserFault):
    """The request cannot be read: body, query or header. 400."""

    code = "bad-request"


class PreconditionRequired(UserFault):
    """An edit came without ``If-Match``. 428."""

    code = "version-required"
    remedy = "Read it first and send its ETag as If-Match, so that nobody's edit is lost."


class UnsupportedFormat(UserFault):
    """415."""

    code = "unsupported-format"
    remedy = "Send application/json or application/yaml."


HTTP_ONLY = ((PreconditionRequired, 428), (UnsupportedFormat, 415), (BadRequest, 400))
"""Statuses of these faults, which the kernel's table does not know."""
