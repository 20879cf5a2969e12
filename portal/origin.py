"""Where a request comes from: the address that the audit log keeps and that tries of passwords are counted by."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def origin_of(request: HttpRequest) -> str:
    """The sender's address, nothing where there is none that can be believed.

    Behind a proxy that is trusted (``SLIPWAY_BEHIND_PROXY``) the last entry of ``X-Forwarded-For``, which the proxy
    itself wrote; whatever stands before it anybody may have made up.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    if settings.SECURE_PROXY_SSL_HEADER:
        address = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip() or address
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""
