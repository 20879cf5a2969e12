"""Every call of the API that the guides tell of is one that there is; the pipelines of docs/ci.md do what they say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from django.conf import settings

from portal.api.reference import document
from provisioning.models import Change, Environment, Run
from tests.provisioning.organisation import Clock, carry_out

DOCS = (*sorted((settings.BASE_DIR / "docs").glob("*.md")), settings.BASE_DIR / "README.md")
METHODS = r"(?:GET|POST|PUT|PATCH|DELETE)"
WRITTEN = re.compile(
    rf"(?:({METHODS}(?:(?:, |\||/| or ){METHODS})*)`?\s+`?)?(?:https?://[\w.:-]+|\$\w+)?"
    r"/api/v1/((?:\{[\w,]+\}|[^\s`\"'()|…,{])*)"
)
CI = (settings.BASE_DIR / "docs" / "ci.md").read_text(encoding="utf-8")


def calls(file: Path) -> Iterator[tuple[str, str]]:
    """Each method, empty where none is said, with each path that is written."""
    for methods, path in WRITTEN.findall(file.read_text(encoding="utf-8")):
        path = path.partition("?")[0].rstrip(".;:*")
        choices = [one.split(",") for one in re.findall(r"\{(\w+(?:,\w+)+)\}", path)]
        for chosen in product(*choices):
            words = iter(chosen)
            found = re.sub(r"\{\w+(?:,\w+)+\}", lambda _, words=words: next(words), path)
            for method in re.findall(METHODS, methods) or [""]:
                yield method, found


def steps_fit(said: str, known: str) -> bool:
    """A step that is a placeholder on either side fits any."""
    ours, theirs = said.split("/"), known.split("/")
    return len(ours) == len(theirs) and all(
        one == other or other.startswith("{") or (one[:1] in "{<" and bool(one))
        for one, other in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("file", DOCS, ids=lambda one: one.stem)
def test_it_tells_of_calls_that_there_are(file: Path) -> None:
    paths = {path.removeprefix("/api/v1/"): set(one) for path, one in document()["paths"].items()}
    served = {"", "docs", "openapi.json", "problems/invalid"}
    wrong = [
        f"{method} /api/v1/{said}"
        for method, said in calls(file)
        if said not in served
        and not any(
            steps_fit(said, known) and (not method or method.lower() in methods) for known, methods in paths.items()
        )
    ]
    assert wrong == []


def test_it_sees_calls_that_there_are_not(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("`GET, POST /api/v1/changes/` and POST /api/v1/runs/{id}/{cancel,fly}/ at $S/api/v1/nothing/?a=b.")
    assert list(calls(file)) == [
        ("GET", "changes/"),
        ("POST", "changes/"),
        ("POST", "runs/{id}/cancel/"),
        ("POST", "runs/{id}/fly/"),
        ("", "nothing/"),
    ]
    with pytest.raises(AssertionError, match="fly"):
        test_it_tells_of_calls_that_there_are(file)


def pipeline(title: str) -> dict[str, Any]:
    found = re.search(rf"## {title}\n\n```yaml\n(.*?)```", CI, re.DOTALL)
    assert found
    return dict(yaml.safe_load(found[1]))


def test_the_pipeline_of_github_is_one() -> None:
    made = pipeline("GitHub Actions")
    assert set(made) == {"name", True, "env", "jobs"}  # YAML 1.1 reads “on” so
    for job in made["jobs"].values():
        assert set(job) <= {"if", "needs", "runs-on", "permissions", "steps"}
        assert job.get("needs", "build") in made["jobs"]
        assert all(set(step) <= {"name", "uses", "run", "env"} and {"uses", "run"} & set(step) for step in job["steps"])
        if any("ID_TOKEN_REQUEST" in step.get("run", "") for step in job["steps"]):
            assert job["permissions"]["id-token"] == "write"


def test_the_pipeline_of_gitlab_is_one() -> None:
    made = pipeline("GitLab")
    jobs = {name: job for name, job in made.items() if name not in ("variables", "stages")}
    for name, job in jobs.items():
        assert job["stage"] in made["stages"]
        assert all(isinstance(line, str) for line in (*job.get("script", ()), *job.get("before_script", ())))
        assert name.startswith(".") or job["script"]
        if stop := job.get("environment", {}).get("on_stop"):
            assert jobs[stop]["environment"] == {"name": job["environment"]["name"], "action": "stop"}
            assert jobs[stop]["rules"][0]["when"] == "manual"


ENDS = [("succeeded", 0), ("failed", 1), ("denied", 1), ("cancelled", 1)]
STANDS_IN = """
curl() { echo '{"state": "%s"}'; }
jq() { "%s" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1][1:]])' "$2"; }
sleep() { :; }
%s
wait_for '{"id": 7, "reason": "a\\nb"}'
"""


@pytest.mark.parametrize(("state", "code"), ENDS)
def test_a_documented_job_ends_as_its_change_does(state: str, code: int) -> None:
    found = re.search(r"```sh\n(wait_for.*?)```", CI, re.DOTALL)
    assert found
    script = STANDS_IN % (state, sys.executable, found[1])
    ended = subprocess.run(["sh", "-euc", script], env={"SLIPWAY_URL": "https://a.example", "SLIPWAY_TOKEN": "t"})
    assert ended.returncode == code


@pytest.mark.parametrize("title", ["GitHub Actions", "GitLab"])
def test_documented_jobs_wait_for_what_they_ask_for(title: str) -> None:
    jobs = {name: json.dumps(job) for name, job in (pipeline(title).get("jobs") or pipeline(title)).items()}
    for name in ("staging", "preview"):
        assert "asked=$(curl" in jobs[name]
        assert 'wait_for \\"$asked\\"' in jobs[name]


def sent(title: str) -> list[tuple[str, dict[str, Any]]]:
    """Paths and bodies of what the jobs of a pipeline send, its variables filled in."""
    text = json.dumps(pipeline(title))
    found = re.findall(r'-d \\"(\{.*?\})\\"\s*\\*(?:\\n)?\s*\\"\$SLIPWAY_URL/api/v1/([^\\"]+)', text)
    made = []
    for body, path in found:
        plain = json.loads(f'"{body}"').replace('\\"', '"')
        plain = re.sub(r"\$\{\{ github.event.number \}\}|\$CI_MERGE_REQUEST_IID", "7", plain)
        plain = re.sub(r"\$IMAGE", "registry.example/checkout-api:7.0.0", plain)
        plain = re.sub(r"\$\{\{[^}]*\}\}|\$CI_PIPELINE_URL", "https://ci.example/7", plain)
        plain = plain.replace("$GITHUB_SERVER_URL/$GITHUB_REPOSITORY", "https://github.com/acme/checkout")
        made.append((path, json.loads(plain)))
    return made


STAGING = {
    "stage": "dev",
    "resources": {
        "db": {"capability": "postgres@1", "inputs": {"storageGiB": 1}},
        "api": {
            "capability": "web-service@1",
            "component": "checkout-api",
            "inputs": {"image": "registry.example/checkout-api:1.0.0", "port": 8080},
        },
    },
}


@pytest.mark.django_db
@pytest.mark.parametrize("title", ["GitHub Actions", "GitLab"])
def test_a_documented_pipeline_deploys_and_has_its_preview(api: Any, title: str) -> None:
    client, did = api("developer"), []
    wish = {"kind": "create", "system": "checkout", "environment": "staging", "spec": STAGING}
    assert client.post("changes/", wish).status_code == 202
    settle()
    for path, body in sent(title):
        if path == "tokens/exchange/":
            body["identity"] = jwt.encode({"iss": "https://nobody.example"}, "k" * 32, algorithm="HS256")
            assert client.post(path, body).json()["code"] == "workload-refused"
            continue
        answer = client.post(path, body)
        assert answer.status_code == 202, (path, body, answer.content)
        settle()
        change = Change.objects.get(pk=answer.json()["id"])
        assert change.state == "succeeded", (path, body)
        did.append((change.kind, change.environment_name))
    assert [kind for kind, _ in did] == ["update", "create", "delete"]
    assert not Environment.objects.filter(name=did[1][1]).exclude(state="gone").exists()


def settle() -> None:
    from idp.kernel import clock

    for run in Run.objects.filter(finished_at=None):
        carry_out(run, Clock(clock.now()))
