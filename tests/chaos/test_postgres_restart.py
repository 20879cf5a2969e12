"""PostgreSQL is restarted under a serving process with a run on its way: 503 with a request id, then all goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.chaos.workers import crowd, wait_until
from tests.provisioning.organisation import spec
from tests.services.postgres import PostgresServer
from tests.services.programs import await_port, end, free_port

pytestmark = [pytest.mark.postgres, pytest.mark.chaos]
FORGOTTEN = ("SLIPWAY_", "DJANGO_", "DATABASE_URL", "REDIS_URL", "PORT")


@dataclass
class Answer:
    status: int
    headers: Any
    text: str

    @property
    def data(self) -> Any:
        return json.loads(self.text)


@dataclass
class Site:
    url: str
    token: str

    def ask(self, path: str, body: Any = None, **headers: str) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        if path.startswith("/api/"):
            sent["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url + path, data, sent)
        try:
            with urllib.request.urlopen(request, timeout=20 * crowd()) as answer:
                return Answer(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as refusal:
            return Answer(refusal.code, refusal.headers, refusal.read().decode())


@contextmanager
def serving(database: PostgresServer, folder: Path) -> Iterator[Site]:
    """gunicorn with the embedded worker on that database, with the demo organisation in it."""
    port = free_port()
    own = {name: value for name, value in os.environ.items() if not name.startswith(FORGOTTEN)}
    own |= {"SLIPWAY_DEMO": "1", "SLIPWAY_DATA_DIR": str(folder), "DATABASE_URL": database.url, "PORT": str(port)}
    own |= {"SLIPWAY_SANDBOX_READY_SECONDS": "8", "SLIPWAY_LEASE_SECONDS": "3", "SLIPWAY_SWEEP_SECONDS": "1"}
    _manage(own, "slipway_demo")
    token = _manage(own, "slipway_token", "admin", "--scope", "read,change").split()
    log = folder / "server.log"
    with log.open("wb") as sink:
        command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.py", "idp.wsgi:application"]
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=own, stdout=sink, stderr=sink)
        try:
            await_port(port, process, log)
            yield Site(f"http://127.0.0.1:{port}", next(word for word in token if word.startswith("slw_")))
        finally:
            end(process)


def _manage(environment: dict[str, str], *command: str) -> str:
    words = [sys.executable, "manage.py", *command]
    done = subprocess.run(words, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def session_of(site: Site, password: str) -> str:
    """The cookies of a browser in which the admin is signed in."""
    page = site.ask("/login/")
    secret = page.headers["Set-Cookie"].split("csrftoken=")[1].split(";")[0]
    field = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    form = f"username=admin&password={password}&csrfmiddlewaretoken={field}".encode()
    head = {"Cookie": f"csrftoken={secret}", "Content-Type": "application/x-www-form-urlencoded"}
    opener = urllib.request.build_opener(NoRedirect)
    with pytest.raises(urllib.error.HTTPError) as moved:
        opener.open(urllib.request.Request(f"{site.url}/login/", form, head), timeout=20 * crowd())
    assert moved.value.code == 302
    return "; ".join(one.split(";")[0] for one in moved.value.headers.get_all("Set-Cookie"))


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def test_it_says_503_and_goes_on(own_postgres_server, tmp_path):
    with serving(own_postgres_server, tmp_path) as site:
        cookies = session_of(site, (tmp_path / "demo-password").read_text().strip())
        assert site.ask("/", Cookie=cookies).status == 200
        system = site.ask("/api/v1/systems/?limit=1").data["items"][0]["slug"]
        wanted = {"kind": "create", "system": system, "environment": "restart", "spec": spec(), "reason": "Chaos."}
        change = site.ask("/api/v1/changes/", wanted)
        assert change.status == 202, change.text
        assert change.data["state"] == "running"

        own_postgres_server.stop()
        for path in ("/api/v1/me", "/api/v1/environments/", "/", "/changes/", "/environments/"):
            away = site.ask(path, **({} if path.startswith("/api/") else {"Cookie": cookies}))
            assert away.status == 503, f"{path}: {away.status}"
            assert int(away.headers["Retry-After"]) > 0
            assert len(away.headers["X-Request-Id"]) >= 8
            assert away.headers["X-Request-Id"] in away.text
            assert "Traceback" not in away.text
        assert (site.ask("/livez").status, site.ask("/readyz").status) == (200, 503)

        own_postgres_server.start()
        wait_until(lambda: site.ask("/readyz").status == 200, seconds=30, what="readiness")
        assert site.ask("/", Cookie=cookies).status == 200
        url = change.data["url"]
        wait_until(lambda: site.ask(url).data["state"] == "succeeded", seconds=60, what="the end of the change")
        again = site.ask(f"/api/v1/environments/{system}/restart/").data
        assert (again["state"], again["revision"]) == ("ready", 1)
