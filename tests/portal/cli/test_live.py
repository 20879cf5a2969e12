"""Every command against a server that runs as ``make run`` starts it: gunicorn, worker, SQLite, the demo organisation.

All tests share one installation; each works on environments of its own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import Result

from provisioning.contracts import builtin_documents
from tests.browser.installation import ROOT, Installation, running_installation
from tests.idp.kernel.git_servers import commit, http_server
from tests.kubernetes.relay import Relay
from tests.portal.cli.conftest import Slipway

FURNISH = """
import json
from datetime import timedelta
from idp.catalog.models import Team, User
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from governance.services.quota_limits import quota_set
from governance.services.tokens import token_create

team = Team.objects.get(slug="payments")
quota_set(PLATFORM, team=team, cpu=200, memory_gib=400, storage_gib=4000, environments=90, now=clock.now())
tokens = {}
for name, scopes in WHO:
    owner = User.objects.get(username=name)
    tokens[name] = token_create(PLATFORM, owner=owner, name="cli", scopes=scopes, now=clock.now())[1]
print(json.dumps(tokens))
"""
ALL = ("read", "change", "approve", "admin")
WHO = [("developer", ALL), ("maintainer", ALL), ("admin", ALL), ("viewer", ALL)]


@dataclass(frozen=True)
class Person:
    """Somebody at a terminal of their own."""

    run: Slipway
    environment: Mapping[str, str]

    def __call__(self, *words: str, typed: str = "") -> Result:
        return self.run(*words, typed=typed, **self.environment)

    def json(self, *words: str) -> Any:
        """What a command prints for machines; it must have ended well."""
        done = self(*words, "-o", "json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running_installation(tmp_path_factory.mktemp("cli"), ready_seconds=0) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(installation: Installation) -> dict[str, str]:
    told = installation.printed(f"WHO = {WHO!r}\n{FURNISH}")
    return dict(json.loads(told.strip().splitlines()[-1]))


@pytest.fixture
def person(installation: Installation, tokens: dict[str, str], slipway: Slipway) -> Callable[[str], Person]:
    def one(name: str) -> Person:
        return Person(slipway, {"SLIPWAY_URL": installation.url, "SLIPWAY_TOKEN": tokens[name]})

    return one


@pytest.fixture
def developer(person: Callable[[str], Person]) -> Person:
    return person("developer")


def document(name: str, *, stage: str = "dev", port: int = 8080, replicas: int = 1) -> str:
    return f"""apiVersion: slipway.dev/v1
kind: Environment
metadata: {{system: checkout, name: {name}}}
spec:
  stage: {stage}
  resources:
    api:
      capability: web-service@1
      component: checkout-api
      inputs:
        image: registry.example/checkout-api:1.8.3
        port: {port}
        replicas: {replicas}
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    """``written(name, **fields)`` is the path of a file with that environment's document."""

    def write(name: str, **fields: Any) -> str:
        file = tmp_path / f"{name}.yaml"
        file.write_text(document(name, **fields), encoding="utf-8")
        return str(file)

    return write


def made(developer: Person, file: str) -> None:
    done = developer("apply", "-f", file, "--wait")
    assert done.exit_code == 0, done.output


# --- who one is -----------------------------------------------------------------------------------------------------


def test_it_signs_in_with_a_token_and_out_again(installation: Installation, slipway: Slipway, own_home: Path) -> None:
    code = (
        "from governance.services.tokens import token_create; from idp.catalog.models import User;"
        "from idp.kernel import clock; from idp.kernel.actor import PLATFORM;"
        "print(token_create(PLATFORM, owner=User.objects.get(username='viewer'), name='x', scopes=['read'],"
        " now=clock.now())[1])"
    )
    token = installation.printed(code).strip().splitlines()[-1]
    done = slipway("login", "--url", installation.url, "--name", "demo", "--token", typed=f"{token}\n")
    assert done.exit_code == 0, done.output
    assert "Signed in" in done.stderr
    assert token not in done.output
    kept = own_home / "config" / "slipway" / "contexts.yaml"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(slipway("whoami", "-o", "json").stdout)["username"] == "viewer"
    assert "demo" in slipway("contexts", "list").stdout
    assert token not in slipway("contexts", "list", "-o", "json").stdout
    assert slipway("logout").exit_code == 0
    refused = slipway("whoami", SLIPWAY_URL=installation.url, SLIPWAY_TOKEN=token)
    assert refused.exit_code == 3
    assert "slipway login" in refused.stderr
    assert slipway("whoami").exit_code == 3
    assert token not in kept.read_text(encoding="utf-8")
    assert slipway("contexts", "remove", "demo").exit_code == 0
    assert slipway("contexts", "use", "demo").exit_code == 2


