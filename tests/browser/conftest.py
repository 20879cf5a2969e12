"""One installation and one browser for all tests of this folder; every test has windows of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import PATIENCE_MS, WIDE_LIGHT, ChromiumMissing, Screen, chromium, executable
from tests.browser.installation import Installation, running_installation
from tests.browser.person import Person, someone
from tests.services.programs import required

expect.set_options(timeout=PATIENCE_MS)

# All tests share one company, whose busiest team has room for three more environments. Whatever one test leaves behind
# must not refuse the next.
ROOM = """
from idp.catalog.models import Team
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from governance.services.quota_limits import quota_set

team = Team.objects.get(slug="payments")
quota_set(PLATFORM, team=team, cpu=80, memory_gib=160, storage_gib=2000, environments=60, now=clock.now())
"""


@pytest.fixture(autouse=True)
def own_sandbox() -> None:
    """The server has its sandbox in its own folder; this session's is not used."""


# The scope is the package, not the session: Playwright keeps an event loop in the thread, with which Django would
# refuse every query of tests that this worker runs afterwards.
@pytest.fixture(scope="package")
def chromium_browser() -> Iterator[Browser]:
    try:
        executable()
    except ChromiumMissing as missing:
        if required():
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def installation(chromium_browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running_installation(tmp_path_factory.mktemp("installation")) as running:
        running.printed(ROOM)
        yield running


@pytest.fixture
def meet(chromium_browser: Browser, installation: Installation) -> Iterator[Callable[..., Person]]:
    """``meet("developer", screen)`` is that person, signed in, in a fresh window; ``meet()`` is a stranger.

    At the end of the test, whatever any of their browsers complained about fails it.
    """
    people: list[Person] = []
    with ExitStack() as stack:

        def one(name: str = "", screen: Screen = WIDE_LIGHT, **options: Any) -> Person:
            person = stack.enter_context(someone(chromium_browser, installation, screen, **options))
            people.append(person)
            if name:
                person.sign_in(name)
            return person

        yield one
        found = [complaint for person in people for complaint in person.complaints.found]
    assert not found, "the browser complained:\n" + "\n".join(found)
