"""Rules of groups in the words of their page: where groups come from, which are known, whom a rule moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from governance.domain.group_rule import SCIM, Rule, oidc_source
from governance.models import GroupRule, KnownGroup, SignInProvider
from governance.services.group_rules import Move
from idp.catalog.models import Team

SHOWN = 100
SUGGESTED = 300


@dataclass(frozen=True, slots=True)
class Looked:
    """A rule that is not saved yet, with whom it would move; the first hundred are shown."""

    rule: Rule
    source: str
    remove: bool
    moves: Sequence[Move]

    @property
    def shown(self) -> Sequence[Move]:
        return self.moves[:SHOWN]

    @property
    def more(self) -> int:
        return max(0, len(self.moves) - SHOWN)


def sources() -> list[tuple[str, str]]:
    """Where groups come from, each with its words: the providers, and SCIM. One query."""
    providers = SignInProvider.objects.order_by("title").values_list("name", "title")
    return [*((oidc_source(name), f"Sign-in with {title}") for name, title in providers), (SCIM, "SCIM")]


def teams() -> list[tuple[str, str]]:
    return list(Team.objects.filter(archived_at=None).order_by("name").values_list("slug", "name"))


def known_groups() -> list[dict[str, str]]:
    """Groups that somebody is known to be in, as suggestions of a field. One query."""
    values = KnownGroup.objects.order_by("value").values_list("value", flat=True).distinct()
    return [{"value": one} for one in values[:SUGGESTED]]


def all_rules() -> QuerySet[GroupRule]:
    return GroupRule.objects.select_related("team")