def test_it_signs_in_through_the_browser(installation: Installation, own_home: Path) -> None:
    words = [sys.executable, "-m", "portal.cli", "login", "--url", installation.url, "--no-browser", "--scope", "read"]
    environment = {**installation.environment, "XDG_CONFIG_HOME": str(own_home / "config")}
    with started(words, environment) as program:
        assert program.stderr is not None
        page = program.stderr.readline().removeprefix("Open ").strip()
        code = re.findall(r"[A-Z]{4}-[A-Z]{4}", program.stderr.readline())[0]
        with closing(browser(installation, "developer")) as person:
            shown = person.get(page)
            assert code in shown.text
            answer = person.post(
                page.partition("?")[0],
                data={"code": code, "scopes": "read", "days": "7", "systems": "", "do": "allow"},
                headers={"X-CSRFToken": person.cookies["csrftoken"], "Referer": page},
            )
            assert answer.status_code == 302
        told = program.stderr.read()
        assert program.wait(timeout=60) == 0, told
    assert "as developer (read)" in told
    kept = yaml.safe_load((own_home / "config" / "slipway" / "contexts.yaml").read_text(encoding="utf-8"))
    (context,) = kept["contexts"].values()
    assert context["url"] == installation.url
    me = httpx.get(f"{installation.url}/api/v1/me", headers={"Authorization": f"Bearer {context['token']}"}).json()
    assert (me["username"], me["scopes"]) == ("developer", ["read"])


