"""What every service needs of the database: a surrounding transaction, and errors in our own words."""

from __future__ import annotations

from typing import TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.db.models import Model

from idp.kernel.errors import FieldError, InvalidInput, PlatformFault, PreconditionFailed

AnyRow = TypeVar("AnyRow", bound=Model)


def require_transaction(what: str) -> None:
    """For services that are a part of another's transaction; a programming mistake otherwise."""
    if not transaction.get_connection().in_atomic_block:
        raise PlatformFault(f"{what} must be called inside the transaction of the change it belongs to.")


def checked(row: AnyRow) -> AnyRow:
    """``row`` after Django's own checks of fields, uniqueness and constraints; InvalidInput names each field."""
    try:
        row.full_clean()
    except ValidationError as error:
        raise invalid(type(row).__name__.lower(), error) from None
    return row


def invalid(what: str, error: ValidationError) -> InvalidInput:
    """Django's ValidationError as ours."""
    errors = [
        FieldError(path="" if name == NON_FIELD_ERRORS else name, message=message)
        for name, messages in error.message_dict.items()
        for message in messages
    ]
    return InvalidInput(f"This {what} is not right yet: {errors[0].message}", errors=errors)


def require_version(row: Model, version: int, expected: int | None) -> None:
    """``expected`` comes from ``If-Match`` or a form's hidden field; None when the caller did not ask."""
    if expected is not None and expected != version:
        kind = type(row).__name__.lower()
        raise PreconditionFailed(f"This {kind} is at version {version}, and you edited version {expected}.")
