"""What every driver promises: plain data in, plain data out, and two errors.

A driver reaches one cluster. It knows no Django, no contract and no environment; the orchestrator hands
it finished manifests and references. All drivers pass ``tests/provisioning/drivers/conformance.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Manifest = Mapping[str, Any]

FIELD_MANAGER = "slipway"
LABEL_MANAGED = "app.kubernetes.io/managed-by"
LABEL_SYSTEM = "slipway.dev/system"
LABEL_ENVIRONMENT = "slipway.dev/environment"
LABEL_RESOURCE = "slipway.dev/resource"
LABEL_REVISION = "slipway.dev/revision"
ANNOTATION_GENERATE = "slipway.dev/generate"
"""On a Secret: comma-separated keys to fill with random values when the Secret does not exist yet.

Such a Secret is created once, never applied over and never read back; its values stay in the cluster.
"""
ANNOTATION_FILL = "slipway.dev/fill"
"""On a Secret: comma-separated keys that people fill, or something else in the cluster. Its manifest holds no values;
``secret_slot`` knows the rest."""
ANNOTATION_COPY = "slipway.dev/copy-of"
"""On a Secret: ``namespace/name`` of the one whose data the driver puts in, as it is then. Only rendering a borrowed
resource writes it (``lending``), never a contract."""
ANNOTATION_LENDER = "slipway.dev/lent-by"
"""Beside it: ``system/environment`` whose the source must be, else nothing is copied."""
ANNOTATION_COPIED = "slipway.dev/copied-from"
"""What the driver adds: ``uid/resourceVersion`` of the source as it was copied."""
SECRETS_MANAGER = "slipway-secrets"
"""The field manager of values that people fill in through Slipway, so that applying a slot never touches them."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """One object. ``namespace`` is empty for what has none."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @classmethod
    def of(cls, manifest: Manifest) -> ObjectRef:
        metadata = manifest["metadata"]
        return cls(manifest["apiVersion"], manifest["kind"], metadata.get("namespace", ""), metadata["name"])


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose objects these are: what is not labelled so is never touched.

    ``system`` and ``environment`` are the values of the labels that Slipway puts on all it makes.
    """

    system: str
    environment: str

    def labels(self) -> dict[str, str]:
        return {LABEL_MANAGED: FIELD_MANAGER, LABEL_SYSTEM: self.system, LABEL_ENVIRONMENT: self.environment}


@dataclass(frozen=True, slots=True)
class Applied:
    ref: ObjectRef
    outcome: Literal["created", "configured", "unchanged"]
    uid: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What is there now. ``manifest`` is None when it is missing. Data of a Secret is never included."""

    ref: ObjectRef
    manifest: Manifest | None
    uid: str = ""
    deleting: bool = False
    finalizers: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        return self.manifest is not None


