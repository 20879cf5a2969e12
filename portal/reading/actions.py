"""What can be done and where to go, for the palette of every page: pages and first actions, as rights allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from governance.access import REQUEST_CHANGE, Rights
from portal.reading.administration import SECTIONS, WHO
from provisioning.domain.searching import mended, plain_words

ACTION, PAGE = "Action", "Page"
Who = Callable[[Rights], bool]
_ADMINS: Final[Who] = WHO["admins"]
_EVERYONE: Final[Who] = WHO["everyone"]


def _who_change(rights: Rights) -> bool:
    return rights.is_admin or any(REQUEST_CHANGE in held for held in rights.teams.values())


@dataclass(frozen=True, slots=True)
class Act:
    """One line of the palette. ``also`` are other words that people type for it."""

    title: str
    icon: str
    url_name: str
    kind: str = PAGE
    also: str = ""
    who: Who = _EVERYONE

    @property
    def url(self) -> str:
        return reverse(self.url_name)


ACTS: Final = (
    Act("New environment", "plus", "environment-new", ACTION, "create deploy preview", _who_change),
    Act("Freeze everything", "snowflake", "freeze-switch", ACTION, "stop hold switch", _ADMINS),
    Act("New team", "plus", "team-new", ACTION, "create group", _ADMINS),
    Act("New policy", "plus", "policy-new", ACTION, "create rule", _ADMINS),
    Act("Home", "home", "home", PAGE, "start dashboard"),
    Act("Changes", "inbox", "changes", PAGE, "inbox approve approvals queue decide"),
    Act("Systems", "stack-2", "systems", PAGE, "services"),
    Act("Environments", "server-2", "environments", PAGE, "namespaces"),
    Act("Files", "file-text", "files", PAGE, "apply export documents yaml gitops"),
    Act("Capabilities", "puzzle", "capabilities", PAGE, "contracts catalog"),
    Act("Teams", "users", "teams", PAGE),
    Act("Your account", "user-circle", "account", PAGE, "tokens sessions settings password theme"),
    Act("Guides", "book", "guides", PAGE, "docs documentation help manual"),
    Act("Notices", "bell", "notices", PAGE, "notifications news"),
    Act("Your notices by mail", "bell", "account-notices", PAGE, "notifications settings digest e-mail"),
    *(
        Act(one.title, one.icon, one.url_name, PAGE, one.purpose, WHO[one.who])
        for one in SECTIONS
        if one.title != "Teams"
    ),
)


def acts(rights: Rights, typed: str) -> list[Act]:
    """Those whose words begin with all that was typed, the title's words first. No query."""
    words = plain_words(typed).split()
    if not words:
        return []
    fitting = [one for one in ACTS if one.who(rights) and _fits(words, f"{one.title} {one.also}")]
    return sorted(fitting, key=lambda one: not _fits(words, one.title))


def meant(rights: Rights, typed: str) -> str:
    """What was typed, in words of pages and actions that the person may use; empty where one is like none of them."""
    mine = " ".join(f"{one.title} {one.also}" for one in ACTS if one.who(rights))
    known = sorted(set(plain_words(mine).split()))
    choices = [mended(word, known)[:1] for word in plain_words(typed).split()]
    return " ".join(choice[0] for choice in choices) if all(choices) else ""


def _fits(words: list[str], text: str) -> bool:
    parts = plain_words(text).split()
    return all(_begins(parts, word) for word in words)


def _begins(parts: list[str], word: str) -> bool:
    return any(part.startswith(word) for part in parts)
