"""``manage.py contract``: what it prints, what it stores, and how it ends."""

from __future__ import annotations

from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from provisioning.contracts import builtin_documents
from provisioning.models import Capability, Contract
from tests.personas import Organisation
from tests.provisioning import wells
from tests.provisioning.domain.contracts import STORE
from tests.provisioning.domain.contracts import document as changed
from tests.provisioning.organisation import create, equip

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation() -> Organisation:
    return Organisation.found()


def written(folder: Path, name: str, *changes: tuple[str, Any]) -> Path:
    file = folder / name
    file.write_text(yaml.safe_dump(changed(STORE, *changes), sort_keys=False), encoding="utf-8")
    return file


def run(*arguments: object) -> tuple[str, str, str]:
    """What it printed, what it complained, and with which sentence it ended when it failed."""
    out, err = StringIO(), StringIO()
    try:
        call_command("contract", *map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), err.getvalue(), str(error)
    return out.getvalue(), err.getvalue(), ""


def test_a_check_stores_nothing(tmp_path: Path) -> None:
    told, complained, ended = run("check", written(tmp_path, "store.yaml"))
    assert told.endswith("store@1.2.0 has nothing against it.\n")
    assert (complained, ended) == ("", "")
    assert not Contract.objects.exists()


def test_a_check_says_what_it_would_do_to_what_lives(tmp_path: Path, organisation: Organisation) -> None:
    file = written(tmp_path, "store.yaml")
    assert "Nothing that lives would move to store@1.2.0." in run("check", file, "--blast")[0]
    equip(organisation)
    create(organisation, "one")
    create(organisation, "two", api={"replicas": 1})
    data = deepcopy(dict(dict(builtin_documents())["web-service/1.2.0.yaml"].data))
    data["metadata"]["version"] = "1.3.0"
    data["spec"]["usage"]["cpu"] = 2
    data["spec"]["objects"]["server"]["manifest"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 60
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    told = run("check", file, "--blast")[0].splitlines()
    assert told[1:3] == [
        "  Of 2 resources that live: 2 restart.",
        "  payments: 2 restart (+3.25 cores, +58.50 EUR a month)",
    ]
    assert told[3].startswith("    restarts  checkout/one/api (1.2.0): Deployment api restarts its pods.")
    assert not Contract.objects.filter(version="1.3.0").exists()
    assert "restart" not in run("check", file)[0]


def test_a_check_names_file_line_path_and_what_is_right(tmp_path: Path) -> None:
    file = written(tmp_path, "store.yaml", ("spec.usage.cpu", "${nonsense.x}"))
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "nonsense" in text)
    _, complained, ended = run("check", file)
    assert complained.startswith(f"{file}:{line}: spec.usage.cpu: ")
    assert ended == "1 of 1 file must be mended."


def test_what_is_no_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("kind: Contract\nkind: Contract\n")
    _, complained, ended = run("check", file)
    assert complained.startswith(f"{file}")
    assert ended


def test_it_publishes_a_folder_from_old_to_new_with_its_readme(organisation: Organisation, tmp_path: Path) -> None:
    written(tmp_path, "a-newer.yaml", ("metadata.version", "1.10.0"))
    written(tmp_path, "b-older.yaml", ("metadata.version", "1.9.0"))
    (tmp_path / "README.md").write_text("# Store\n\nKeeps things.")
    told, complained, ended = run("publish", tmp_path, "--as", organisation.admin.username)
    assert (complained, ended) == ("", "")
    assert [line.split(": ")[1] for line in told.splitlines()] == [
        "store 1.9.0 is published (stable).",
        "store 1.10.0 is published (stable).",
    ]
    assert Capability.objects.get(name="store").readme.endswith("Keeps things.")
    assert set(Contract.objects.values_list("published_by__username", flat=True)) == {organisation.admin.username}


@pytest.mark.parametrize(
    ("field", "words"),
    [
        pytest.param("pump", "well@1.0.0 has nothing against it.", id="it fits"),
        pytest.param("dump", "There is no field pump here; did you mean dump?", id="it does not fit"),
    ],
)
def test_a_check_reads_the_definitions_beside(tmp_path: Path, field: str, words: str) -> None:
    (tmp_path / "1.0.0.yaml").write_text(yaml.safe_dump(wells.contract(pump="p1")), encoding="utf-8")
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "wells.yaml").write_text(
        yaml.safe_dump_all([{"kind": "Namespace"}, wells.definition(field)]), encoding="utf-8"
    )
    told, complained, _ = run("check", tmp_path)
    assert words in told + complained
    assert "crds" not in told + complained


