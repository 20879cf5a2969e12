"""The Kubernetes driver: the promises of ``provisioning.domain.driver.Driver`` kept on a real API server.

Called by the orchestrator. Everything is server-side apply as the field manager ``slipway``. The data of Secrets
never comes back: they are read, listed, written and deleted with answers that hold metadata only. The one exception is
the source of a Secret that is a copy (``copied``), whose data goes straight into it. Before anything
is changed, its labels are read; between that and an apply that creates, somebody else could make an object of the
same name, which the API gives no way to exclude. For what exists, the uid closes that gap.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from provisioning.domain.custom_kinds import CustomKind, kind_of, known_custom_kinds
from provisioning.domain.driver import (
    FIELD_MANAGER,
    SECRETS_MANAGER,
    Applied,
    ClusterInfo,
    Defined,
    Deletion,
    Described,
    DriverError,
    DryRun,
    FieldConflict,
    Listed,
    Manifest,
    ObjectRef,
    Observed,
    PermanentError,
    Scope,
    TemporaryError,
)
from provisioning.domain.field_ownership import agreed_since, owners_of
from provisioning.domain.kubernetes_schema import known_kinds, unusable, validate_object
from provisioning.domain.secret_copy import copied_mark, is_copy, with_mark
from provisioning.domain.secret_slot import require_slot
from provisioning.drivers.kubernetes import definitions
from provisioning.drivers.kubernetes.connection import METADATA, METADATA_LIST, TIMEOUTS, WHOLE, Connection
from provisioning.drivers.kubernetes.copied import with_copied_data
from provisioning.drivers.kubernetes.describing import describe, read_log
from provisioning.drivers.kubernetes.discovery import served
from provisioning.drivers.kubernetes.errors import is_missing
from provisioning.drivers.kubernetes.generated import encoded, is_generated, with_values
from provisioning.drivers.kubernetes.kubeconfig import read_kubeconfig
from provisioning.drivers.kubernetes.resources import BUILT_IN, Resource, Resources, built_in
from provisioning.drivers.kubernetes.watching import KindWatch, list_kind
from provisioning.drivers.noise import without_noise
from provisioning.drivers.ownership import is_ours, not_ours, require_releasable, require_scope_labels, still_deleting

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
PAGE = "500"
TAKES = 4
"""Looks at an object that others write to, before it is left for later."""

# What the API server stores once more by itself at the first apply after it was made, without any change of it.
_REWRITTEN = frozenset({"PersistentVolumeClaim"})


class KubernetesDriver:
    """``kubeconfig`` is the document as plain data; it is kept in memory only. Opening it reaches no network.

    ``answer_within``: seconds that one answer of the cluster may take.
    """

    name = "kubernetes"

    def __init__(self, kubeconfig: Mapping[str, Any], *, answer_within: float = TIMEOUTS[1]) -> None:
        self._connection = Connection(read_kubeconfig(kubeconfig), answer_within)
        self._resources = Resources(self._discover)
        self._kinds: dict[str, CustomKind | None] = {}

    def close(self) -> None:
        """Close the connections; the driver may be used again afterwards."""
        self._connection.close()

    def probe(self) -> ClusterInfo:
        version = self._connection.request("GET", "/version").get("gitVersion", "")
        # /version answers anybody; the list of groups wants an account that is known.
        groups, kinds = served(self._connection)
        return ClusterInfo(version=version, api_groups=groups, custom_kinds=kinds)

    def definitions(self, kinds: Collection[str], known: Mapping[str, str]) -> Mapping[str, Defined]:
        return definitions.read(self._connection, kinds, known)

    def apply(self, objects: Sequence[Manifest], scope: Scope, *, force: bool = False) -> list[Applied]:
        return [self._apply_one(manifest, scope, force) for manifest in objects]

    def _apply_one(self, manifest: Manifest, scope: Scope, force: bool) -> Applied:
        require_scope_labels(manifest, scope)
        ref = ObjectRef.of(manifest)
        if is_generated(manifest):
            return self._create_once(ref, manifest, scope)
        accept = WHOLE if ref.kind in _REWRITTEN else METADATA
        before = self._ours(ref, scope, accept)
        if is_copy(manifest):
            manifest = with_copied_data(self._connection, self._resources, manifest)
        after = self._merged(ref, manifest, before, {"force": str(force).lower()}, accept)
        return Applied(ref, _outcome(before, after), after["metadata"]["uid"])

    def _create_once(self, ref: ObjectRef, manifest: Manifest, scope: Scope) -> Applied:
        """Make a Secret with random values; one that is there already is left as it is."""
        body, query = with_values(manifest), {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        try:
            collection = self._resources.collection(ref)
            made = self._connection.request("POST", collection, ref=ref, query=query, body=body, accept=METADATA)
        except PermanentError as error:
            if error.code != "exists":
                raise
            found = self._ours(ref, scope)
            if found is None:
                raise _changed_meanwhile(ref) from None
            return Applied(ref, "unchanged", found["metadata"]["uid"])
        return Applied(ref, "created", made["metadata"]["uid"])

    def _merged(
        self,
        ref: ObjectRef,
        manifest: Manifest,
        before: Mapping[str, Any] | None,
        query: Mapping[str, str],
        accept: str,
    ) -> dict[str, Any]:
        """Server-side apply that takes over what others only wrote before it was agreed, as ``before`` tells."""
        try:
            return self._patch(ref, manifest, before, query, accept)
        except FieldConflict as conflict:
            if before is None or not agreed_since(owners_of(before), conflict.fields):
                raise
            fields = conflict.fields
        return self._taken_over(ref, manifest, {**query, "force": "true"}, accept, fields)

    def _taken_over(
        self, ref: ObjectRef, manifest: Manifest, query: Mapping[str, str], accept: str, fields: Sequence[str]
    ) -> dict[str, Any]:
        """Force it on the object as it was looked at, so that no value goes that somebody writes in this moment.

        Controllers write statuses all the time, so it is looked at anew a few times.
        """
        for _ in range(TAKES):
            live = self._get(ref, METADATA)
            if live is None or not agreed_since(owners_of(live), fields):
                break
            pinned = {**manifest["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
            with suppress(TemporaryError):
                return self._patch(ref, {**manifest, "metadata": pinned}, live, query, accept)
        raise _changed_meanwhile(ref)

    def _patch(
        self,
        ref: ObjectRef,
        manifest: Manifest,
        before: Mapping[str, Any] | None,
        query: Mapping[str, str],
        accept: str,
    ) -> dict[str, Any]:
        """Server-side apply; ``before`` pins the object that is changed."""
        body = dict(manifest)
        if before is not None:
            body["metadata"] = {**manifest["metadata"], "uid": before["metadata"]["uid"]}
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", **query}
        path = self._resources.one(ref)
        try:
            return self._connection.request(
                "PATCH", path, ref=ref, query=query, body=body, accept=accept, content_type=APPLY
            )
        except PermanentError as error:
            # Two applies that both found nothing: the other one was first, and the next try will see its object.
            if error.code != "exists":
                raise
            raise _changed_meanwhile(ref) from None

    def observe(self, refs: Sequence[ObjectRef]) -> list[Observed]:
        return [_observed(ref, self._get(ref, METADATA if ref.kind == "Secret" else WHOLE)) for ref in refs]

    def delete(self, refs: Sequence[ObjectRef], scope: Scope) -> list[Deletion]:
        # All are looked at before any is deleted, so that one that is not ours stops the whole request.
        found = [self._get(ref, METADATA) for ref in refs]
        for ref, live in zip(refs, found, strict=True):
            if live is not None and not is_ours(live["metadata"].get("labels"), scope):
                raise not_ours(ref)
        return [self._delete_one(ref, live) for ref, live in zip(refs, found, strict=True)]

    def _delete_one(self, ref: ObjectRef, live: dict[str, Any] | None) -> Deletion:
        if live is not None and "deletionTimestamp" not in live["metadata"]:
            body = {
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "propagationPolicy": "Foreground",
                "preconditions": {"uid": live["metadata"]["uid"]},
            }
            try:
                path = self._resources.one(ref)
                self._connection.request("DELETE", path, ref=ref, body=body, accept=METADATA)
            except PermanentError as error:
                if not is_missing(error):
                    raise
            live = self._get(ref, METADATA)
        return Deletion(ref, live is None, () if live is None else _finalizers(ref, live))

    def release(self, ref: ObjectRef, scope: Scope) -> Deletion:
        live = self._get(ref, METADATA)
        if live is None:
            return Deletion(ref, True)
        if not is_ours(live["metadata"].get("labels"), scope):
            raise not_ours(ref)
        require_releasable(ref, deleting="deletionTimestamp" in live["metadata"])
        body = {"metadata": {"uid": live["metadata"]["uid"], "finalizers": None}}
        try:
            path = self._resources.one(ref)
            self._connection.request("PATCH", path, ref=ref, body=body, accept=METADATA, content_type=MERGE)
        except PermanentError as error:
            if not is_missing(error):
                raise
        left = self._get(ref, METADATA)
        return Deletion(ref, left is None, () if left is None else _finalizers(ref, left))

    def dry_run(self, objects: Sequence[Manifest], scope: Scope) -> list[DryRun]:
        made = {ObjectRef.of(manifest).name for manifest in objects if manifest["kind"] == "Namespace"}
        return [self._dry_run_one(manifest, scope, made) for manifest in objects]

    def _dry_run_one(self, manifest: Manifest, scope: Scope, made: set[str]) -> DryRun:
        require_scope_labels(manifest, scope)
        ref = ObjectRef.of(manifest)
        accept = METADATA if ref.kind == "Secret" else WHOLE
        before = self._ours(ref, scope, accept)
        if before is not None and is_generated(manifest):
            return DryRun(ref, _shown(ref, before), _shown(ref, before))
        if before is not None and is_copy(manifest):
            manifest = with_mark(manifest, copied_mark(before))
        after: Mapping[str, Any]
        try:
            after = self._merged(ref, manifest, before, {"dryRun": "All"}, accept)
        except PermanentError as error:
            if error.code != "namespace-missing" or ref.namespace not in made:
                raise
            # The namespace would have been made a moment before, so the server cannot tell; the schemas can.
            after = self._checked(ref, manifest)
        return DryRun(ref, None if before is None else _shown(ref, before), _shown(ref, after))

    def _checked(self, ref: ObjectRef, manifest: Manifest) -> Manifest:
        """``manifest`` if its schema finds nothing wrong with it: Kubernetes' own, or for custom kinds the cluster's.

        What the cluster does not define passes.
        """
        key = f"{ref.api_version}/{ref.kind}"
        own = None if key in known_kinds() else self._own(key)
        errors = validate_object(manifest, {key: own} if own else None) if own or key in known_kinds() else []
        if errors:
            told = "; ".join(f"{error.path}: {error.message}" for error in errors[:5])
            raise PermanentError("invalid-object", f"{ref} is not valid: {told}")
        return manifest

    def _own(self, key: str) -> CustomKind | None:
        """The cluster's own definition of a custom kind, asked for once in the life of the driver."""
        if key not in self._kinds:
            defined = self.definitions([key], {}).get(key)
            kind = kind_of(key, defined.schema) if defined and defined.schema is not None else None
            self._kinds[key] = None if kind is None or unusable(kind) else kind
        return self._kinds[key]

    def fill(self, ref: ObjectRef, values: Mapping[str, str], scope: Scope) -> Manifest:
        live = self._ours(ref, scope)
        if live is None:
            raise PermanentError("not-found", f"There is no {ref}.")
        require_slot(_named(ref, live), ref.name)
        # A merge leaves the other keys alone, which an apply by the same manager would take away; the uid pins it.
        body = {"metadata": {"uid": live["metadata"]["uid"]}, "data": encoded(values)}
        query = {"fieldManager": SECRETS_MANAGER, "fieldValidation": "Strict"}
        path = self._resources.one(ref)
        made = self._connection.request(
            "PATCH", path, ref=ref, query=query, body=body, accept=METADATA, content_type=MERGE
        )
        return _named(ref, made)

    def list_managed(self, scope: Scope, namespace: str) -> list[ObjectRef]:
        resources = [*built_in(), *self._resources.among(known_custom_kinds())]
        found = [ref for resource in resources for ref in self._list(resource, scope, namespace)]
        return sorted(found, key=lambda ref: ref.kind != "Namespace")

    def _list(self, resource: Resource, scope: Scope, namespace: str) -> list[ObjectRef]:
        """What we made of one kind. Controllers copy labels onto what they make, so labels alone do not prove it."""
        selector = ",".join(f"{key}={value}" for key, value in scope.labels().items())
        query = {"labelSelector": selector, "limit": PAGE}
        if not resource.namespaced:
            query["fieldSelector"] = f"metadata.name={namespace}"
        found: list[ObjectRef] = []
        while True:
            path = resource.path(namespace)
            page = self._connection.request("GET", path, query=query, accept=METADATA_LIST)
            metadata = [item["metadata"] for item in page.get("items") or [] if _is_made_by_us(item["metadata"])]
            found += [
                ObjectRef(resource.api_version, resource.kind, one.get("namespace", ""), one["name"])
                for one in metadata
            ]
            if not page["metadata"].get("continue"):
                return found
            query["continue"] = page["metadata"]["continue"]

    def describe(self, ref: ObjectRef) -> Described:
        return describe(self._connection, ref, self._get(ref, WHOLE))

    def log(self, namespace: str, pod: str, container: str, *, ended: bool, most: int) -> str:
        return read_log(self._connection, namespace, pod, container, ended=ended, most=most)

    def feeds(self, kinds: Collection[str] = ()) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*BUILT_IN, *sorted(kinds))))

    def list_feed(self, feed: str) -> Listed:
        return list_kind(self._connection, self._resources.named(feed))

    def watch(self, feed: str, version: str, *, seconds: float) -> KindWatch:
        return KindWatch(self._connection, self._resources.named(feed), version, seconds)

    def _ours(self, ref: ObjectRef, scope: Scope, accept: str = METADATA) -> dict[str, Any] | None:
        """The live object, None if missing. Raises ``not-ours``, or ``still-deleting`` if it is on its way out."""
        live = self._get(ref, accept)
        if live is not None and not is_ours(live["metadata"].get("labels"), scope):
            raise not_ours(ref)
        if live is not None and "deletionTimestamp" in live["metadata"]:
            raise TemporaryError("still-deleting", still_deleting(ref), delay=2.0)
        return live

    def _get(self, ref: ObjectRef, accept: str) -> dict[str, Any] | None:
        try:
            return self._connection.request("GET", self._resources.one(ref), ref=ref, accept=accept)
        except DriverError as error:
            if not is_missing(error):
                raise
            return None

    def _discover(self, api_version: str) -> Mapping[str, Any]:
        root = "/api/v1" if api_version == "v1" else f"/apis/{api_version}"
        try:
            return self._connection.request("GET", root)
        except DriverError as error:
            if not is_missing(error):
                raise
            return {}


