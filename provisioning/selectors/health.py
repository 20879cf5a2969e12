"""What is wrong with an environment, asked of its cluster now: troubles in words, what hangs, the last output.

Called by pages and the API when a person looks, and by runs that wait or fail. Reaches the network, so never inside a
transaction, and never for longer than a page may take. Everything that comes back is made fit to be shown: secrets are
taken out of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from governance.access import Rights
from idp.kernel.errors import Conflict, NotFound, Transient
from provisioning.domain.driver import Described, Driver, DriverError, ObjectRef, TemporaryError
from provisioning.domain.explanation import Explanation, explain, explain_terminating
from provisioning.domain.finalizers import Held, held
from provisioning.domain.redaction import plain, redact
from provisioning.drivers import open_driver
from provisioning.models import Cluster, Environment, Resource
from provisioning.selectors.clusters import driver_settings

ANSWER_WITHIN: Final = 4.0
"""Seconds that one answer of the cluster may take while a person waits for it."""
LOOK_WITHIN: Final = 8.0
"""Seconds after which no more questions are begun."""
MOST_RESOURCES: Final = 12
MOST_LEAVING: Final = 30
MOST_LOG: Final = 64 * 1024
"""Bytes of a log; what a person reads, not what a program keeps."""
EXPLAINED: Final = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "PersistentVolumeClaim")
"""Kinds that can be explained, the most telling first."""
TROUBLED: Final = ("applying", "progressing", "failed")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one resource. ``object`` is where it shows."""

    resource: str
    object: str
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Leaving:
    """An object that is being deleted and still there. ``resource`` is empty for the namespace."""

    resource: str
    held: Held


@dataclass(frozen=True, slots=True)
class Health:
    """``unanswered`` says why the cluster could not be asked, and is empty when it answered.

    ``namespace`` explains one that does not go away. ``more`` counts the resources that were not asked about.
    """

    troubles: tuple[Trouble, ...] = ()
    leaving: tuple[Leaving, ...] = ()
    namespace: Explanation | None = None
    unanswered: str = ""
    more: int = 0

    @property
    def says_nothing(self) -> bool:
        return not (self.troubles or self.leaving or self.namespace or self.unanswered)


@dataclass(frozen=True, slots=True)
class Log:
    """The last output of a container, with ``hidden`` places taken out; ``cut`` when there was more."""

    resource: str
    pod: str
    container: str
    text: str
    hidden: int
    cut: bool


def environment_health(environment: Environment) -> Health:
    """Everything that is wrong now, as far as the cluster tells within a few seconds."""
    rows = list(Resource.objects.filter(environment=environment).exclude(state="gone").order_by("name"))
    asked = [row for row in rows if row.state in TROUBLED]
    until = time.monotonic() + LOOK_WITHIN
    try:
        with asking(environment.cluster) as driver:
            troubles = tuple(_troubles(driver, asked[:MOST_RESOURCES], until))
            leaving, namespace = _leaving(driver, environment, rows, until)
    except DriverError as error:
        return Health(unanswered=unanswered(error))
    return Health(troubles, leaving, namespace, more=max(0, len(asked) - MOST_RESOURCES))


def trouble_of(driver: Driver, refs: Iterable[ObjectRef]) -> tuple[ObjectRef, Explanation] | None:
    """The first of ``refs`` that something can be said of, and what; raises the driver's errors."""
    for ref, seen in _described(driver, refs):
        if seen.workload is None:
            continue
        found = explain(seen.workload, seen.pods, seen.events)
        if found is not None:
            return ref, _shown(found)
    return None


def resource_log(rights: Rights, environment: Environment, resource: str) -> Log:
    """The last output of the container of ``resource`` that fails.

    For those who may ask for changes of the system. Raises Forbidden, NotFound when nothing of it fails or the
    resource is not there, Transient when the cluster does not answer, Conflict when it refuses.
    """
    rights.require_request(environment.system)
    row = Resource.objects.filter(environment=environment, name=resource).exclude(state="gone").first()
    if row is None:
        raise NotFound(f"{environment.system.slug} / {environment.name} has no resource “{resource}”.")
    try:
        with asking(environment.cluster) as driver:
            place = _failing(driver, recorded_refs(row))
            if place is None:
                raise NotFound(f"No container of {resource} fails now, so there is no last output to read.")
            pod, container = place
            text = driver.log(environment.namespace, pod, container, ended=True, most=MOST_LOG)
    except DriverError as error:
        raise _told(error) from None
    clean = redact(plain(text))
    return Log(resource, pod, container, clean.text, clean.hidden, len(text.encode()) >= MOST_LOG)


