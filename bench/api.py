"""The API: its list of environments beside a plain JsonResponse, and ``POST changes`` until it is accepted."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import floors
from bench.databases import Databases
from bench.report import Row, milliseconds
from bench.seed import Seeded
from bench.timing import in_turns, median, percentile
from bench.wanted import usual
from governance.access import rights_of
from governance.services.tokens import token_create
from idp.catalog.models import User
from idp.kernel import clock
from idp.kernel.actor import Actor

MOST_LIST, MOST_POST_MS, MOST_POST_QUERIES = 2.0, 40.0, 15
POST_BUDGET = f"≤ {MOST_POST_MS:g} ms + 1 floor, ≤ {MOST_POST_QUERIES} queries"
FLOOR_TABLE = "bench_floor"
_numbers = itertools.count(1)


def token_of(username: str) -> str:
    """A token of this person that may read and ask for changes."""
    owner = User.objects.get(username=username)
    token = token_create(
        Actor(owner.pk, owner.username),
        owner=owner,
        name="bench",
        scopes=["read", "change", "approve"],
        systems=[],
        expires_at=clock.now() + timedelta(days=1),
        now=clock.now(),
    )
    return token[1]


def client_of(username: str) -> Client:
    return Client(SERVER_NAME="localhost", headers={"authorization": f"Bearer {token_of(username)}"})


def measure_list(at: Seeded, *, times: int) -> tuple[Row, dict[str, Any]]:
    """``GET environments`` with 50 rows, with its token, rights and page, beside the rows alone."""
    client, bare = client_of(at.developer), Client(SERVER_NAME="localhost")
    person = User.objects.get(username=at.developer)
    floors.rights_of_lists.append(rights_of(Actor(person.pk, person.username)))
    ours = partial(_ok, client, "/api/v1/environments/?limit=50")
    taken = in_turns({"floor": partial(_ok, bare, "/bench/list"), "ours": ours}, times=times, warm_up=3)
    with CaptureQueriesContext(connection) as captured:
        ours()
    p95, floor = percentile(taken["ours"], 0.95), percentile(taken["floor"], 0.95)
    row = Row(
        what="API: list of 50 environments",
        floor=milliseconds(floor),
        measured=f"{milliseconds(p95)}, {len(captured)} queries",
        ratio=f"{p95 / floor:.2f}",
        budget=f"p95 ≤ {MOST_LIST:g} × floor",
        ok=p95 <= MOST_LIST * floor,
    )
    return row, {"ours": taken["ours"], "floor": taken["floor"], "queries": len(captured)}


def _ok(client: Client, url: str) -> None:
    answer = client.get(url)
    if answer.status_code != 200:
        raise RuntimeError(f"{url} answers {answer.status_code}: {answer.content[:300]!r}")


def submit(client: Client, system: str, stage: str) -> int:
    """POST a new environment of the usual shape; the number of the change."""
    body = {
        "kind": "create",
        "system": system,
        "environment": f"b-{next(_numbers)}",
        "spec": {"stage": stage, "resources": usual("1.0.0")},
        "reason": "To see how long it takes.",
    }
    answer = client.post("/api/v1/changes/", json.dumps(body), content_type="application/json")
    if answer.status_code != 202:
        raise RuntimeError(f"POST changes answers {answer.status_code}: {answer.content[:500]!r}")
    return int(answer.json()["id"])


def queries_of_submit(client: Client, system: str, stage: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        submit(client, system, stage)
    return [one["sql"] for one in captured.captured_queries if _is_query(one["sql"])]


def _is_query(sql: str) -> bool:
    """Whether the statement asks something; begin, commit and savepoints do not."""
    return not sql.upper().startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK"))


def insert_floor() -> None:
    """One INSERT in a transaction of its own."""
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {FLOOR_TABLE} (at, text) VALUES (now(), 'floor')")


def measure_post(
    databases: Databases, sizes: Sequence[int], judged: int, *, times: int
) -> tuple[list[Row], dict[str, Any]]:
    """Changes that wait for approval (prod) and changes that start at once (dev), at each size, in turns."""
    samples: dict[tuple[str, int], dict[str, list[float]]] = {}
    queries: dict[tuple[str, int], int] = {}
    for size in sizes:
        at = databases.use(size)
        client = client_of(at.developer)
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {FLOOR_TABLE} (id bigserial PRIMARY KEY, at timestamptz, text text)"
            )
        for stage in ("prod", "dev"):
            submit(client, at.system, stage)
            queries[stage, size] = len(queries_of_submit(client, at.system, stage))
            actions = {"floor": insert_floor, "ours": partial(submit, client, at.system, stage)}
            samples[stage, size] = in_turns(actions, times=times, warm_up=2)
    made = [_post_row(stage, sizes, judged, samples, queries) for stage in ("prod", "dev")]
    details = {
        f"{stage} {size}": {**taken, "queries": queries[stage, size]} for (stage, size), taken in samples.items()
    }
    return made, details


WORDS = {"prod": "waits for approval", "dev": "starts at once"}


def _post_row(
    stage: str,
    sizes: Sequence[int],
    judged: int,
    samples: Mapping[tuple[str, int], Mapping[str, list[float]]],
    queries: Mapping[tuple[str, int], int],
) -> Row:
    main = samples[stage, judged]
    took, floor = median(main["ours"]), median(main["floor"])
    counts = sorted({queries[stage, size] for size in sizes})
    grown = median(samples[stage, sizes[-1]]["ours"]) / median(samples[stage, sizes[0]]["ours"])
    return Row(
        what=f"POST changes to 202: {WORDS[stage]}",
        floor=milliseconds(floor),
        measured=f"{milliseconds(took)}, {' to '.join(map(str, counts))} queries",
        ratio=f"{grown:.2f} from {sizes[0]:,} to {sizes[-1]:,}" if len(sizes) > 1 else "",
        budget=POST_BUDGET,
        ok=took <= MOST_POST_MS + floor and counts[-1] <= MOST_POST_QUERIES and len(counts) == 1,
    )
