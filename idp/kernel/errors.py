"""The one error tree.

Every layer raises these; the faces translate them (HTTP status lives in one table,
``portal/problems.py``). Three families, because they are answered differently:

* ``UserFault``: the request cannot be met as it stands; the person can do something about it.
* ``PlatformFault``: we or the infrastructure are at fault; a person of the platform must look.
* ``Transient``: the same request may work in a moment.

``code`` is stable and may be matched by programs; ``message`` is a sentence for people; ``remedy``
says what to do next. None of them ever holds a secret or a stack trace.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong at one place.

    ``path`` is dotted from the document's root (``spec.resources.api.inputs.replicas``), ``message``
    says what is right rather than what is wrong, ``line`` is 1-based where the text is known.
    """

    path: str
    message: str
    line: int | None = None

    def as_dict(self) -> dict[str, object]:
        shown: dict[str, object] = {"path": self.path, "message": self.message}
        if self.line is not None:
            shown["line"] = self.line
        return shown


class SlipwayError(Exception):
    """Root of the tree. Raise a subclass."""

    code = "error"
    remedy = ""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        remedy: str | None = None,
        errors: Iterable[FieldError] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if remedy is not None:
            self.remedy = remedy
        self.errors = tuple(errors)


class UserFault(SlipwayError):
    """The person can act on it. ``change_id`` names a denied change that was stored all the same."""

    change_id: int | None = None


class InvalidInput(UserFault):
    """A document, form or parameter is not as it must be; ``errors`` names each place."""

    code = "invalid"


class NotSignedIn(UserFault):
    code = "not-signed-in"
    remedy = "Sign in, or send a token as “Authorization: Bearer slw_…”."


class NotFound(UserFault):
    """It does not exist, or the actor may not know that it does."""

    code = "not-found"


class Forbidden(UserFault):
    """The actor may see it and may not do this to it."""

    code = "forbidden"


class Conflict(UserFault):
    """The state moved on, or does not allow this."""

    code = "conflict"


class StalePlan(Conflict):
    """A decision was given for a plan that is no longer the plan."""

    code = "stale-plan"
    remedy = "Read the change again and decide on the plan it has now."


class PreconditionFailed(UserFault):
    """``If-Match`` named a version that is not the current one."""

    code = "precondition-failed"
    remedy = "Read it again, redo your edit on the new version, and send its ETag."


class PolicyDenied(UserFault):
    code = "denied-by-policy"


class QuotaExceeded(UserFault):
    code = "over-quota"


class TooLarge(UserFault):
    code = "too-large"


class RateLimited(UserFault):
    code = "rate-limited"


class PlatformFault(SlipwayError):
    """Not the person's doing; somebody of the platform must look."""

    code = "platform-fault"


class Transient(SlipwayError):
    """May work in a moment; ``delay`` is a hint in seconds."""

    code = "unavailable"

    def __init__(self, message: str, *, delay: float = 5.0, code: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.delay = delay
