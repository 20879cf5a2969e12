"""What a page or a submit asks of the database is bounded, and the same with 10 and with 1,000 environments.

The data is that of ``bench.seed``: years of changes, the largest team and the largest system are looked at. Counted
once for the whole module, for the seeding is what takes time.
"""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import transaction

from bench import api, pages
from bench.seed import seed
from tests.personas import NOW

SIZES = (10, 1_000)
SUMS = {f"costs by {way}": f"/costs/?by={way}" for way in ("team", "system", "environment")}
"""Pages that sum over everything of a month."""
LOOKED_AT = (*pages.PAGES, *SUMS)
PAGE_CEILING = 12
SUBMIT_CEILINGS = {"waits for approval": ("prod", 22), "starts at once": ("dev", 28)}
"""One of each asks whether a webhook listens. It is asked in the transaction and not remembered in the process, so that
an endpoint hears of everything from the moment it was made, whichever process carries a change."""

pytestmark = [pytest.mark.django_db]
Counted = dict[str, dict[int, int]]


@pytest.fixture(scope="module")
def counted(django_db_setup: None, django_db_blocker: object) -> Counted:
    """Queries by page or submit, by size. What is seeded is gone afterwards."""
    found: Counted = {}
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        for size in SIZES:
            with transaction.atomic():
                for name, number in _count(size).items():
                    found.setdefault(name, {})[size] = number
                transaction.set_rollback(True)
            cache.clear()
    return found


def _count(size: int) -> dict[str, int]:
    at = seed(size, now=NOW, lines=2)
    found = {}
    for page in LOOKED_AT:
        client = pages.signed_in(at.developer)
        url = SUMS.get(page) or pages.address(page, at)
        pages.load(client, url)
        found[page] = pages.queries_of(client, url)
    client = api.client_of(at.developer)
    for name, (stage, _) in SUBMIT_CEILINGS.items():
        api.submit(client, at.system, stage)
        found[name] = len(api.queries_of_submit(client, at.system, stage))
    return found


@pytest.mark.parametrize("page", LOOKED_AT)
def test_a_page_asks_no_more_with_more_environments(counted: Counted, page: str) -> None:
    few, many = (counted[page][size] for size in SIZES)
    assert few == many


@pytest.mark.parametrize("page", LOOKED_AT)
def test_a_page_stays_below_its_ceiling(counted: Counted, page: str) -> None:
    assert max(counted[page].values()) <= PAGE_CEILING


@pytest.mark.parametrize("name", SUBMIT_CEILINGS)
def test_a_submit_asks_no_more_with_more_environments(counted: Counted, name: str) -> None:
    few, many = (counted[name][size] for size in SIZES)
    assert few == many


@pytest.mark.parametrize("name", SUBMIT_CEILINGS)
def test_a_submit_stays_below_its_ceiling(counted: Counted, name: str) -> None:
    assert max(counted[name].values()) <= SUBMIT_CEILINGS[name][1]
