"""The one page on which every kind of change but create, update and delete is looked at and asked for.

Made by ``portal.pages.asking``. It translates fields and the gate's plan; it decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from idp.catalog.models import System
from idp.kernel.errors import FieldError, SlipwayError
from portal.forms.asking import PREFIX, Asked
from portal.forms.request_form import sentence
from portal.forms.schema_kinds import Schema
from portal.reading.plan_panel import Note, PlanPanel, held_by_freeze_alone, panel_of
from provisioning.domain.move import loses_data
from provisioning.domain.placement import matches
from provisioning.domain.version import parse_version
from provisioning.domain.windows import moment_in_words, moment_read, opens
from provisioning.models import Cluster, Environment
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.departures import windows_of
from provisioning.services.gate import Planned
from provisioning.services.moving import former_of

_INPUT = re.compile(r"spec\.resources\.([^.]+)\.inputs\.([A-Za-z0-9_]+)")
SPANS: Final = (("7d", "7 days from now"), ("14d", "14 days from now"), ("30d", "30 days from now"))


@dataclass(frozen=True, slots=True)
class Words:
    """``title`` takes the place; ``about`` says what happens and what does not; ``button`` asks for it."""

    title: str
    about: str
    button: str


WORDS: Final = {
    "sleep": Words(
        "Put {where} to sleep",
        "What runs in it stops, and takes nothing of the quota. Data, addresses and settings stay.",
        "Put it to sleep",
    ),
    "wake": Words("Wake {where}", "Everything starts again, each resource after those it needs.", "Wake it"),
    "extend": Words(
        "Extend {where}",
        "Up to the longest life of its stage at once; beyond that a maintainer is asked.",
        "Extend it",
    ),
    "upgrade": Words(
        "Upgrade {where}",
        "Moves its resources to a newer version. Their inputs stay, or become those of a new major.",
        "Upgrade it",
    ),
    "rollback": Words(
        "Roll {where} back",
        "Makes it as it was at an earlier revision. Data stays as it is now, and so do sleep and expiry.",
        "Roll it back",
    ),
    "promote": Words(
        "Promote to {where}",
        "Takes exactly what ran Ready there: versions, images and inputs. What belongs to this environment stays.",
        "Promote it",
    ),
    "clone": Words(
        "Copy {where}",
        "Makes another environment with the same resources. Secrets are made new, and data is not copied.",
        "Copy it",
    ),
    "move": Words(
        "Move {where}",
        "Built up at the new place, and torn down at the old one when all of it is ready. Data is not moved.",
        "Move it",
    ),
}


@dataclass(frozen=True, slots=True)
class AskView:
    """One drawing of the page. ``environment`` is None where a promotion makes it; ``source`` is what it takes from."""

    system: System
    name: str
    asked: Asked
    planned: Planned
    now: datetime
    environment: Environment | None = None
    source: Environment | None = None
    offered: tuple[str, ...] = ()
    refused: SlipwayError | None = None

    def context(self) -> dict[str, Any]:
        where = f"{self.system.slug} / {self.name}"
        words = WORDS[self.asked.kind]
        return {
            "system": self.system,
            "name": self.name,
            "environment": self.environment,
            "kind": self.asked.kind,
            "title": words.title.format(where=where),
            "about": words.about,
            "asked": self.asked,
            "source": self.source,
            "fields": [*self._fields(), self._reason()],
            "choices": self._choices(),
            "panel": self._panel(words),
        }

    def _problems(self) -> tuple[FieldError, ...]:
        refused = self.refused.errors if self.refused else ()
        _, late = moment_read(self.asked.not_before, self.now)
        return tuple(dict.fromkeys([*self.planned.problems, *late, *refused]))

    def _departure(self) -> tuple[Note, ...]:
        """When a promotion that is agreed to now would start, where that is not at once. One query."""
        if self.asked.kind != "promote" or self.planned.stage is None:
            return ()
        schedule = windows_of(self.planned.stage.pk)
        moment, _ = moment_read(self.asked.not_before, self.now)
        starts = opens(schedule, max(self.now, moment or self.now))
        if starts <= self.now:
            return ()
        told = f"It starts {moment_in_words(starts, schedule)} at the earliest, and is planned anew then."
        return (Note("", told, "next", "step"),)

    def _fields(self) -> Iterator[dict[str, Any]]:
        errors = {one.path: sentence(one.message) for one in self._problems()}
        asked = self.asked
        if asked.kind == "extend":
            yield _select("until", "How long", SPANS, asked.until, errors.get("until", ""))
            other = "" if asked.until in dict(SPANS) else asked.until
            yield _text("until_other", "Or until", other, "A span such as 21d, or a date such as 2030-01-31.")
        if asked.kind == "upgrade":
            error = errors.get("version") or errors.get("capability", "")
            yield _select("upgrade", "To", newer_versions(self.environment), asked.upgrade, error)
        if asked.kind == "rollback":
            yield _text(
                "revision", "Revision", asked.revision, "Its number, without the r.", errors.get("revision", "")
            )
        if asked.kind == "clone":
            hint = "1 to 30 lower-case letters, digits and dashes."
            yield _text(
                "name", "Name of the copy", asked.name, hint, errors.get("metadata.name", "") if asked.name else ""
            )
        if asked.kind == "move":
            yield from self._place(errors)
        if asked.kind in ("promote", "clone"):
            yield from self._inputs()
        if asked.kind == "promote":
            hint = "Such as 2026-12-01T09:00+01:00. As soon as it is agreed to where it is left empty."
            yield _text("not_before", "Not before", asked.not_before, hint, errors.get("not_before", ""))

    def _place(self, errors: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Where to, and the name once more where data stays behind."""
        offered = clusters_to_choose(self.environment)
        yield _select("cluster", "To", offered, self.asked.cluster, errors.get("cluster", ""))
        if loses_data(self.planned.plan):
            hint = f"Type {self.name}: its data is left behind, and deleted there."
            yield _text("confirm", "Its name, to confirm", self.asked.confirm, hint, errors.get("confirm", ""))

    def _inputs(self) -> Iterator[dict[str, Any]]:
        """A field for each input that must be given here, and for each that was."""
        errors = {match.groups(): one for one in self._problems() if (match := _INPUT.fullmatch(one.path))}
        for place in dict.fromkeys([*self.asked.inputs, *errors]):
            resource, key = place[0], place[1]
            typed = self.asked.inputs.get((resource, key), "")
            wrong = errors.get(place)
            error = sentence(wrong.message) if wrong and (typed or "is required" not in wrong.message) else ""
            yield _text(f"{PREFIX}{resource}.{key}", f"{resource}: {key}", typed, "Belongs to this environment.", error)

    def _reason(self) -> dict[str, Any]:
        hint = "Shown to the people who decide, and kept with the change."
        error = next((sentence(one.message) for one in self._problems() if one.path == "reason"), "")
        field = _text("reason", "Reason", self.asked.reason, hint, error)
        return {**field, "kind": "textarea", "rows": 2, "maxlength": 4000}

    def _choices(self) -> list[dict[str, Any]]:
        chosen = set(self.asked.resources or ())
        document = self.source.observed.document if self.source and self.source.observed else {"resources": {}}
        return [
            {
                "value": name,
                "selected": name in chosen,
                "hint": f"{document['resources'][name]['capability']} {document['resources'][name]['contract']}",
            }
            for name in self.offered
        ]

    def _panel(self, words: Words) -> PlanPanel:
        panel = panel_of(self.planned, (), {}, self.now)
        said = [one for one in self._problems() if not _INPUT.fullmatch(one.path)]
        notes = [Note("bad", sentence(one.message)) for one in said]
        if self.refused is not None and not self.refused.errors:
            notes.append(Note("bad", f"{self.refused.message} {self.refused.remedy}".strip()))
        usual = self.planned.outcome == "waits" or held_by_freeze_alone(self.planned)
        return replace(
            panel,
            notes=tuple(dict.fromkeys([*notes, *self._departure(), *panel.notes])),
            button=panel.button if usual else words.button,
        )


