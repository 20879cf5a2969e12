"""Calls of the API: told again with the same key, never along a redirect, and refusals in words with their status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from portal.cli.client import ATTEMPTS, Client
from portal.cli.exits import Fault

PROBLEM = {"content-type": "application/problem+json"}
Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler) -> Client:
    return Client("https://slipway.example", "slw_x", transport=httpx.MockTransport(handler), sleep=lambda _: None)


def problem(status: int, code: str = "invalid", **more: Any) -> httpx.Response:
    body = {"detail": "Told.", "code": code, "status": status, "request_id": "request-1"} | more
    return httpx.Response(status, json=body, headers=PROBLEM)


def in_turn(*answers: httpx.Response | Exception) -> tuple[Handler, list[httpx.Request]]:
    left, seen = list(answers), []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return handler, seen


def test_a_lost_answer_is_asked_for_again_with_the_same_key() -> None:
    handler, seen = in_turn(
        httpx.ReadError("reset"),
        problem(503, "unavailable"),
        problem(409, "request-in-progress"),
        httpx.Response(202, json={"id": 1}),
    )
    assert client(handler).post("changes/", {"kind": "wake"}) == {"id": 1}
    keys = {one.headers["Idempotency-Key"] for one in seen}
    assert (len(seen), len(keys)) == (4, 1)
    assert {one.content for one in seen} == {seen[0].content}


def test_two_wishes_have_two_keys() -> None:
    handler, seen = in_turn(httpx.Response(202, json={}), httpx.Response(202, json={}))
    one = client(handler)
    one.post("changes/", {})
    one.post("changes/", {})
    assert len({request.headers["Idempotency-Key"] for request in seen}) == 2


def test_it_gives_up_and_says_that_nothing_came_back() -> None:
    handler, seen = in_turn(*[httpx.ConnectError("refused")] * ATTEMPTS)
    with pytest.raises(Fault) as told:
        client(handler).get("me")
    assert (len(seen), told.value.exit_code, told.value.status) == (ATTEMPTS, 1, 0)
    assert "https://slipway.example cannot be reached: refused" in told.value.message


def test_it_waits_as_long_as_it_is_asked_to() -> None:
    handler, _ = in_turn(
        httpx.Response(429, json={}, headers=PROBLEM | {"retry-after": "7"}),
        httpx.Response(429, json={}, headers=PROBLEM | {"retry-after": "9000"}),
        httpx.Response(200, json={}),
    )
    slept: list[float] = []
    Client("https://slipway.example", "slw_x", transport=httpx.MockTransport(handler), sleep=slept.append).get("me")
    assert slept == [7, 30]


@pytest.mark.parametrize(
    ("answer", "exit_code", "words"),
    [
        pytest.param(problem(401, "bad-token"), 3, "slipway login", id="a token that ended"),
        pytest.param(problem(403, "forbidden"), 3, "Told.", id="forbidden"),
        pytest.param(problem(422, "denied-by-policy"), 3, "Told.", id="denied by a policy"),
        pytest.param(problem(422, "over-quota"), 3, "Told.", id="over quota"),
        pytest.param(problem(409, "frozen"), 3, "Told.", id="frozen"),
        pytest.param(problem(422), 1, "Told.", id="not valid"),
        pytest.param(problem(409, "stale-plan"), 1, "Told.", id="stale"),
        pytest.param(problem(500, "internal"), 1, "Request request-1", id="a fault of ours"),
        pytest.param(
            problem(404, "not-found", detail="There is nothing at this address."), 1, "older than this", id="too old"
        ),
        pytest.param(problem(404, "not-found"), 1, "Told.", id="not there"),
        pytest.param(httpx.Response(404, text="<html>"), 1, "not as Slipway does", id="another program"),
        pytest.param(httpx.Response(200, text="<html>"), 1, "not as Slipway does", id="a page"),
        pytest.param(
            httpx.Response(301, headers={"location": "https://other.example/"}), 1, "https://other.example/", id="moved"
        ),
    ],
)
def test_a_refusal_says_what_to_do(answer: httpx.Response, exit_code: int, words: str) -> None:
    handler, seen = in_turn(answer)
    with pytest.raises(Fault) as told:
        client(handler).get("me")
    assert told.value.exit_code == exit_code
    assert words in "\n".join(told.value.lines)
    assert len(seen) == 1


def test_each_place_that_is_wrong_is_told() -> None:
    errors = [{"path": "spec.stage", "message": "Use dev.", "line": 4}, {"path": "", "message": "Look again."}]
    handler, _ = in_turn(
        problem(422, errors=errors, remedy="Mend it.", change="https://slipway.example/api/v1/changes/4/")
    )
    with pytest.raises(Fault) as told:
        client(handler).post("changes/", {})
    assert told.value.lines == [
        "Error: Told.",
        "  spec.stage (line 4): Use dev.",
        "  Look again.",
        "Mend it. The denied change is kept: https://slipway.example/api/v1/changes/4/",
        "Request request-1",
    ]


def test_a_certificate_that_is_not_trusted_is_told_as_such() -> None:
    handler, _ = in_turn(*[httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")] * ATTEMPTS)
    with pytest.raises(Fault) as told:
        client(handler).get("me")
    assert "SSL_CERT_FILE" in told.value.remedy


def test_it_reads_pages_until_it_has_enough() -> None:
    pages = [
        {"items": [{"id": 1}, {"id": 2}], "next": "/api/v1/changes/?cursor=a"},
        {"items": [{"id": 3}, {"id": 4}], "next": "/api/v1/changes/?cursor=b"},
    ]
    handler, seen = in_turn(*(httpx.Response(200, json=one) for one in pages))
    rows, is_more = client(handler).rows("changes/", most=3, state="open", team="")
    assert ([one["id"] for one in rows], is_more) == ([1, 2, 3], True)
    assert [str(one.url.query, "ascii") for one in seen] == ["limit=3&state=open", "cursor=a"]
    assert seen[0].headers["Authorization"] == "Bearer slw_x"
