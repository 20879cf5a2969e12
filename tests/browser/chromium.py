"""Chromium as the tests use it: where it is, how it starts, the screens that count, and what it complains about."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, ConsoleMessage, Page, Response, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
ABSENT = "Chromium is not installed; put it on the PATH, or name it in CHROMIUM"
PATIENCE_MS = 15_000
TOLD_ELSEWHERE = ("Failed to load resource", "htmx:sendAbort", "htmx:afterRequest", "htmx:responseError")
"""Failed loads are judged by their status instead. An abort is what htmx calls a plan that a newer one replaced."""


class ChromiumMissing(Exception):
    """There is no Chromium on this machine."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A size and a colour scheme in which every page must work."""

    width: int
    height: int
    scheme: str

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"

    @property
    def narrow(self) -> bool:
        """Where the sidebar is behind a button."""
        return self.width < 900


WIDE_LIGHT, WIDE_DARK = Screen(1280, 900, "light"), Screen(1280, 900, "dark")
NARROW_LIGHT, NARROW_DARK = Screen(390, 844, "light"), Screen(390, 844, "dark")
SCREENS = (WIDE_LIGHT, WIDE_DARK, NARROW_LIGHT, NARROW_DARK)


def executable() -> str:
    """The program to start; ChromiumMissing when there is none."""
    named = os.environ.get("CHROMIUM")
    found = named or next((path for path in map(shutil.which, NAMES) if path), None)
    if not found:
        raise ChromiumMissing(ABSENT)
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without any profile, closed at the end."""
    program = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Complaints:
    """What a browser found wrong with our pages: errors in its console, violated policies, refused requests.

    ``allowed`` are the statuses that the test provokes on purpose.
    """

    allowed: set[int] = field(default_factory=set)
    found: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.found.append(f"script error on {page.url}: {error}"))
        page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(TOLD_ELSEWHERE):
            self.found.append(f"console {message.type}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.allowed:
            self.found.append(f"{response.status} for {response.request.method} {response.url}")