@dataclass(frozen=True, slots=True)
class Deletion:
    """``gone`` is True when nothing is left; otherwise what holds it is named."""

    ref: ObjectRef
    gone: bool
    finalizers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DryRun:
    """What apply would do: the live object before (None if missing) and the result after, both without noise."""

    ref: ObjectRef
    before: Manifest | None
    after: Manifest


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """Answer of ``probe``: it is reachable, and this is what it is.

    ``custom_kinds`` are those that it serves and a plain Kubernetes does not, as ``postgresql.cnpg.io/v1/Cluster``.
    """

    version: str
    api_groups: tuple[str, ...] = field(default=())
    custom_kinds: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Defined:
    """What a cluster itself says about the objects of a custom kind: ``schema`` is OpenAPI (``custom_kinds.bare``).

    ``mark`` is another when that changes; ``schema`` is None when it has not since the mark that was known.
    """

    mark: str
    schema: Mapping[str, Any] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the cluster about an object; ``about`` is that object's name, ``at`` RFC 3339 text."""

    reason: str
    message: str
    about: str
    count: int = 1
    at: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """A workload with its pods, and what the cluster told about them; the newest event is the last."""

    workload: Manifest | None
    pods: tuple[Manifest, ...] = ()
    events: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """Everything of one feed that Slipway made, and the version from which its watch goes on."""

    objects: tuple[Manifest, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a watch tells. ``manifest`` is the object as it is now, or as it was last when ``gone``.

    A ``bookmark`` has no manifest: it only says that ``version`` has been reached.
    """

    kind: Literal["seen", "gone", "bookmark"]
    manifest: Manifest
    version: str


class DriverError(Exception):
    """``code`` is stable, ``message`` is for people, ``raw`` is what the infrastructure answered (no secrets)."""

    def __init__(self, code: str, message: str, *, raw: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.raw = raw[:4000]


class TemporaryError(DriverError):
    """Try again after ``delay`` seconds."""

    def __init__(self, code: str, message: str, *, delay: float = 2.0, raw: str = "") -> None:
        super().__init__(code, message, raw=raw)
        self.delay = delay


class PermanentError(DriverError):
    """Trying again as it stands cannot help; ``remedy`` says what can."""

    def __init__(self, code: str, message: str, *, remedy: str = "", raw: str = "") -> None:
        super().__init__(code, message, raw=raw)
        self.remedy = remedy


class FieldConflict(PermanentError):
    """Others hold ``fields`` (as the cluster names them) with other values than those that were to be applied."""

    def __init__(self, message: str, fields: Sequence[str], *, remedy: str) -> None:
        super().__init__("field-conflict", message, remedy=remedy)
        self.fields = tuple(fields)


class VersionExpired(TemporaryError):
    """A watch cannot go on from the version it was given: list again, and watch from there."""

    def __init__(self, message: str = "The cluster no longer knows that version; it is listed again.") -> None:
        super().__init__("version-expired", message, delay=0.0)


class Watch(Protocol):
    """Events in the order in which they happened. ``close`` ends it from any thread; the iteration then stops."""

    def __iter__(self) -> Iterator[Event]: ...

    def close(self) -> None: ...


class Driver(Protocol):
    """Applies, observes and deletes objects on one cluster. Every method may raise the two errors."""

    name: str

    def probe(self) -> ClusterInfo:
        """Reach the cluster and authenticate; changes nothing."""

    def definitions(self, kinds: Collection[str], known: Mapping[str, str]) -> Mapping[str, Defined]:
        """What the cluster says about those custom kinds, by key; one that it does not serve or define is left out.

        ``known`` are the marks of an earlier answer, by key.
        """

    def apply(self, objects: Sequence[Manifest], scope: Scope, *, force: bool = False) -> list[Applied]:
        """Make each object as its manifest says, in the given order; twice is the same as once.

        PermanentError ``not-ours`` when an object of that name exists without the scope's labels,
        ``field-conflict`` (naming the other manager) when another manager owns a field and ``force`` is not set, unless
        it only once wrote by hand what was applied since, so that nothing of it is lost,
        ``copy-source-foreign`` when the source of a copy (``secret_copy``) is not the lender's,
        ``invalid-object`` when the API refuses it, ``over-cluster-quota`` and ``forbidden`` as they say.
        """

    def observe(self, refs: Sequence[ObjectRef]) -> list[Observed]:
        """The live objects, one answer per reference in order; a missing one is an answer, not an error."""

    def delete(self, refs: Sequence[ObjectRef], scope: Scope) -> list[Deletion]:
        """Ask for deletion in the foreground; missing is gone; what lacks the scope's labels is left (``not-ours``)."""

    def release(self, ref: ObjectRef, scope: Scope) -> Deletion:
        """Take away the finalizers of an object that is being deleted, so that it goes without who should have
        cleaned up; missing is gone.

        PermanentError ``not-ours``, ``not-deleting``, or ``not-releasable`` for a namespace, whose content would stay.
        """

    def dry_run(self, objects: Sequence[Manifest], scope: Scope) -> list[DryRun]:
        """What ``apply`` would do, asked of the server; changes nothing."""

    def fill(self, ref: ObjectRef, values: Mapping[str, str], scope: Scope) -> Manifest:
        """Set keys of a slot (``secret_slot``) as the manager ``slipway-secrets``; its other keys stay as they are.

        Answers the live object without values. PermanentError ``not-found``, ``not-ours``, or ``not-a-slot`` for any
        other Secret. No error quotes a value.
        """

    def list_managed(self, scope: Scope, namespace: str) -> list[ObjectRef]:
        """All objects that carry the scope's labels in ``namespace``, the namespace itself included."""

    def describe(self, ref: ObjectRef) -> Described:
        """A workload, its pods and the events about all of them, for explaining what is wrong."""

    def log(self, namespace: str, pod: str, container: str, *, ended: bool, most: int) -> str:
        """The last output of a container, at most ``most`` bytes; of the one that ``ended`` before where there is one.

        It is as the program wrote it: whoever shows it must take secrets out. Empty when there is none.
        """

    def feeds(self, kinds: Collection[str] = ()) -> tuple[str, ...]:
        """Names of the streams that together tell of all objects Slipway made; each is listed and watched apart.

        ``kinds`` (``apiVersion/Kind``) are those to follow besides the ones of Kubernetes itself.
        """

    def list_feed(self, feed: str) -> Listed:
        """Every object of ``feed`` with the label of what Slipway manages, whole but for the data of Secrets.

        PermanentError ``kind-not-served`` when the cluster does not have that kind.
        """

    def watch(self, feed: str, version: str, *, seconds: float) -> Watch:
        """What happens to the objects of ``feed`` after ``version``, for at most ``seconds``.

        Iterating raises VersionExpired when ``version`` is too old, TemporaryError when the stream breaks.
        """
