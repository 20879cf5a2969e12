"""Publishing a version: what follows what, what may not, and what the database itself refuses."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput
from provisioning.contracts import builtin_documents
from provisioning.models import Capability, Contract
from provisioning.selectors.contract_neighbours import living_inputs, neighbours
from provisioning.services.contracts import contract_publish
from provisioning.services.setup import contracts_install
from tests.personas import NOW, Organisation
from tests.provisioning.domain.contracts import STORE
from tests.provisioning.domain.contracts import document as changed
from tests.provisioning.organisation import create, equip

pytestmark = pytest.mark.django_db

STORAGE = "spec.inputs.properties.storageGiB"


def publish(version: str, *changes: tuple[str, Any]) -> Contract:
    return contract_publish(PLATFORM, document=changed(STORE, ("metadata.version", version), *changes), now=NOW)


def refused(version: str, *changes: tuple[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught, transaction.atomic():
        publish(version, *changes)
    assert caught.value.code == "contract-incompatible"
    return caught.value


@pytest.fixture
def store() -> Contract:
    return publish("1.0.0")


def test_it_publishes_what_takes_nothing_away(store: Contract) -> None:
    assert publish("1.1.0", (f"{STORAGE}.maximum", 900)).minor == 1
    assert publish("1.1.1", (f"{STORAGE}.maximum", 900), ("spec.summary", "Better.")).patch == 1
    assert Capability.objects.get(name="store").summary == "Better."


def test_it_names_path_rule_and_example(store: Contract) -> None:
    error = refused("1.1.0", (f"{STORAGE}.maximum", 100))
    assert "store@1.1.0 cannot follow 1.0.0" in error.message
    [found] = error.errors
    assert found.path == f"{STORAGE}.maximum"
    assert found.message.endswith('(maximum); for example {"storageGiB": 500}')
    assert Contract.objects.count() == 1


def test_a_new_capability_that_is_refused_leaves_nothing() -> None:
    with pytest.raises(InvalidInput), transaction.atomic():
        publish("1.0.0", ("spec.usage.cpu", "${nonsense}"))
    assert not Capability.objects.exists()


def test_it_follows_the_newest_older_version_that_is_not_retired(store: Contract) -> None:
    publish("1.1.0", (f"{STORAGE}.maximum", 900))
    refused("1.2.0")
    Contract.objects.filter(version="1.1.0").update(state="retired")
    assert publish("1.2.0").version == "1.2.0"


def test_a_version_in_between_must_lead_to_the_one_after_it(store: Contract) -> None:
    publish("1.2.0")
    error = refused("1.1.0", (f"{STORAGE}.maximum", 900))
    assert "store@1.2.0 cannot follow 1.1.0" in error.message


def test_a_patch_that_adds_is_told_its_number(store: Contract) -> None:
    error = refused("1.0.1", (f"{STORAGE}.maximum", 900))
    assert [one.path for one in error.errors] == ["metadata.version"]
    assert "publish it as 1.1.0" in error.errors[0].message


def test_a_major_needs_its_upgrade(store: Contract) -> None:
    smaller = (f"{STORAGE}.maximum", 100)
    assert [one.path for one in refused("2.0.0", smaller).errors] == ["spec.upgrade"]
    assert publish("2.0.0", smaller, ("spec.upgrade", {"1": {"storageGiB": "${inputs.storageGiB}"}})).major == 2


def test_the_same_again_changes_nothing_and_another_content_is_a_conflict(store: Contract) -> None:
    assert publish("1.0.0").pk == store.pk
    with pytest.raises(Conflict) as caught:
        publish("1.0.0", ("spec.summary", "Otherwise."))
    assert caught.value.code == "version-exists"
    assert Contract.objects.count() == 1


def test_only_admins_publish(organisation: Organisation) -> None:
    with pytest.raises(Forbidden):
        contract_publish(organisation.actor("maintainer"), document=STORE, now=NOW)


def test_it_replays_what_living_resources_have(organisation: Organisation) -> None:
    """A rule that both versions have is no narrowing; a resource that breaks it is found all the same."""
    equip(organisation)
    create(organisation, api={"replicas": 7})
    [(name, inputs)] = living_inputs("web-service", 1)
    assert (name, inputs["replicas"], inputs["port"]) == ("checkout/try/api", 7, 8080)
    body = copy.deepcopy(dict(builtin_documents())["web-service/1.2.0.yaml"].data)
    body["metadata"]["version"] = "1.3.0"
    body["spec"]["objects"]["budget"]["includeWhen"] = "power != 'asleep' && inputs.replicas in [2, 3]"
    with pytest.raises(InvalidInput) as caught:
        contract_publish(PLATFORM, document=body, now=NOW)
    assert [one.path for one in caught.value.errors] == ["spec.objects.budget"]


def test_it_reads_what_lives_in_one_query(organisation: Organisation) -> None:
    equip(organisation)
    create(organisation, "one")
    create(organisation, "two")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert len(list(living_inputs("postgres", 1))) == 2
        assert list(living_inputs("postgres", 2)) == []
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("version", "before", "after"),
    [
        pytest.param("1.0.5", "1.0.0", "1.2.0", id="between"),
        pytest.param("1.9.0", "1.2.0", None, id="last-of-its-major"),
        pytest.param("2.0.0", "1.2.0", None, id="first-of-a-major"),
        pytest.param("0.9.0", None, None, id="before-all"),
    ],
)
def test_it_knows_the_neighbours(store: Contract, version: str, before: str | None, after: str | None) -> None:
    from provisioning.domain.version import parse_version

    publish("1.2.0")
    publish("1.3.0-rc.1")
    found = neighbours("store", parse_version(version))
    assert tuple(one.version if one else None for one in found) == (before, after)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param("document", {"spec": {}}, id="document"),
        pytest.param("digest", "0" * 64, id="digest"),
        pytest.param("version", "9.9.9", id="version"),
        pytest.param("major", 9, id="major"),
    ],
)
def test_the_database_refuses_to_change_what_is_published(store: Contract, column: str, value: Any) -> None:
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        Contract.objects.filter(pk=store.pk).update(**{column: value})
    store.refresh_from_db()
    assert store.version == "1.0.0"


def test_the_database_lets_the_state_move(store: Contract) -> None:
    Contract.objects.filter(pk=store.pk).update(state="deprecated", published_by=None)
    store.refresh_from_db()
    assert store.state == "deprecated"


def test_the_built_in_contracts_install_twice(db: None) -> None:
    first, second = contracts_install(now=NOW), contracts_install(now=NOW)
    assert [one.pk for one in first] == [one.pk for one in second]
