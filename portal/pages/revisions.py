"""Two revisions of a system compared, by field or by object, and the way back to either."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from idp.kernel.errors import NotFound
from portal.drawing import words
from portal.pages.environments import frame
from portal.pages.request import PageRequest
from portal.pages.shell import page
from portal.reading.change import object_diffs
from portal.reading.plan_words import diff_resources, unchanged_sentence
from provisioning.models import Environment
from provisioning.selectors.comparing import Chosen, chosen, comparison, offered
from provisioning.selectors.environments import environment_get


@page("environments")
def revisions_compare(request: PageRequest, system: str, name: str) -> HttpResponse:
    here = environment_get(request.rights, system, name)
    options = offered(here)
    before, after = _sides(request, here, [key for key, _ in options])
    context = {
        **frame(request, here, "revisions"),
        "before": before,
        "after": after,
        "by_objects": request.GET.get("view") == "objects",
        "selects": [_select("from", "From", options, before), _select("to", "To", options, after)],
        "same_place": before.environment.pk == after.environment.pk,
        "back_to": _back_to(here, before, after),
        **_difference(before, after),
    }
    return render(request, "environments/compare.html", context)


def _sides(request: PageRequest, here: Environment, known: list[str]) -> tuple[Chosen, Chosen]:
    """What was asked for; without that the newest revision here, and the one before it."""
    own = [key for key in known if key.startswith(f"{here.name}:")]
    if not own and not (request.GET.get("from") and request.GET.get("to")):
        raise NotFound(f"{here.system.slug} / {here.name} has no revision yet.", remedy="Its first change makes one.")
    after = request.GET.get("to") or own[0]
    before = request.GET.get("from") or (own[1] if len(own) > 1 else own[0])
    return chosen(request.rights, here, before), chosen(request.rights, here, after)


def _difference(before: Chosen, after: Chosen) -> dict[str, Any]:
    plan = comparison(before, after)
    changed = [one for one in plan["resources"] if one["action"] != "unchanged"]
    counts = plan["counts"]
    spoken = [
        words.count(counts["updated"], "resource differs,resources differ"),
        words.count(counts["added"], "is new,are new"),
        words.count(counts["removed"], "is gone,are gone"),
    ]
    shown = [one for one, key in zip(spoken, ("updated", "added", "removed"), strict=True) if counts[key]]
    return {
        "diff": diff_resources(plan),
        "objects": object_diffs(changed),
        "unchanged": unchanged_sentence(plan),
        "summary": f"{', '.join(shown)}." if shown else "Nothing differs.",
        "cost": words.money_change(plan["cost_after"] - plan["cost_before"], plan["currency"]),
        "power": (plan["power_before"], plan["power_after"]) if plan["power_before"] != plan["power_after"] else None,
    }


def _back_to(here: Environment, *sides: Chosen) -> list[int]:
    """Numbers of revisions of this environment to which it can be rolled back."""
    wanted = here.desired.number if here.desired else None
    mine = {one.revision.number for one in sides if one.environment.pk == here.pk}
    return sorted(mine - {wanted})


def _select(name: str, label: str, options: list[tuple[str, str]], chosen_one: Chosen) -> dict[str, Any]:
    known = dict(options) | {chosen_one.key: dict(options).get(chosen_one.key, chosen_one.label)}
    shown = [{"value": key, "label": text, "selected": key == chosen_one.key} for key, text in known.items()]
    return {"id": f"f-{name}", "name": name, "label": label, "kind": "select", "options": shown}