@contextmanager
def started(words: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A program that does not outlive its test, whatever fails meanwhile."""
    program = subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield program
    finally:
        program.kill()
        program.communicate()


def browser(installation: Installation, username: str) -> httpx.Client:
    """Somebody signed in to the portal."""
    person = httpx.Client(base_url=installation.url)
    person.get("/login/")
    entered = person.post(
        "/login/",
        data={"username": username, "password": installation.password},
        headers={"X-CSRFToken": person.cookies["csrftoken"], "Referer": f"{installation.url}/login/"},
    )
    assert entered.status_code == 302, entered.text[:300]
    return person


def test_it_says_who_one_is(developer: Person) -> None:
    assert "payments" in developer("whoami").stdout
    assert developer.json("whoami")["username"] == "developer"


# --- what there is --------------------------------------------------------------------------------------------------


def test_it_lists_systems_and_shows_one(developer: Person) -> None:
    assert "checkout" in {one["slug"] for one in developer.json("systems")}
    assert "checkout/staging" in developer("systems", "checkout").stdout
    missing = developer("systems", "nowhere")
    assert (missing.exit_code, missing.stdout) == (1, "")


def test_it_lists_capabilities_and_shows_one(developer: Person) -> None:
    assert "postgres" in developer("capabilities").stdout
    assert "1.0.0" in {one["version"] for one in developer.json("capabilities", "postgres")["contracts"]}
    assert "stable" in developer("capabilities", "postgres").stdout


def test_it_lists_environments_and_shows_one(developer: Person) -> None:
    assert "checkout/staging" in developer("env", "list", "--system", "checkout").stdout
    rows = developer.json("env", "list", "--stage", "prod")
    assert {one["stage"] for one in rows} == {"prod"}
    assert "web-service" in developer("env", "show", "checkout/staging").stdout
    assert yaml.safe_load(developer("env", "show", "checkout/staging", "-o", "yaml").stdout)["name"] == "staging"


def test_a_list_that_goes_on_says_so_beside_the_result(developer: Person) -> None:
    done = developer("env", "list", "--limit", "1", "-o", "json")
    assert len(json.loads(done.stdout)) == 1
    assert "there are more" in done.stderr


def test_it_gives_the_address_of_an_environment(developer: Person, installation: Installation) -> None:
    done = developer("env", "open", "checkout/staging")
    assert done.stdout == f"{installation.url}/environments/checkout/staging/\n"
    assert httpx.get(done.stdout.strip()).status_code == 302


def test_what_an_environment_shows_as_its_document_applies_to_nothing(developer: Person, tmp_path: Path) -> None:
    shown = developer("env", "show", "checkout/staging", "--document")
    file = tmp_path / "staging.yaml"
    file.write_text(shown.stdout, encoding="utf-8")
    done = developer("apply", "-f", str(file))
    assert done.exit_code == 0, done.output
    assert "is already so" in done.stderr


# --- plan, apply, diff ----------------------------------------------------------------------------------------------


def test_it_plans_and_writes_nothing(developer: Person, written: Callable[..., str]) -> None:
    file = written("c-plan")
    done = developer("plan", "-f", file)
    assert done.exit_code == 0, done.output
    assert "+ api web-service" in done.stdout
    assert developer.json("plan", "-f", file)["outcome"] == "starts"
    assert developer("env", "show", "checkout/c-plan").exit_code == 1


def test_a_pipeline_gets_markdown(installation: Installation, developer: Person, written: Callable[..., str]) -> None:
    done = developer.run("plan", "-f", written("c-ci"), **developer.environment, CI="true")
    assert done.stdout.startswith("<!-- slipway-plan checkout/c-ci -->\n### ✅ Slipway: create `checkout/c-ci`")
    assert developer("plan", "-f", written("c-ci"), "-o", "markdown").stdout == done.stdout


def test_a_plan_names_file_line_and_place_of_what_is_wrong(developer: Person, written: Callable[..., str]) -> None:
    file = written("c-bad", replicas="many")
    done = developer("plan", "-f", file)
    assert done.exit_code == 1
    line = document("c-bad", replicas="many").splitlines().index("        replicas: many") + 1
    assert f"{file}:{line}: spec.resources.api.inputs.replicas" in done.stdout
    refused = developer("apply", "-f", file)
    assert refused.exit_code == 1
    assert f"(line {line})" in refused.stderr
    assert "Request " in refused.stderr


def test_it_applies_waits_and_applies_again_to_nothing(developer: Person, written: Callable[..., str]) -> None:
    file = written("c-apply")
    done = developer("apply", "-f", file, "--wait", "-m", "Try it", "-o", "json")
    assert done.exit_code == 0, done.output
    change = json.loads(done.stdout)
    assert (change["state"], change["reason"]) == ("succeeded", "Try it")
    assert "Ready" in done.stderr
    again = developer("apply", "-f", file)
    assert (again.exit_code, again.stdout) == (0, "")
    from_input = developer("apply", "-f", "-", typed=document("c-apply"))
    assert from_input.exit_code == 0
    assert "is already so" in from_input.stderr


def test_it_ends_with_4_when_people_must_agree(developer: Person, written: Callable[..., str]) -> None:
    done = developer("apply", "-f", written("c-people", stage="prod"), "-m", "Go live", "--wait")
    assert done.exit_code == 4, done.output
    assert "--people" in done.stderr
    number = developer.json("changes", "--mine", "--limit", "1")[0]["id"]
    assert developer("wait", str(number)).exit_code == 4
    assert developer("cancel", str(number)).exit_code == 0
    assert developer("wait", str(number)).exit_code == 1


def test_it_ends_with_3_when_it_is_denied(person: Callable[[str], Person], written: Callable[..., str]) -> None:
    done = person("viewer")("apply", "-f", written("c-denied"))
    assert done.exit_code == 3, done.output
    file = Path(written("c-disks"))
    disks = "".join(f"    db{one}: {{capability: postgres@1, inputs: {{storageGiB: 500}}}}\n" for one in range(9))
    file.write_text(document("c-disks") + disks, encoding="utf-8")
    denied = person("developer")("apply", "-f", str(file))
    assert denied.exit_code == 3, denied.output
    assert "The denied change is kept" in denied.stderr
    assert person("developer")("plan", "-f", str(file)).exit_code == 3


def test_it_ends_with_5_when_a_run_fails(developer: Person, tmp_path: Path) -> None:
    file = tmp_path / "fails.yaml"
    text = document("c-fails").replace("checkout-api:1.8.3", "checkout-api:missing")
    file.write_text(text, encoding="utf-8")
    done = developer("apply", "-f", str(file), "--wait")
    assert done.exit_code == 5, done.output
    assert "Failed:" in done.stderr
    assert "slipway resume" in done.stderr
    logs = developer("runs", "logs", "checkout/c-fails")
    assert logs.exit_code == 5
    assert developer("runs", "show", "checkout/c-fails").exit_code == 5
    number = developer.json("changes", "--mine", "--limit", "1")[0]["id"]
    assert developer("resume", str(number), "--wait").exit_code == 5


def test_it_applies_files_of_any_kind_as_one_whole(developer: Person, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    for name in ("c-one", "c-two"):
        (folder / f"{name}.yaml").write_text(document(name), encoding="utf-8")
    tried = developer("apply", "-f", str(folder), "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert "Nothing was written." in tried.stderr
    done = developer("apply", "-f", str(folder), "--owner", "cli-tests", "--wait", "-o", "json")
    assert done.exit_code == 0, done.output
    assert {one["state"] for one in json.loads(done.stdout)["changes"]} == {"succeeded"}
    (folder / "c-two.yaml").unlink()
    asked = developer("apply", "-f", str(folder), "--owner", "cli-tests", "--prune")
    assert asked.exit_code == 2
    assert "c-two would be taken away" in asked.stderr
    pruned = developer("apply", "-f", str(folder), "--owner", "cli-tests", "--prune", "--yes", "--wait")
    assert pruned.exit_code == 0, pruned.output
    (folder / "bad.yaml").write_text(document("c-three", replicas="many"), encoding="utf-8")
    refused = developer("apply", "-f", str(folder))
    assert refused.exit_code == 1
    assert "replicas" in refused.stderr


def test_what_it_exports_applies_again_to_no_changes(person: Callable[[str], Person], tmp_path: Path) -> None:
    viewer, developer, folder = person("viewer"), person("developer"), tmp_path / "all"
    done = viewer("export", "--to", str(folder))
    assert done.exit_code == 0, done.output
    assert {"contracts", "policies", "environments"} <= {one.name for one in folder.iterdir()}
    again = developer.json("apply", "-f", str(folder), "--dry-run")
    assert {one["outcome"] for one in again["results"]} == {"unchanged"}
    stream = viewer("export", "--system", "ledger").stdout
    assert [one["metadata"]["system"] for one in yaml.safe_load_all(stream)] == ["ledger", "ledger"]


def test_it_shows_what_differs(developer: Person, written: Callable[..., str]) -> None:
    made(developer, written("c-diff"))
    file = written("c-diff", port=9090)
    assert "port: 8080 → 9090" in developer("diff", "-f", file).stdout
    made(developer, file)
    assert "port: 8080 → 9090" in developer("diff", "checkout/c-diff", "1").stdout
    assert "port: 8080 → 9090" in developer("diff", "checkout/c-diff").stdout
    assert developer("diff", "checkout/staging", "prod").exit_code == 0
    assert developer("diff").exit_code == 2


# --- what becomes of an environment ---------------------------------------------------------------------------------


def test_it_rolls_back_sleeps_wakes_extends_and_deletes(developer: Person, written: Callable[..., str]) -> None:
    made(developer, written("c-life"))
    made(developer, written("c-life", port=9090))
    assert developer("rollback", "checkout/c-life", "--to", "1", "--wait").exit_code == 0
    assert "port: 9090 → 8080" in developer("diff", "checkout/c-life", "2").stdout
    assert developer("sleep", "checkout/c-life", "--wait").exit_code == 0
    assert developer.json("env", "show", "checkout/c-life")["power"] == "asleep"
    assert developer("wake", "checkout/c-life", "--wait").exit_code == 0
    before = developer.json("env", "show", "checkout/c-life")["expires_at"]
    extended = developer("extend", "checkout/c-life", "14d", "--wait")
    assert extended.exit_code == 0, extended.output
    assert developer.json("env", "show", "checkout/c-life")["expires_at"] >= before
    asked = developer("delete", "checkout/c-life", typed="c-life\n")
    assert asked.exit_code == 2
    assert "--yes" in asked.stderr
    gone = developer("delete", "checkout/c-life", "--yes", "-m", "Over", "--wait")
    assert gone.exit_code == 0, gone.output
    assert developer.json("env", "show", "checkout/c-life")["deleted_at"]
    assert developer.json("plan", "-f", written("c-life"))["kind"] == "create"


def test_it_promotes(developer: Person, written: Callable[..., str]) -> None:
    made(developer, written("c-from"))
    early = developer("promote", "checkout/c-from", "--to", "staging", "--wait")
    assert early.exit_code == 3, early.output
    assert "has run Ready in c-from" in early.stderr
    asked = developer("promote", "checkout/staging", "--to", "prod", "--resource", "api", "-m", "Ship it", "-o", "json")
    assert asked.exit_code == 4, asked.output
    change = json.loads(asked.stdout)
    assert (change["kind"], change["environment"], change["state"]) == ("promote", "prod", "pending")


# --- deciding -------------------------------------------------------------------------------------------------------


def test_it_approves_what_was_read_and_nothing_else(
    developer: Person, person: Callable[[str], Person], written: Callable[..., str]
) -> None:
    asked = developer("apply", "-f", written("c-live", stage="prod"), "-m", "Go live", "-o", "json")
    assert asked.exit_code == 4, asked.output
    change = json.loads(asked.stdout)
    number = str(change["id"])
    maintainer = person("maintainer")
    assert change["id"] in [one["id"] for one in maintainer.json("changes", "--waiting")]
    assert "api" in maintainer("changes", number).stdout
    own = developer("approve", number, "--yes")
    assert own.exit_code == 3, own.output
    unseen = maintainer("approve", number)
    assert unseen.exit_code == 2
    assert "--digest" in unseen.stderr
    other = maintainer("approve", number, "--digest", "0" * 64)
    assert other.exit_code == 1
    assert "plan" in other.stderr
    agreed = maintainer("approve", number, "--digest", change["plan_digest"], "-m", "Looks right")
    assert agreed.exit_code == 0, agreed.output
    decided = developer.json("changes", number)
    assert [one["verdict"] for one in decided["decisions"]] == ["approve"]
    assert decided["decisions"][0]["plan_digest"] == change["plan_digest"]


def test_it_rejects_with_a_reason(
    developer: Person, person: Callable[[str], Person], written: Callable[..., str]
) -> None:
    asked = developer("apply", "-f", written("c-no", stage="prod"), "-m", "Go live", "-o", "json")
    number = str(json.loads(asked.stdout)["id"])
    maintainer = person("maintainer")
    assert maintainer("reject", number, "--yes").exit_code == 2
    done = maintainer("reject", number, "-m", "Not today", "--yes")
    assert done.exit_code == 0, done.output
    assert "Go live" in done.stderr
    assert developer("wait", number).exit_code == 3


def test_it_lists_changes(developer: Person) -> None:
    assert {one["requester"] for one in developer.json("changes", "--mine")} == {"developer"}
    assert "CHANGE" in developer("changes", "--state", "succeeded", "--system", "checkout").stdout


# --- runs -----------------------------------------------------------------------------------------------------------


def test_it_follows_a_run(developer: Person, written: Callable[..., str]) -> None:
    started = developer("apply", "-f", written("c-run"))
    assert started.exit_code == 0, started.output
    done = developer("runs", "logs", "checkout/c-run", "--follow")
    assert done.exit_code == 0, done.output
    assert "Done. The environment is as it was agreed." in done.stdout
    assert "succeeded" in done.stderr
    rows = developer.json("runs", "list", "checkout/c-run")
    shown = developer("runs", "show", str(rows[0]["id"]))
    assert (shown.exit_code, "guardrails" in shown.stdout) == (0, True)
    lines = developer("runs", "logs", str(rows[0]["id"]), "-o", "json").stdout.splitlines()
    assert [json.loads(one)["text"] for one in lines] == [one[10:].split("  ")[-1] for one in done.stdout.splitlines()]


def test_it_follows_a_run_through_a_connection_that_is_cut(
    installation: Installation, developer: Person, written: Callable[..., str]
) -> None:
    relay, cuts = Relay(installation.url), []

    def cut() -> None:
        for _ in range(4):
            time.sleep(0.3)
            cuts.append(relay.cut())

    cutting = threading.Thread(target=cut)
    cutting.start()
    try:
        address = {"SLIPWAY_URL": relay.url.replace("https:", "http:")}
        done = Person(developer.run, {**developer.environment, **address})("apply", "-f", written("c-cut"), "--wait")
    finally:
        cutting.join()
        relay.close()
    assert done.exit_code == 0, done.output
    assert any(cuts)
    assert done.output.count("Done. The environment is as it was agreed.") == 1
    said = developer("runs", "logs", "checkout/c-cut").stdout.splitlines()
    assert [line for line in done.output.splitlines() if line in said] == said
    assert len(developer.json("runs", "list", "checkout/c-cut")) == 1


# --- rules ----------------------------------------------------------------------------------------------------------


def contract(tmp_path: Path, **metadata: str) -> Path:
    data = json.loads(json.dumps(dict(builtin_documents())["postgres/1.0.0.yaml"].data))
    data["metadata"].update(metadata)
    file = tmp_path / "contract.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return file


def test_it_checks_and_publishes_a_contract(person: Callable[[str], Person], tmp_path: Path) -> None:
    admin, file = person("admin"), contract(tmp_path, capability="cli-archive", version="1.0.0")
    checked = admin("contract", "check", str(file))
    assert checked.exit_code == 0, checked.output
    assert "has nothing against it" in checked.stdout
    assert admin("capabilities", "cli-archive").exit_code == 1
    done = admin("contract", "publish", str(file))
    assert done.exit_code == 0, done.output
    assert admin.json("capabilities", "cli-archive")["name"] == "cli-archive"
    refused = person("developer")("contract", "publish", str(file))
    assert refused.exit_code == 3


def test_a_contract_that_is_wrong_is_told_with_its_line(person: Callable[[str], Person], tmp_path: Path) -> None:
    file = contract(tmp_path, version="1.0.1")
    text = file.read_text(encoding="utf-8").replace("    host: ${", "    host: ${nothing + ", 1)
    file.write_text(text, encoding="utf-8")
    admin = person("admin")
    checked = admin("contract", "check", str(file))
    assert checked.exit_code == 1
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "nothing" in one)
    assert f"{file}:{line}: spec.publish.host" in checked.stderr
    published = admin("contract", "publish", str(file))
    assert published.exit_code == 1
    assert "spec.publish.host" in published.stderr


POLICY = """apiVersion: slipway.dev/v1
kind: Policy
metadata: {name: cli-no-prod}
spec:
  title: Nothing goes to production on a test
  match: {stages: [prod]}
  rules:
    - when: "change.kind == 'create'"
      deny: Not now.
"""


def test_it_tests_a_policy_and_replays_it(person: Callable[[str], Person]) -> None:
    admin = person("admin")
    names = admin.json("policy", "test", "production-needs-a-maintainer")
    assert [one["may_be_enforced"] for one in names] == [True]
    done = admin("policy", "replay", "production-needs-a-maintainer", "--days", "366", "-o", "json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["state"], report["days"]) == ("succeeded", 366)
    assert admin("policy", "replay", "production-needs-a-maintainer").stdout.startswith(
        "production-needs-a-maintainer: of "
    )
    assert admin("policy", "test", "no-such-policy").exit_code == 1


def test_a_policy_that_is_wrong_is_told(person: Callable[[str], Person], tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.replace("change.kind ==", "change.nothing =="), encoding="utf-8")
    done = person("admin")("policy", "test", str(file))
    assert done.exit_code == 1
    assert str(file) in done.stderr


# --- the audit log --------------------------------------------------------------------------------------------------


def test_it_verifies_an_export_offline(installation: Installation, slipway: Slipway, tmp_path: Path) -> None:
    exported = subprocess.run(
        [sys.executable, "manage.py", "audit", "export"],
        cwd=ROOT,
        env=dict(installation.environment),
        capture_output=True,
        text=True,
    )
    assert exported.returncode == 0, exported.stderr
    file = tmp_path / "audit.jsonl"
    file.write_text(exported.stdout, encoding="utf-8")
    done = slipway("audit", "verify", str(file))
    assert done.exit_code == 0, done.output
    assert "whole and in order" in done.stdout
    lines = exported.stdout.splitlines()
    entry = json.loads(lines[5])
    lines[5] = json.dumps({**entry, "actor": "somebody else"})
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    altered = slipway("audit", "verify", str(file), "-o", "json")
    assert altered.exit_code == 1
    assert json.loads(altered.stdout)["faults"] == [f"Entry {entry['sequence']}: altered."]


# --- Score ----------------------------------------------------------------------------------------------------------

WORKLOAD = """apiVersion: score.dev/v1b1
metadata: {name: c-shop}
containers: {main: {image: .}}
service: {ports: {www: {port: 8080}}}
"""


def test_it_plans_and_applies_a_score_file(developer: Person, tmp_path: Path) -> None:
    file = tmp_path / "score.yaml"
    file.write_text(WORKLOAD, encoding="utf-8")
    words = ["checkout/c-score", "-f", str(file), "--stage", "dev", "--image", "registry.example/shop:1"]
    planned = developer("score", "plan", *words)
    assert planned.exit_code == 0, planned.output
    assert "web-service" in planned.stdout
    done = developer("score", "apply", *words, "--wait")
    assert done.exit_code == 0, done.output
    resources = developer.json("env", "show", "checkout/c-score")["resources"]
    assert [one["capability"] for one in resources] == ["web-service"]


CATALOG = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: cli-orders}
spec: {type: service, lifecycle: production, owner: payments}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: "not a name"}
spec: {type: service, lifecycle: production, owner: payments}
"""


def test_it_imports_a_catalog(
    installation: Installation, tokens: dict[str, str], person: Callable[[str], Person], tmp_path: Path
) -> None:
    made = httpx.post(
        f"{installation.url}/api/v1/backstage/sources/",
        json={"name": "cli-files", "kind": "upload"},
        headers={"Authorization": f"Bearer {tokens['admin']}"},
    )
    assert made.status_code in (201, 409), made.text
    file = tmp_path / "catalog-info.yaml"
    file.write_text(CATALOG, encoding="utf-8")
    looked = person("admin")("catalog", "import", "cli-files", "-f", str(file), "--preview")
    assert looked.exit_code == 0, looked.output
    done = person("admin")("catalog", "import", "cli-files", "-f", str(file), "-o", "json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["state"], report["mode"], report["counts"]["refused"]) == ("done", "import", 1)
    assert f"{file}:" in looked.stderr
    assert person("developer")("catalog", "import", "cli-files", "-f", str(file)).exit_code == 3


# --- files in Git ----------------------------------------------------------------------------------------------------


def test_it_tells_how_files_in_git_stand_and_looks_now(
    installation: Installation, tokens: dict[str, str], person: Callable[[str], Person], tmp_path: Path
) -> None:
    maintainer, developer = person("maintainer"), person("developer")
    at, headers = f"{installation.url}/api/v1/git/sources/", {"Authorization": f"Bearer {tokens['maintainer']}"}
    with http_server() as server:
        files = {"one.yaml": document("synced").encode()}
        commit(server.repo, {**files, "bad.yaml": b"kind: ["}, subject="Begin")
        made = httpx.post(at, json={"name": "cli-sync", "team": "payments", "url": server.url}, headers=headers)
        assert made.status_code == 201, made.text
        looked = maintainer("sync", "run", "cli-sync", "--preview")
        assert (looked.exit_code, "checkout/synced" in looked.stdout) == (1, True), looked.output
        assert looked.stderr.count("bad.yaml:") == 1
        stopped = maintainer("sync", "run", "cli-sync")
        assert (stopped.exit_code, "cli-sync is stopped." in stopped.stderr) == (1, True), stopped.output
        assert "stopped" in maintainer("sync", "show", "cli-sync").stdout
        assert httpx.post(f"{at}cli-sync/start/", json={"active": True}, headers=headers).status_code == 200
        commit(server.repo, files, subject="Mend it")
        report = maintainer.json("sync", "run", "cli-sync")
        assert [(one["outcome"], one["name"]) for one in report["report"]] == [("created", "checkout/synced")]
        assert developer("wait", str(report["report"][0]["change"])).exit_code == 0
        listed = {one["name"]: one for one in developer.json("sync", "list")}
        assert (listed["cli-sync"]["state"], listed["cli-sync"]["documents"]) == ("done", 1)
        file = tmp_path / "edited.yaml"
        file.write_text(document("synced", replicas=2), encoding="utf-8")
        assert developer("apply", "-f", str(file), "--wait").exit_code == 0
        shown = developer("sync", "show", "cli-sync")
        assert (shown.exit_code, "differs" in shown.stdout) == (0, True), shown.output
        assert "+        replicas: 2" in developer("sync", "show", "cli-sync", "--patch").stdout
        assert person("viewer")("sync", "run", "cli-sync").exit_code == 3
        assert developer("sync", "show", "nothing").exit_code == 1


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_a_page_that_is_not_the_installation_is_told(installation: Installation, slipway: Slipway) -> None:
    done = slipway("whoami", SLIPWAY_URL=f"{installation.url}/systems", SLIPWAY_TOKEN="slw_x_y")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Error:" in done.stderr


def test_an_installation_that_is_away_is_told(slipway: Slipway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.cli.client.ATTEMPTS", 1)
    done = slipway("whoami", SLIPWAY_URL="http://127.0.0.1:1", SLIPWAY_TOKEN="slw_x_y")
    assert done.exit_code == 1
    assert "cannot be reached" in done.stderr
