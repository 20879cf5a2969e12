"""A system's stages side by side: versions lined up, what each is ahead with, and what to do next. Pure over rows.

Read by the system page only. A column compares itself with the next stage that has an environment, because that is
where its versions would go.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from idp.catalog.models import System
from portal.drawing import words
from portal.reading.matrix import main_environment
from provisioning.domain.lifecycle import OPEN_CHANGE_STATES
from provisioning.domain.windows import in_words
from provisioning.models import Change, Environment, Stage
from provisioning.selectors.departures import schedule_of

Document = Mapping[str, Any]

NUMBERED = re.compile(r"v?\d+(?:\.\d+)*")
"""Tags that can be told older from newer."""


@dataclass(frozen=True, slots=True)
class Version:
    """One resource in one column. ``kind``: empty, ``ahead``, ``behind`` or ``absent``; ``note`` is its tag."""

    name: str
    icon: str = "box"
    text: str = ""
    kind: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Next:
    """What to do in this column: a link, or a sentence that says why there is none."""

    url: str = ""
    label: str = ""
    hint: str = ""
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One stage. Without an environment only ``stage``, absent ``versions`` and ``next`` are filled.

    ``compare`` leads to the difference to the next stage; ``runs`` says what runs where that is not what is wanted;
    ``windows`` when promotions into the stage start, empty for at any time.
    """

    stage: Stage
    environment: Environment | None
    versions: tuple[Version, ...]
    next: Next
    ready: str = ""
    differs_from: str = ""
    differs: str = ""
    last: bool = False
    promote: Next = field(default_factory=Next)
    compare: str = ""
    drifted: str = ""
    runs: str = ""
    windows: str = ""


@dataclass(slots=True)
class Pipeline:
    """Columns in the stages' order, and environments beside those that stand for a stage."""

    columns: list[Column]
    others: list[Environment] = field(default_factory=list)


def pipeline(
    system: System,
    stages: Sequence[Stage],
    environments: Sequence[Environment],
    resources: Iterable[Mapping[str, Any]],
    changes: Sequence[Change],
    *,
    may_request: bool,
    now: datetime,
    decides: Container[int] = (),
    windows: Mapping[int, str] | None = None,
) -> Pipeline:
    """All columns at once; ``resources`` are rows as of ``systems.resources_of``, ``decides`` changes to decide on.

    ``windows`` are those of stages in words, by their keys, as ``windows_in_words`` gives them.
    """
    stages = in_the_way(stages)
    standing = {one.pk: main_environment(one, [e for e in environments if e.stage_id == one.pk]) for one in stages}
    documents = {key: resources_in(one) for key, one in standing.items() if one is not None}
    rows = list(resources)
    icons = {row["name"]: row["contract__capability__icon"] or "box" for row in rows}
    names = sorted({name for document in documents.values() for name in document})
    open_by_environment = {one.environment_id: one for one in reversed(changes) if one.state in OPEN_CHANGE_STATES}
    columns = []
    for index, stage in enumerate(stages):
        environment = standing[stage.pk]
        after = next((one for one in stages[index + 1 :] if one.pk in documents), None)
        columns.append(
            Column(
                stage=stage,
                environment=environment,
                versions=_versions(names, icons, documents.get(stage.pk), documents[after.pk] if after else None),
                next=_next(environment, open_by_environment, may_request, decides)
                if environment
                else _first(system, stage, may_request),
                ready=_ready(environment, documents.get(stage.pk, {}), rows),
                differs_from=after.name if after and environment else "",
                differs=differences(documents[stage.pk], documents[after.pk]) if after and environment else "",
                last=index == len(stages) - 1,
                promote=_promote(system, environment, stage, stages, standing, now) if may_request else Next(),
                compare=_compare(environment, standing[after.pk]) if after and environment else "",
                drifted=words.count(environment.drifted, "object,objects")
                if environment and environment.drifted
                else "",
                runs=_runs(environment),
                windows=(windows or {}).get(stage.pk, ""),
            )
        )
    shown = {one.pk for one in standing.values() if one is not None}
    return Pipeline(columns, [one for one in environments if one.pk not in shown])


