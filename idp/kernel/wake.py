"""Tells the workers that there is something to do, without knowing who they are.

The database is the truth and this is only a hint: a wake that is lost costs time, never work, because the
sweep finds every row that is due. ``provisioning.tasks`` registers how to wake at start-up; services call
``wake`` after commit. It must not raise: a broker that is down never undoes what is already stored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

log = logging.getLogger(__name__)

_wakers: dict[str, Callable[[int], None]] = {}


def register(kind: str, waker: Callable[[int], None]) -> None:
    """``waker(id)`` sends the hint for ``kind``; it may raise, and must return within a second or two."""
    _wakers[kind] = waker


def wake(kind: str, identifier: int) -> bool:
    """Send the hint now; False when it could not be sent (the sweep will find the row)."""
    waker = _wakers.get(kind)
    if waker is None:
        return False
    try:
        waker(identifier)
    except Exception as error:  # noqa: BLE001 - any broker fault; the row is stored and the sweep finds it
        log.warning("wake_not_sent kind=%s id=%s error=%s", kind, identifier, type(error).__name__)
        return False
    return True


def wake_after_commit(kind: str, identifier: int) -> None:
    """Send the hint once the surrounding transaction is committed."""
    from django.db import transaction

    transaction.on_commit(partial(wake, kind, identifier))


@contextmanager
def nobody_woken() -> Iterator[None]:
    """Inside, hints go nowhere: for a process that carries runs out by itself. Not for threads side by side."""
    usual = dict(_wakers)
    _wakers.clear()
    try:
        yield
    finally:
        _wakers.update(usual)
