"""The request as views get it, once the middleware is through: who asks, and what they may do. Types only."""

from __future__ import annotations

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from governance.access import Rights
from idp.catalog.models import User
from idp.kernel.actor import Actor


class PageRequest(HttpRequest):
    """What ``portal.middleware`` and Django add to every request of a signed-in person."""

    user: User
    actor: Actor
    rights: Rights
    request_id: str
    htmx: HtmxDetails
    nav: str