def test_it_publishes_with_the_definitions_beside(organisation: Organisation, tmp_path: Path) -> None:
    (tmp_path / "1.0.0.yaml").write_text(yaml.safe_dump(wells.contract()), encoding="utf-8")
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "wells.yml").write_text(yaml.safe_dump(wells.definition()), encoding="utf-8")
    told, complained, ended = run("publish", tmp_path, "--as", organisation.admin.username)
    assert ("well 1.0.0 is published" in told, complained, ended) == (True, "", "")
    assert [one.key for one in Contract.objects.get().definitions.all()] == [wells.KEY]


def test_it_goes_on_after_a_file_that_is_refused(organisation: Organisation, tmp_path: Path) -> None:
    written(tmp_path, "one.yaml", ("metadata.version", "1.0.0"))
    written(tmp_path, "two.yaml", ("metadata.version", "1.1.0"), ("spec.inputs.properties.storageGiB.maximum", 100))
    written(tmp_path, "three.yaml", ("metadata.version", "1.2.0"))
    told, complained, ended = run("publish", tmp_path, "--as", organisation.admin.username)
    assert len(told.splitlines()) == 2
    assert "spec.inputs.properties.storageGiB.maximum" in complained
    assert ended == "1 of 3 files must be mended."
    assert sorted(Contract.objects.values_list("version", flat=True)) == ["1.0.0", "1.2.0"]


REFUSED = {
    "nobody of that name": (["store.yaml", "--as", "nobody"], "There is no account nobody."),
    "no such file": (["none.yaml", "--as", "=admin"], "is not there."),
    "an empty folder": (["empty", "--as", "=admin"], "holds no YAML file."),
}


@pytest.mark.parametrize(("arguments", "ended"), REFUSED.values(), ids=REFUSED.keys())
def test_it_says_what_it_cannot_use(
    organisation: Organisation, tmp_path: Path, arguments: list[str], ended: str
) -> None:
    written(tmp_path, "store.yaml")
    (tmp_path / "empty").mkdir()
    given = [organisation.admin.username if one == "=admin" else one for one in arguments]
    assert run("publish", tmp_path / given[0], *given[1:])[2].endswith(ended)
    assert not Contract.objects.exists()


def test_only_admins_publish(organisation: Organisation, tmp_path: Path) -> None:
    file = written(tmp_path, "store.yaml")
    _, complained, ended = run("publish", file, "--as", organisation.developer.username)
    assert "admin" in complained
    assert ended == "1 of 1 file must be mended."
    assert not Contract.objects.exists()


ARTIFACTS = Path(__file__).parent / "domain" / "artifacts"


def test_a_draft_of_a_definition_can_be_checked_at_once(tmp_path: Path) -> None:
    out = tmp_path / "draft.yaml"
    crd = ARTIFACTS / "certificates.example.dev.yaml"
    told, decisions, ended = run(
        "draft", "--from-crd", crd, "--name", "certificate", "--owner", "payments", "--out", out
    )
    assert (told, ended) == (f"{out}: a draft of certificate 1.0.0.\n", "")
    assert decisions.startswith("Decide spec.usage: Say what one of it takes")
    assert "Mend" not in decisions
    told, complained, ended = run("check", out)
    assert (told, complained, ended) == (f"{out}: certificate@1.0.0 has nothing against it.\n", "", "")
    assert not Contract.objects.exists()


def test_a_draft_of_a_chart_goes_to_standard_output() -> None:
    schema = ARTIFACTS / "podinfo.values.schema.json"
    told, decisions, ended = run("draft", "--from-values-schema", schema, "--release", "argo", "--chart", "podinfo")
    assert told.startswith("# To decide before it is published:\n")
    assert yaml.safe_load(told)["spec"]["objects"]["main"]["manifest"]["kind"] == "Application"
    assert "Decide spec.objects.main.manifest.spec.source.repoURL" in decisions
    assert ended == ""


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        pytest.param("kind: Deployment", (), "There is no CustomResourceDefinition in it.", id="another-kind"),
        pytest.param("kind: [", (), "This is not valid YAML", id="no-yaml"),
        pytest.param("{}", ("--name", "Not A Name"), "cannot be a capability's name", id="name"),
    ],
)
def test_a_draft_that_cannot_be_made_says_why(
    tmp_path: Path, text: str, arguments: tuple[str, ...], words: str
) -> None:
    file = tmp_path / "crd.yaml"
    file.write_text(text)
    told, _, ended = run("draft", "--from-crd", file, *arguments)
    assert told == ""
    assert words in ended


def test_a_draft_is_of_one_kind_of_many(tmp_path: Path) -> None:
    one = (ARTIFACTS / "certificates.example.dev.yaml").read_text()
    file = tmp_path / "all.yaml"
    file.write_text(f"{one}\n---\n{one.replace('TLSCertificate', 'Issuer')}")
    _, _, ended = run("draft", "--from-crd", file)
    assert "Choose one of Issuer, TLSCertificate" in ended
    told, _, ended = run("draft", "--from-crd", file, "--kind", "Issuer")
    assert (yaml.safe_load(told)["metadata"]["capability"], ended) == ("issuer", "")
