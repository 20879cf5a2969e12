"""What one endpoint promises, said once: the OpenAPI document is written from it, and requests are held against it.

``@operation(…)`` on a method of an ``Endpoint`` declares its id, query, body and answers. Before the method runs,
the query and the body are checked, so the method reads ``self.query`` and ``self.sent`` without looking at types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.request import Request

from portal.api.shapes import Schema
from portal.api.shapes.words import text, whole

Method = Callable[..., HttpResponseBase]
EDITS = ("PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Query:
    """A query parameter; every one is optional."""

    name: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class Operation:
    """``answers``: status → name of a shape, or None for an answer without body. ``body``: name of a shape.

    ``problems`` are statuses beyond those that follow from the rest. ``scope`` is what a token needs before anything
    is looked up; None leaves it to the services. ``media`` lists further media types that a GET can answer with.
    ``kept`` is False for a POST whose answer holds a secret and so is not kept for a repeat.
    """

    id: str
    summary: str
    area: str
    answers: Mapping[int, str | None]
    about: str = ""
    body: str | None = None
    query: tuple[Query, ...] = ()
    problems: tuple[int, ...] = ()
    scope: str | None = "read"
    versioned: bool = False
    kept: bool = True
    media: tuple[str, ...] = ()
    raw: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


PAGED = (
    Query("cursor", text("From `next` of the page before; opaque.", most=1000)),
    Query("limit", whole("Rows on the page; 50 if left out.", least=1, most=200)),
)


def operation(
    id: str,
    summary: str,
    *,
    area: str,
    answers: Mapping[int, str | None],
    **rest: Any,
) -> Callable[[Method], Method]:
    """Declare a method of an Endpoint. ``rest`` are the other fields of Operation."""
    declared = Operation(id=id, summary=summary, area=area, answers=answers, **rest)

    def decorate(method: Method) -> Method:
        @wraps(method)
        def checked(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return view.carry_out(declared, method, request, *args, **kwargs)

        checked.operation = declared  # type: ignore[attr-defined]
        return checked

    return decorate