def input_schemas(source: Environment | None) -> dict[str, Schema]:
    """The inputs' schemas of what runs in ``source``, by resource; of what is wanted of it before it ever ran."""
    revision = source and (source.observed or source.desired)
    if not revision:
        return {}
    resources = revision.document["resources"]
    catalogue = Catalogue(one["capability"] for one in resources.values())
    return {name: catalogue.contract(one["capability"], one["contract"]).inputs for name, one in resources.items()}


def clusters_to_choose(environment: Environment | None) -> Sequence[tuple[str, str]]:
    """Where a move may be asked to lead: back while it is leaving a place, else to what its stage allows. One query."""
    if environment is None:
        return ()
    if former := former_of(environment):
        return ((former.cluster.name, f"Back to {former.cluster.name}"),)
    wanted = environment.stage.cluster_labels
    rows = Cluster.objects.only("name", "labels") if wanted else ()
    names = [one.name for one in rows if matches(one.labels, wanted)]
    return (("", "Where its stage would put it"), *((one, one) for one in names))


def newer_versions(environment: Environment | None) -> Sequence[tuple[str, str]]:
    """What its resources could be moved to, as ``capability@version`` with words, nearest first."""
    if environment is None or environment.desired is None:
        return ()
    running: dict[str, list[str]] = {}
    for one in environment.desired.document["resources"].values():
        running.setdefault(one["capability"], []).append(one["contract"])
    catalogue = Catalogue(running)
    found = []
    for capability, versions in sorted(running.items()):
        oldest = min(parse_version(one) for one in versions)
        usable = [text for text, state in catalogue.offered(capability) if state == "stable"]
        newer = sorted((one for one in usable if parse_version(one) > oldest), key=parse_version)
        found += [(f"{capability}@{one}", f"{capability} {one}") for one in newer]
    return found


def _text(name: str, label: str, value: str, hint: str = "", error: str = "") -> dict[str, Any]:
    return {
        "id": f"f-{name.replace('.', '-')}",
        "name": name,
        "label": label,
        "kind": "text",
        "value": value,
        "hint": hint,
        "error": error,
    }


def _select(name: str, label: str, options: Sequence[tuple[str, str]], value: str, error: str = "") -> dict[str, Any]:
    shown = [{"value": key, "label": words, "selected": key == value} for key, words in options]
    return {**_text(name, label, value, "", error), "kind": "select", "options": shown}
