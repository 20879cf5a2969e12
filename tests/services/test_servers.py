"""The servers that tests lean on: they start, answer, and are missed loudly where they must be there."""

from __future__ import annotations

import socket

import pytest

from tests.services import postgres, run_with_postgres
from tests.services.redis import RedisServer, configured_url


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


@pytest.mark.parametrize(
    ("worker", "url"),
    [
        pytest.param("", "redis://r:6379/4", id="alone"),
        pytest.param("gw0", "redis://r:6379/4", id="first"),
        pytest.param("gw2", "redis://r:6379/6", id="third"),
    ],
)
def test_it_gives_each_worker_a_database_of_its_own(worker: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://r:6379/4")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", worker or "gw0")
    if not worker:
        monkeypatch.delenv("PYTEST_XDIST_WORKER")
    assert configured_url() == url


@pytest.mark.parametrize(
    ("arguments", "looked_through"),
    [
        pytest.param(["-m", "postgres"], True, id="none is named"),
        pytest.param(["-m", "postgres", "tests/chaos"], False, id="a folder is named"),
        pytest.param(["tests/chaos/test_redis_away.py::test_it"], False, id="a test is named"),
    ],
)
def test_it_looks_through_the_files_that_need_postgresql(arguments: list[str], looked_through: bool) -> None:
    found = run_with_postgres.places(arguments)
    assert ("tests/chaos/test_killed_workers.py" in found) is looked_through
    assert "tests/test_query_ceilings.py" not in found
