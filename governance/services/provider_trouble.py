"""Whether people can come in by a provider, as the last of them met it: for the list that admins look at.

Called by ``services.oidc_sign_in``, in no transaction. What only the person did wrong is no trouble of the provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from django.core.cache import cache
from django.db.models import Q

from governance.models import SignInProvider
from governance.services.oidc_calls import ProviderAmiss
from idp.kernel import outbound

NOTED_EVERY: Final = timedelta(minutes=1)
LONGEST: Final = 300


@contextmanager
def provider_watched(name: str, *, now: datetime) -> Iterator[None]:
    """Keeps why nobody can come in by the provider, when that is what is raised within."""
    try:
        yield
    except (ProviderAmiss, outbound.Refused, outbound.Unreachable) as error:
        _failed(name, error.message, now)
        raise


def provider_worked(name: str, *, now: datetime) -> None:
    """Somebody was answered for. One write in a minute at most, unless it had trouble."""
    lately = Q(trouble="", worked_at__isnull=False, worked_at__gt=now - NOTED_EVERY)
    SignInProvider.objects.filter(~lately, name=name).update(worked_at=now, trouble="", trouble_at=None)


def _failed(name: str, why: str, now: datetime) -> None:
    """The same trouble is written once a minute; since when there is any stays."""
    same = sha256(f"{name}\n{why}".encode()).hexdigest()
    if not cache.add(f"oidc.trouble:{same}", True, NOTED_EVERY.total_seconds()):
        return
    rows = SignInProvider.objects.filter(name=name)
    rows.filter(trouble="").update(trouble_at=now)
    rows.exclude(trouble=why[:LONGEST]).update(trouble=why[:LONGEST])
