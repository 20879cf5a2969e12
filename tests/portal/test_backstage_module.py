"""The backend module for Backstage in ``deploy/backstage``, as far as this machine can run it.

Its pure parts run with node alone. Types are checked where its packages are installed, and the generated templates are
held against a real Backstage where ``BACKSTAGE_URL`` names one; both are asked for by whoever sets them up.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from provisioning.contracts import builtin_documents
from provisioning.domain.backstage_template import capability_template, environment_template, promotion_template
from provisioning.domain.contract import parse_contract

MODULE = Path(__file__).parents[2] / "deploy" / "backstage"
TSC = MODULE / "node_modules" / ".bin" / "tsc"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=MODULE, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on this machine")
def test_its_pure_parts_do_what_they_say() -> None:
    done = run("node", "--test", "src/pure.test.js")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    not TSC.exists(), reason="the module's packages are not installed (npm install in deploy/backstage)"
)
def test_its_types_are_right() -> None:
    done = run(str(TSC), "--noEmit")
    assert done.returncode == 0, done.stdout


def test_it_names_nobody_but_the_person_whom_backstage_knows() -> None:
    action = (MODULE / "src" / "action.ts").read_text()
    assert action.count("personOf(ctx.user?.ref)") == 1
    assert "input.person" not in action


@pytest.mark.skipif(not os.environ.get("BACKSTAGE_URL"), reason="BACKSTAGE_URL names no running Backstage")
@pytest.mark.parametrize("proxy", ["slipway", None], ids=["by proxy", "by action"])
def test_a_real_backstage_takes_every_template(proxy: str | None) -> None:
    contracts = [parse_contract(document.data) for _, document in builtin_documents()]
    made = [capability_template(one, proxy=proxy) for one in contracts]
    made += [environment_template(["dev"], proxy=proxy, owner="platform")]
    made += [promotion_template(proxy=proxy, owner="platform")]
    token = os.environ.get("BACKSTAGE_TOKEN", "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=os.environ["BACKSTAGE_URL"], headers=headers, timeout=30) as client:
        for template in made:
            entity = yaml.safe_load(yaml.safe_dump(template))
            body = {"entity": entity, "location": "url:https://slipway.example/templates.yaml"}
            answer = client.post("/api/catalog/validate-entity", json=body)
            assert answer.status_code == 200, f"{template['metadata']['name']}: {answer.text}"
