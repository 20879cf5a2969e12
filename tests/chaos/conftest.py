"""What chaos tests share: this process sends its hints to a real Redis, as a web process would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kombu import pools

from idp.celery import app


@contextmanager
def broker(url: str) -> Iterator[str]:
    """Point this process's Celery at ``url``, and forget its connections afterwards."""
    before = app.conf.broker_url, app.conf.broker_transport_options
    app.conf.broker_url = url
    app.conf.broker_transport_options = {"socket_connect_timeout": 1, "socket_timeout": 5}
    _forget()
    try:
        yield url
    finally:
        app.conf.broker_url, app.conf.broker_transport_options = before
        _forget()


@pytest.fixture
def redis_broker(redis_url: str) -> Iterator[str]:
    with broker(redis_url) as url:
        yield url


def _forget() -> None:
    pools.reset()
    app._pool = None
    app.amqp._producer_pool = None