def in_the_way(stages: Sequence[Stage]) -> list[Stage]:
    """The stages that promotion passes; what lives at others, such as previews, stands beside. All where none does."""
    sources = {one.promotes_from_id for one in stages if one.promotes_from_id}
    return [one for one in stages if one.promotes_from_id or one.pk in sources] or list(stages)


def resources_in(environment: Environment) -> Document:
    """The resources of the desired document by name; empty before the first revision."""
    return environment.desired.document.get("resources", {}) if environment.desired else {}


def image_tag(resource: Document) -> str:
    """The tag of the resource's image, the start of its digest, or nothing when it runs no image."""
    image = str(resource.get("inputs", {}).get("image") or "")
    if "@" in image:
        return words.digest(image.partition("@")[2])
    tail = image.rpartition("/")[2]
    return tail.partition(":")[2] or ("latest" if tail else "")


def version_text(resource: Document) -> str:
    """What is shown of a resource: its image's tag, else its contract."""
    tag = image_tag(resource)
    return f"image {tag}" if tag else f"{resource['capability']} {resource['contract']}"


def _versions(
    names: Sequence[str], icons: Mapping[str, str], here: Document | None, after: Document | None
) -> tuple[Version, ...]:
    if here is None:
        return ()
    return tuple(_version(name, icons.get(name, "box"), here.get(name), after) for name in names)


def _version(name: str, icon: str, here: Document | None, after: Document | None) -> Version:
    if here is None:
        return Version(name, icon, kind="absent")
    text = version_text(here)
    if after is None:
        return Version(name, icon, text)
    there = after.get(name)
    if there is None:
        return Version(name, icon, text, "ahead", "New")
    if _number(here["contract"]) < _number(there["contract"]):
        return Version(name, icon, f"{here['capability']} {here['contract']}", "behind", "Behind")
    if here["contract"] != there["contract"] and image_tag(here) == image_tag(there):
        return Version(name, icon, f"{here['capability']} {here['contract']}", "ahead", "Ahead")
    return Version(name, icon, text, *_standing(here, there))


def _standing(here: Document, there: Document) -> tuple[str, ...]:
    """How an image stands to that of the next stage; tags that are no numbers only differ."""
    if not _differs(here, there):
        return ()
    tags = image_tag(here), image_tag(there)
    if not all(NUMBERED.fullmatch(tag) for tag in tags):
        return ("ahead", "Differs")
    mine, theirs = (_number(tag.removeprefix("v")) for tag in tags)
    return ("behind", "Behind") if mine < theirs else ("ahead", "Ahead")


def _differs(here: Document, there: Document) -> bool:
    return image_tag(here) != image_tag(there) or here["contract"] != there["contract"]


def _number(version: str) -> tuple[int, ...]:
    core = version.partition("-")[0].partition("+")[0]
    return tuple(int(part) if part.isdigit() else 0 for part in core.split("."))


def differences(here: Document, there: Document) -> str:
    """What promotion would carry, in words: "2 images, 1 contract, 1 new resource."."""
    shared = [(here[name], there[name]) for name in here if name in there]
    counted = Counter(
        {
            "image,images": sum(image_tag(one) != image_tag(other) for one, other in shared),
            "contract,contracts": sum(one["contract"] != other["contract"] for one, other in shared),
            "new resource,new resources": sum(name not in there for name in here),
            "missing resource,missing resources": sum(name not in here for name in there),
        }
    )
    parts = [words.count(number, names) for names, number in counted.items() if number]
    return f"{', '.join(parts)}." if parts else "Same images, contracts and resources."


def _ready(environment: Environment | None, document: Document, rows: Iterable[Mapping[str, Any]]) -> str:
    if environment is None:
        return ""
    ready = sum(row["environment_id"] == environment.pk and row["state"] == "ready" for row in rows)
    return f"{ready} of {max(len(document), ready)} ready"


