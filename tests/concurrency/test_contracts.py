"""Two who publish at once: one version has one content, and what is published together also fits together."""

from __future__ import annotations

from typing import Any

import pytest

from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, InvalidInput
from provisioning.models import Capability, Contract
from provisioning.services.contracts import contract_publish
from tests.concurrency.threads import side_by_side
from tests.personas import NOW
from tests.provisioning.domain.contracts import STORE, document

THREADS = 8
pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def publish(version: str, *changes: tuple[str, Any]) -> Contract:
    return contract_publish(PLATFORM, document=document(STORE, ("metadata.version", version), *changes), now=NOW)


@pytest.mark.parametrize("known", [pytest.param(True, id="next-version"), pytest.param(False, id="new-capability")])
def test_one_of_many_contents_wins(known: bool) -> None:
    if known:
        publish("1.0.0")
    outcomes = side_by_side(THREADS, lambda number: publish("1.1.0", ("spec.summary", f"Number {number}.")))
    won = [one for one in outcomes if isinstance(one, Contract)]
    lost = [one for one in outcomes if isinstance(one, Conflict)]
    assert (len(won), len(lost)) == (1, THREADS - 1), outcomes
    assert Contract.objects.get(version="1.1.0").digest == won[0].digest
    assert Capability.objects.count() == 1


def test_the_same_content_is_published_once_for_all() -> None:
    outcomes = side_by_side(THREADS, lambda number: publish("1.0.0"))
    assert {one.pk for one in outcomes} == {Contract.objects.get().pk}


@pytest.mark.parametrize("attempt", range(3))
def test_two_versions_that_do_not_fit_together_are_not_both_published(attempt: int) -> None:
    """1.1.0 takes more than 1.2.0 does; each alone may follow 1.0.0."""
    publish("1.0.0")
    wider = ("spec.inputs.properties.storageGiB.maximum", 900)
    outcomes = side_by_side(2, lambda number: publish("1.2.0") if number else publish("1.1.0", wider))
    assert sorted(type(one).__name__ for one in outcomes) == ["Contract", "InvalidInput"], outcomes
    assert any(isinstance(one, InvalidInput) and one.code == "contract-incompatible" for one in outcomes)
    assert Contract.objects.count() == 2