def recorded_refs(row: Resource) -> list[ObjectRef]:
    """References of all objects that were ever made for a resource and not yet seen gone."""
    return [ObjectRef(one["apiVersion"], one["kind"], one["namespace"], one["name"]) for one in row.objects_made]


def held_now(driver: Driver, ref: ObjectRef) -> Held | None:
    """What holds one object now; None when it is gone or stays."""
    return held(driver.observe([ref])[0].manifest, ref)


def unanswered(error: DriverError) -> str:
    """Why the cluster could not be asked, for people."""
    if isinstance(error, TemporaryError):
        return "The cluster does not answer now. What it told last is shown above; look again in a moment."
    return f"The cluster does not let us look: {redact(error.message).text}"


@contextmanager
def asking(cluster: Cluster) -> Iterator[Driver]:
    """A driver of its own, with little patience, whose connections end with the question."""
    driver = open_driver(cluster.driver, {**driver_settings(cluster), "answer_within": ANSWER_WITHIN})
    try:
        yield driver
    finally:
        closes = getattr(driver, "close", None)
        if closes is not None:
            closes()


def _troubles(driver: Driver, rows: Sequence[Resource], until: float) -> Iterator[Trouble]:
    for row in rows:
        if time.monotonic() > until:
            return
        found = trouble_of(driver, recorded_refs(row))
        if found is not None:
            yield Trouble(row.name, str(found[0]), found[1])


def _leaving(
    driver: Driver, environment: Environment, rows: Sequence[Resource], until: float
) -> tuple[tuple[Leaving, ...], Explanation | None]:
    """What is on its way out and still there; nothing is asked where nothing is being deleted."""
    wanted = set(environment.desired.document["resources"]) if environment.desired else set()
    whole = environment.state == "deleting" or any(row.state == "deleting" for row in rows)
    leaving = [row for row in rows if whole or row.name not in wanted]
    if not leaving and not whole:
        return (), None
    asked = [(row.name, ref) for row in leaving for ref in recorded_refs(row)][:MOST_LEAVING]
    found = []
    for name, ref in asked:
        if time.monotonic() > until:
            break
        one = held_now(driver, ref)
        if one is not None:
            found.append(Leaving(name, one))
    if not whole:
        return tuple(found), None
    space = ObjectRef("v1", "Namespace", "", environment.namespace)
    manifest = driver.observe([space])[0].manifest
    one = held(manifest, space)
    if one is None or manifest is None:
        return tuple(found), None
    told = explain_terminating(manifest)
    return (*found, Leaving("", one)), None if told is None else _shown(told)


def _described(driver: Driver, refs: Iterable[ObjectRef]) -> Iterator[tuple[ObjectRef, Described]]:
    asked = [ref for ref in refs if ref.kind in EXPLAINED]
    for ref in sorted(asked, key=lambda one: EXPLAINED.index(one.kind)):
        yield ref, driver.describe(ref)


def _failing(driver: Driver, refs: Iterable[ObjectRef]) -> tuple[str, str] | None:
    """Pod and container of the trouble; of one that is merely not ready when nothing explains it."""
    unready: tuple[str, str] | None = None
    for _, seen in _described(driver, refs):
        if seen.workload is None:
            continue
        found = explain(seen.workload, seen.pods, seen.events)
        if found is not None and found.pod and found.container:
            return found.pod, found.container
        unready = unready or _unready(seen)
    return unready


def _unready(seen: Described) -> tuple[str, str] | None:
    for pod in seen.pods:
        for status in (pod.get("status") or {}).get("containerStatuses") or []:
            if not status.get("ready") and (pod.get("status") or {}).get("phase") != "Succeeded":
                return str(pod["metadata"]["name"]), str(status["name"])
    return None


def _shown(found: Explanation) -> Explanation:
    """The same words without what looks like a secret: the cluster quotes what it was given."""
    return replace(
        found,
        sentence=_clean(found.sentence),
        meaning=_clean(found.meaning),
        advice=tuple(_clean(one) for one in found.advice),
    )


def _clean(text: str) -> str:
    return redact(plain(text)).text


def _told(error: DriverError) -> Exception:
    if isinstance(error, TemporaryError):
        return Transient(
            "The cluster does not answer now.", code="cluster-unreachable", delay=error.delay, remedy="Try again soon."
        )
    remedy: Any = getattr(error, "remedy", "")
    return Conflict(f"The cluster does not let us look: {_clean(error.message)}", code="conflict", remedy=remedy)