def _promote(
    system: System,
    environment: Environment | None,
    stage: Stage,
    stages: Sequence[Stage],
    standing: Mapping[int, Environment | None],
    now: datetime,
) -> Next:
    """Where what runs here can go; why not yet, while it is not Ready; nothing where no stage follows."""
    following = next((one for one in stages if one.promotes_from_id == stage.pk), None)
    if environment is None or following is None:
        return Next()
    label = f"Promote to {following.name}"
    if getattr(environment, "unknown_since", None):
        return Next(label=label, hint="When its cluster answers")
    if environment.state != "ready":
        number = environment.desired.number if environment.desired else 1
        return Next(label=label, hint=f"When r{number} is ready")
    target = standing[following.pk]
    there = reverse("environment-ask", args=[system.slug, target.name if target else following.name, "promote"])
    return Next(f"{there}?{urlencode({'from': environment.name})}", label, _soaked(environment, following, now))


def _soaked(environment: Environment, following: Stage, now: datetime) -> str:
    """How long it still has to run Ready before the next stage takes it without asking."""
    if not following.soak_minutes or environment.ready_since is None:
        return ""
    left = timedelta(minutes=following.soak_minutes) - (now - environment.ready_since)
    return f"Proven in {words.duration(left)}" if left > timedelta(0) else ""


def _compare(here: Environment, there: Environment | None) -> str:
    """The page that shows what differs, once both have a revision."""
    if there is None or here.desired is None or there.desired is None:
        return ""
    sides = {"from": f"{there.name}:{there.desired.number}", "to": f"{here.name}:{here.desired.number}"}
    return f"{reverse('environment-compare', args=[here.system.slug, here.name])}?{urlencode(sides)}"


def _runs(environment: Environment | None) -> str:
    """What runs, where it is not what is wanted."""
    if environment is None or environment.observed is None or environment.desired is None:
        return ""
    runs = environment.observed.number
    return f"r{runs} runs" if runs != environment.desired.number else ""


def windows_in_words(stages: Iterable[Stage]) -> dict[int, str]:
    """When promotions into each stage start, for those that do not take them at any time.

    ``stages`` come with their ``promotion_windows``.
    """
    kept = ((one.pk, getattr(one, "promotion_windows", None)) for one in stages)
    return {pk: in_words(schedule_of(row)) for pk, row in kept if row is not None and row.windows}


def _first(system: System, stage: Stage, may_request: bool) -> Next:
    """What to do where nothing runs yet."""
    if not may_request:
        return Next(hint="A developer of the team may ask for it.")
    query = urlencode({"system": system.slug, "stage": stage.name})
    return Next(f"{reverse('environment-new')}?{query}", f"New environment in {stage.name}")


def _next(
    environment: Environment, open_changes: Mapping[Any, Change], may_request: bool, decides: Container[int]
) -> Next:
    here = reverse("environment", args=[environment.system.slug, environment.name])
    change = open_changes.get(environment.pk)
    if change is not None and change.state == "pending":
        url = reverse("change", args=[change.pk])
        mine = change.pk in decides
        label = "Review the change" if mine else "See the change"
        return Next(url, label, f"#{change.pk} waits for approval", primary=mine)
    if change is not None:
        return Next(reverse("change", args=[change.pk]), "Watch the change", _way(change))
    if environment.state in ("failed", "degraded"):
        return Next(here, "See what is wrong")
    if not may_request:
        return Next(here, "Open it")
    return Next(reverse("environment-edit", args=[environment.system.slug, environment.name]), "Change it")


def _way(change: Change) -> str:
    """Where a change stands that is agreed to."""
    if change.state == "approved" and getattr(change, "train_number", None):
        return f"#{change.pk} waits for its train"
    if change.state == "approved" and getattr(change, "starts_on", None):
        return f"#{change.pk} waits for its time"
    return f"#{change.pk} is on its way"
