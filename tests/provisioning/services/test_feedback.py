"""“Was this easy?”: who is asked, what is kept, and who reads it."""

from __future__ import annotations

import pytest

from governance.models import AuditEntry
from idp.catalog.models import Team
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from provisioning.domain.feedback import Tally
from provisioning.models import Capability, Feedback, Run
from provisioning.selectors.feedback import feedback_list, feedback_tally, may_answer, may_read_words
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.feedback import feedback_give
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation() -> Organisation:
    found = Organisation.found()
    equip(found)
    return found


def finished(organisation: Organisation, name: str = "try") -> Run:
    return carry_out(Run.objects.get(change=create(organisation, name)))


def give(
    organisation: Organisation, run: Run, answer: str = "easy", words: str = "", who: str = "developer"
) -> Feedback:
    return feedback_give(organisation.actor(who), run.pk, answer=answer, words=words, now=NOW)


def postgres() -> Capability:
    return Capability.objects.select_related("owner").get(name="postgres")


def test_it_counts_for_everything_that_the_run_was_about(organisation: Organisation) -> None:
    give(organisation, finished(organisation))
    for name in ("postgres", "web-service", "route"):
        assert feedback_tally(Capability.objects.get(name=name)) == Tally(easy=1)
    assert feedback_tally(Capability.objects.get(name="queue")) == Tally()


def test_it_keeps_one_answer_for_each_run_and_the_last_one(organisation: Organisation) -> None:
    run = finished(organisation)
    give(organisation, run)
    give(organisation, run, "hard", "The host name was hard to find.")
    give(organisation, run, "hard", "The host name was hard to find.")
    row = Feedback.objects.get()
    assert (row.answer, row.words) == ("hard", "The host name was hard to find.")
    assert feedback_tally(postgres()) == Tally(hard=1)
    entries = AuditEntry.objects.filter(action="feedback.give").values_list("data", flat=True).order_by("pk")
    assert [(one["before"], one["after"]) for one in entries] == [(None, "easy"), ("easy", "hard")]
    assert all("host name" not in str(one) for one in entries)


def test_it_counts_nothing_for_who_would_rather_not_say(organisation: Organisation) -> None:
    give(organisation, finished(organisation), "dismissed")
    assert feedback_tally(postgres()) == Tally()
    assert not feedback_list(organisation.rights("admin"), postgres()).exists()


def test_it_counts_only_what_an_update_touched(organisation: Organisation) -> None:
    finished(organisation)
    spec = {"stage": "dev", "resources": {"db": {"capability": "postgres@1", "inputs": {"storageGiB": 6}}}}
    request = ChangeRequest("update", "checkout", "try", spec=spec, reason="Less.")
    change = change_submit(organisation.actor("developer"), request, now=NOW)
    give(organisation, carry_out(Run.objects.get(change=change)), "hard")
    assert feedback_tally(Capability.objects.get(name="web-service")) == Tally(hard=1)


@pytest.mark.parametrize("who", ["maintainer", "stranger", "admin", "viewer"])
def test_it_asks_only_who_asked_for_the_run(organisation: Organisation, who: str) -> None:
    run = finished(organisation)
    assert may_answer(organisation.rights("developer"), run)
    assert not may_answer(organisation.rights(who), run)
    with pytest.raises(Forbidden):
        give(organisation, run, who=who)


def test_it_does_not_ask_while_the_run_is_under_way(organisation: Organisation) -> None:
    run = Run.objects.get(change=create(organisation))
    assert not may_answer(organisation.rights("developer"), run)
    with pytest.raises(Conflict):
        give(organisation, run)


@pytest.mark.parametrize(
    ("answer", "words"),
    [("so-so", ""), ("easy", "x" * 601), ("dismissed", "But this.")],
    ids=["unknown", "too-long", "words-without-answer"],
)
def test_it_refuses_what_is_no_answer(organisation: Organisation, answer: str, words: str) -> None:
    with pytest.raises(InvalidInput):
        give(organisation, finished(organisation), answer, words)


def test_it_knows_no_run_that_is_not_there(organisation: Organisation) -> None:
    with pytest.raises(NotFound):
        feedback_give(organisation.actor("developer"), 999_999, answer="easy", now=NOW)


def test_it_shows_words_to_the_owner_and_admins_only(organisation: Organisation) -> None:
    Capability.objects.filter(name="postgres").update(owner=Team.objects.get(slug="storefront"))
    give(organisation, finished(organisation), "hard", "Too many fields.")
    readers = {who: may_read_words(organisation.rights(who), postgres()) for who in ("stranger", "developer", "admin")}
    assert readers == {"stranger": True, "developer": False, "admin": True}
    assert [one.words for one in feedback_list(organisation.rights("stranger"), postgres())] == ["Too many fields."]


def test_it_shows_no_words_from_systems_that_the_owner_may_not_see(organisation: Organisation) -> None:
    Capability.objects.filter(name="postgres").update(owner=Team.objects.get(slug="storefront"))
    run = finished(organisation)
    give(organisation, run, "hard", "Too many fields.")
    type(run.environment.system).objects.filter(slug="checkout").update(restricted=True)
    assert not feedback_list(organisation.rights("stranger"), postgres()).exists()
    assert feedback_list(organisation.rights("admin"), postgres()).count() == 1


@pytest.mark.parametrize(
    ("tally", "share"), [(Tally(), 0), (Tally(1, 1), 50), (Tally(2, 1), 67), (Tally(1, 7), 13), (Tally(3, 0), 100)]
)
def test_it_says_the_share_in_percent(tally: Tally, share: int) -> None:
    assert tally.share == share
