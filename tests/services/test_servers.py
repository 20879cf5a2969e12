"""The servers that tests lean on: they start, answer, and are missed loudly where they must be there."""

from __future__ import annotations

import socket

import pytest

from tests.services import postgres, run_with_postgres
from tests.services.redis import RedisServer


def test_it_stops_and_starts_redis_on_one_port(own_redis_server: RedisServer) -> None:
    own_redis_server.stop()
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", own_redis_server.port), timeout=1):
        pass
    own_redis_server.start()
    with socket.create_connection(("127.0.0.1", own_redis_server.port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(20) == b"+PONG\r\n"


@pytest.mark.parametrize(("require", "status"), [("", 0), ("1", 1)], ids=["left out", "required"])
def test_it_says_in_one_line_that_postgresql_is_absent(
    require: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("REQUIRE_SERVICES", require)
    monkeypatch.setattr(postgres, "programs", lambda: None)
    assert run_with_postgres.main(["--version"]) == status
    assert capsys.readouterr().out.count("\n") == 1
