"""People and groups in the words of their pages: what hangs on an account, and what was edited lately."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from governance.models import PeopleEdit
from provisioning.selectors.people import Leaving

RECENT = 20


def leaving_facts(found: Leaving) -> list[dict[str, Any]]:
    said = (
        ("Teams", found.teams),
        ("Tokens that end", found.tokens),
        ("Open changes of theirs", found.open_changes),
        ("Systems left without an owner", len(found.left)),
    )
    return [{"label": label, "value": f"{number:,}", "figure": True} for label, number in said]


def edits_recent(chosen: Q | None = None, *, most: int = RECENT) -> Sequence[PeopleEdit]:
    """What was edited last of teams, people and groups, or of what ``chosen`` leaves. One query."""
    return list(PeopleEdit.objects.filter(chosen or Q()).order_by("-pk")[:most])


def of_group(name: str) -> Q:
    """Edits of one group: who came and went, its making."""
    return Q(kind="group", key__startswith=f"{name}/") | Q(kind="whole-group", key=name)