def _changed_meanwhile(ref: ObjectRef) -> TemporaryError:
    return TemporaryError("changed-meanwhile", f"{ref} changed in the same moment.", delay=1.0)


def _outcome(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Any:
    """Server-side apply leaves the resource version as it is when nothing changes.

    A controller may write a status between our look and our apply, which raises the resource version as well. Kinds
    that count generations tell that apart; in others it is told by who wrote, or by what was read whole.
    """
    if before is None:
        return "created"
    was, now = before["metadata"], after["metadata"]
    same = was["resourceVersion"] == now["resourceVersion"]
    if not same and "spec" in before:
        same = before["spec"] == after["spec"] and _same_marks(was, now)
    elif not same and "generation" in was:
        same = was["generation"] == now.get("generation") and _same_marks(was, now)
    elif not same:
        same = _only_others_wrote(was.get("managedFields", ()), now.get("managedFields", ()))
    return "unchanged" if same else "configured"


def _same_marks(was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return all(was.get(field) == now.get(field) for field in ("labels", "annotations"))


def _only_others_wrote(was: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an entry of somebody else explains the new resource version, and ours is as it was.

    An apply that changes a value sets the time of its entry, in whole seconds, so ours alone would not prove it.
    """

    def split(entries: Sequence[Mapping[str, Any]]) -> tuple[list[Any], list[Any]]:
        ours = [one for one in entries if one.get("manager") == FIELD_MANAGER]
        return ours, [one for one in entries if one.get("manager") != FIELD_MANAGER]

    (our_was, their_was), (our_now, their_now) = split(was), split(now)
    return our_was == our_now and their_was != their_now


def _observed(ref: ObjectRef, live: dict[str, Any] | None) -> Observed:
    if live is None:
        return Observed(ref, None)
    live = _named(ref, live)
    metadata = live["metadata"]
    return Observed(ref, live, metadata["uid"], "deletionTimestamp" in metadata, _finalizers(ref, live))


def _finalizers(ref: ObjectRef, live: Mapping[str, Any]) -> tuple[str, ...]:
    """What holds an object that is being deleted; a namespace is held by its content, which its metadata does not
    say.
    """
    if "deletionTimestamp" not in live["metadata"]:
        return ()
    own = ("kubernetes",) if ref.kind == "Namespace" else ()
    return own + tuple(live["metadata"].get("finalizers") or ())


def _named(ref: ObjectRef, live: Mapping[str, Any]) -> dict[str, Any]:
    """``live`` under its own kind; an answer with metadata only calls itself PartialObjectMetadata."""
    return {**live, "apiVersion": ref.api_version, "kind": ref.kind}


def _shown(ref: ObjectRef, live: Mapping[str, Any]) -> dict[str, Any]:
    return without_noise(_named(ref, live))


def _is_made_by_us(metadata: Mapping[str, Any]) -> bool:
    return any(entry.get("manager") == FIELD_MANAGER for entry in metadata.get("managedFields") or [])
