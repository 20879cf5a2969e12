"""Feedback and defaults of majors over the API: who says, who reads, and what a capability tells of both."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from provisioning.contracts import builtin_documents
from provisioning.models import Run
from provisioning.services.contracts import contract_publish
from tests.provisioning.organisation import carry_out, create

pytestmark = pytest.mark.django_db


def test_who_asked_says_how_it_was_and_the_owner_reads_it(api: Any, organisation: Any) -> None:
    run = carry_out(Run.objects.get(change=create(organisation)))
    said = api("developer").post(f"runs/{run.pk}/feedback/", {"answer": "hard", "words": "Too many fields."})
    assert (said.status_code, said.json()["answer"]) == (200, "hard")
    assert api("maintainer").post(f"runs/{run.pk}/feedback/", {"answer": "easy"}).status_code == 403
    assert api("developer").post(f"runs/{run.pk}/feedback/", {"answer": "meh"}).status_code == 422
    assert api("viewer").get("capabilities/postgres/").json()["feedback"] == {"easy": 0, "hard": 1}
    assert api("developer").get("capabilities/postgres/feedback/").status_code == 403
    [read] = api("admin").get("capabilities/postgres/feedback/").json()["items"]
    assert (read["words"], read["person"], read["run"]) == ("Too many fields.", "developer", run.pk)


def test_a_default_is_chosen_listed_and_taken_back(api: Any) -> None:
    data = deepcopy(dict(dict(builtin_documents())["postgres/1.0.0.yaml"].data))
    data["metadata"]["version"] = "1.0.1"
    contract_publish(PLATFORM, document=data, now=clock.now())

    def first() -> tuple[str, bool]:
        [one] = [
            one for one in api("viewer").get("capabilities/postgres/defaults/").json()["items"] if one["major"] == 1
        ]
        return one["version"], one["chosen"]

    assert first() == ("1.0.1", False)
    chosen = api("admin").post("capabilities/postgres/defaults/", {"version": "1.0.0"})
    assert chosen.status_code == 200
    assert first() == ("1.0.0", True)
    told = api("viewer").get("capabilities/postgres/").json()["defaults"]
    assert told == api("viewer").get("capabilities/postgres/defaults/").json()["items"]
    assert api("admin").post("capabilities/postgres/defaults/1/clear/").status_code == 204
    assert first() == ("1.0.1", False)
    assert api("admin").post("capabilities/postgres/defaults/", {"version": "9.9.9"}).status_code == 404
