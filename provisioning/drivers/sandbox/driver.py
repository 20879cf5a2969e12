"""The sandbox driver: the promises of ``provisioning.domain.driver.Driver`` kept on a file.

Called by the orchestrator like any driver. ``tell``, ``edit`` and ``vanish`` are for tests, demonstrations and
curiosity: they make it fail, stall, refuse or drift. It never keeps the value of a secret, only a digest that shows
whether it changed.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from provisioning.domain.custom_kinds import known_custom_kinds
from provisioning.domain.driver import (
    ANNOTATION_GENERATE,
    FIELD_MANAGER,
    SECRETS_MANAGER,
    Applied,
    ClusterInfo,
    Defined,
    Deletion,
    Described,
    DryRun,
    Listed,
    Manifest,
    ObjectRef,
    Observed,
    PermanentError,
    Scope,
    TemporaryError,
)
from provisioning.domain.field_ownership import shown
from provisioning.domain.kubernetes_schema import bundle, known_kinds, validate_object
from provisioning.domain.secret_copy import copied_mark, is_copy, with_mark
from provisioning.domain.secret_slot import require_slot
from provisioning.drivers.noise import without_noise
from provisioning.drivers.ownership import (
    field_conflict,
    is_ours,
    not_ours,
    require_releasable,
    require_scope_labels,
    still_deleting,
)
from provisioning.drivers.sandbox import copied, faults, fields, view
from provisioning.drivers.sandbox.store import Store, StoredObject, Transaction
from provisioning.drivers.sandbox.watching import EVERYTHING, SandboxWatch, is_managed

OWN = "own"
"""The mark of the definitions that come along: in a running process they never change."""


class SandboxDriver:
    """``path`` is a file of its own; workloads are ready ``ready_after`` seconds after a change; ``clock`` gives
    epoch seconds; ``custom_kinds`` are those it serves of ``known_custom_kinds``, by default all.
    """

    name = "sandbox"

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        ready_after: float = 6.0,
        clock: Callable[[], float] = time.time,
        custom_kinds: Collection[str] | None = None,
    ) -> None:
        self._store = Store(path)
        self._ready_after = ready_after
        self._clock = clock
        self._custom_kinds = frozenset(known_custom_kinds() if custom_kinds is None else custom_kinds)

    def probe(self) -> ClusterInfo:
        with self._store.transaction() as transaction:
            faults.strike(transaction, "probe", [])
        kinds = [*known_kinds(), *self._custom_kinds]
        groups = sorted({kind.split("/")[0] for kind in kinds if kind.count("/") == 2})
        return ClusterInfo(
            version=f"sandbox (Kubernetes {bundle()['version']})",
            api_groups=tuple(groups),
            custom_kinds=tuple(sorted(self._custom_kinds)),
        )

    def definitions(self, kinds: Collection[str], known: Mapping[str, str]) -> Mapping[str, Defined]:
        mine = [key for key in kinds if key in self._custom_kinds]
        return {key: Defined(OWN, None if known.get(key) == OWN else known_custom_kinds()[key].openapi) for key in mine}

    def apply(self, objects: Sequence[Manifest], scope: Scope, *, force: bool = False) -> list[Applied]:
        # One transaction per object, as on a real cluster: what came before a refused one stays.
        return [self._apply_one(manifest, scope, force) for manifest in objects]

    def _apply_one(self, manifest: Manifest, scope: Scope, force: bool) -> Applied:
        ref = _accept(manifest, scope, self._custom_kinds)
        with self._store.transaction() as transaction:
            faults.strike(transaction, "apply", [ref])
            self._settle(transaction)
            before = transaction.get(ref)
            if is_copy(manifest):
                manifest = copied.with_copied_data(transaction, manifest)
            after = self._merged(transaction, before, manifest, scope, force)
            if before is not None and before.fields == after.fields:
                return Applied(ref, "unchanged", before.uid)
            transaction.put(after)
        return Applied(ref, "created" if before is None else "configured", after.uid)

    def dry_run(self, objects: Sequence[Manifest], scope: Scope) -> list[DryRun]:
        made = {ObjectRef.of(manifest).name for manifest in objects if manifest["kind"] == "Namespace"}
        return [self._dry_run_one(manifest, scope, made) for manifest in objects]

    def _dry_run_one(self, manifest: Manifest, scope: Scope, made: set[str]) -> DryRun:
        ref = _accept(manifest, scope, self._custom_kinds)
        with self._store.transaction() as transaction:
            before = transaction.get(ref)
            if before is not None and is_copy(manifest):
                manifest = with_mark(manifest, copied_mark(view.manifest_of(before)))
            after = self._merged(transaction, before, manifest, scope, False, namespaces=made)
        shown = None if before is None else without_noise(view.manifest_of(before))
        return DryRun(ref, shown, without_noise(view.manifest_of(after)))

    def _merged(
        self,
        transaction: Transaction,
        before: StoredObject | None,
        manifest: Manifest,
        scope: Scope,
        force: bool,
        namespaces: set[str] | frozenset[str] = frozenset(),
    ) -> StoredObject:
        """The row that applying would leave; ``namespaces`` are those that would have been made before it."""
        ref = ObjectRef.of(manifest)
        if before is None:
            _require_namespace(transaction, ref, namespaces)
            return self._new(ref, _wanted(manifest, salt := str(uuid.uuid4())), salt)
        if not is_ours(view.labels_of(before), scope):
            raise not_ours(ref)
        if before.deleting_at is not None:
            raise TemporaryError("still-deleting", still_deleting(ref), delay=2.0)
        if _is_generated(manifest):
            return before
        return self._changed(before, _wanted(manifest, before.uid), FIELD_MANAGER, force)

    def _new(self, ref: ObjectRef, wanted: fields.Leaves, uid: str) -> StoredObject:
        now = self._clock()
        return StoredObject(
            ref=ref,
            uid=uid,
            fields=fields.apply({}, wanted, FIELD_MANAGER),
            managers={FIELD_MANAGER: {"operation": "Apply", "time": now}},
            generation=1,
            resource_version=0,
            created_at=now,
            changed_at=now,
        )

    def _changed(self, before: StoredObject, wanted: fields.Leaves, manager: str, force: bool) -> StoredObject:
        """``before`` after ``manager`` applied ``wanted``; raises ``field-conflict`` and ``invalid-object``."""
        yielding = {name for name, told in before.managers.items() if told["operation"] == "Update"}
        found = fields.conflicts(before.fields, wanted, manager, yielding)
        if found and not force:
            raise field_conflict(before.ref, [(other, shown(path)) for other, path in found])
        merged = fields.apply(before.fields, wanted, manager)
        view.refuse_frozen_changes(before, merged)
        return self._touched(before, merged, manager, "Apply")

    def _touched(self, before: StoredObject, merged: fields.Fields, manager: str, operation: str) -> StoredObject:
        """``before`` with ``merged`` fields: a new generation, and readiness that starts over, if more than
        metadata moved.
        """
        now = self._clock()
        moved = view.body(before.fields) != view.body(merged)
        owners = {owner for leaf in merged.values() for owner in leaf.managers}
        managers = {**before.managers, manager: {"operation": operation, "time": now}}
        return replace(
            before,
            fields=merged,
            managers={name: told for name, told in managers.items() if name in owners},
            generation=before.generation + moved,
            changed_at=now if moved else before.changed_at,
            ready_before=view.ready_replicas(before, now, self._ready_after) if moved else before.ready_before,
        )

    def observe(self, refs: Sequence[ObjectRef]) -> list[Observed]:
        with self._store.transaction() as transaction:
            faults.strike(transaction, "observe", refs)
            self._settle(transaction)
            told = transaction.faults()
            found = [transaction.get(ref) for ref in refs]
        now = self._clock()
        return [
            Observed(ref, None) if stored is None else view.observed(stored, told, now, self._ready_after)
            for ref, stored in zip(refs, found, strict=True)
        ]

    def delete(self, refs: Sequence[ObjectRef], scope: Scope) -> list[Deletion]:
        with self._store.transaction() as transaction:
            faults.strike(transaction, "delete", refs)
            for ref in refs:
                stored = transaction.get(ref)
                if stored is not None and not is_ours(view.labels_of(stored), scope):
                    raise not_ours(ref)
                if stored is not None:
                    self._condemn(transaction, stored)
            self._settle(transaction)
            left = [transaction.get(ref) for ref in refs]
            told = transaction.faults()
        return [
            Deletion(ref, stored is None, () if stored is None else view.finalizers(stored, told))
            for ref, stored in zip(refs, left, strict=True)
        ]

    def release(self, ref: ObjectRef, scope: Scope) -> Deletion:
        with self._store.transaction() as transaction:
            faults.strike(transaction, "delete", [ref])
            stored = transaction.get(ref)
            if stored is None:
                return Deletion(ref, True)
            if not is_ours(view.labels_of(stored), scope):
                raise not_ours(ref)
            require_releasable(ref, deleting=stored.deleting_at is not None)
            pattern = f"{ref.namespace}/{ref.kind}/{ref.name}"
            transaction.add_fault(faults.checked(pattern, "let-go", "", "", None))
            self._settle(transaction)
            left, told = transaction.get(ref), transaction.faults()
        return Deletion(ref, left is None, () if left is None else view.finalizers(left, told))

    def fill(self, ref: ObjectRef, values: Mapping[str, str], scope: Scope) -> Manifest:
        with self._store.transaction() as transaction:
            faults.strike(transaction, "fill", [ref])
            self._settle(transaction)
            stored = transaction.get(ref)
            if stored is None:
                raise PermanentError("not-found", f"There is no {ref}.")
            if not is_ours(view.labels_of(stored), scope):
                raise not_ours(ref)
            require_slot(view.manifest_of(stored), ref.name)
            wanted = _wanted({"apiVersion": ref.api_version, "kind": ref.kind, "data": dict(values)}, stored.uid)
            merged = fields.edit(stored.fields, wanted, SECRETS_MANAGER)
            transaction.put(self._touched(stored, merged, SECRETS_MANAGER, "Update"))
        live = self.observe([ref])[0].manifest
        assert live is not None
        return live

    def list_managed(self, scope: Scope, namespace: str) -> list[ObjectRef]:
        with self._store.transaction() as transaction:
            self._settle(transaction)
            found = transaction.in_namespace(namespace)
        return [stored.ref for stored in found if is_ours(view.labels_of(stored), scope)]

    def tell(self, pattern: str, action: str, *, reason: str = "", code: str = "", times: int | None = None) -> None:
        """Make what matches ``pattern`` (``namespace/Kind/name`` with ``*``) misbehave; see ``faults.ACTIONS``."""
        with self._store.transaction() as transaction:
            transaction.add_fault(faults.checked(pattern, action, reason, code, times))
            self._stir(transaction, pattern)

    def forget(self, pattern: str) -> None:
        """Take back everything told about ``pattern``, as it was written."""
        with self._store.transaction() as transaction:
            transaction.drop_faults(pattern)
            self._stir(transaction, pattern)

    def _stir(self, transaction: Transaction, pattern: str) -> None:
        """Let watches tell again of what ``pattern`` matches, as a controller's new status would."""
        for stored in transaction.everything():
            if faults.fits(stored.ref, pattern):
                transaction.put(stored)

    def edit(self, ref: ObjectRef, changes: Mapping[str, Any], *, manager: str = "kubectl-edit") -> None:
        """Drift: write ``changes`` (a partial manifest) as ``manager`` would, without asking who owns what.

        Raises PermanentError ``not-found``. The object's uid and identity cannot be changed.
        """
        with self._store.transaction() as transaction:
            stored = transaction.get(ref)
            if stored is None:
                raise PermanentError("not-found", f"There is no {ref}.")
            changed = {**changes, "apiVersion": ref.api_version, "kind": ref.kind}
            merged = fields.edit(stored.fields, _wanted(changed, stored.uid), manager)
            transaction.put(self._touched(stored, merged, manager, "Update"))

    def vanish(self, ref: ObjectRef) -> None:
        """Drift: somebody deleted it."""
        with self._store.transaction() as transaction:
            stored = transaction.get(ref)
            if stored is not None:
                self._remove(transaction, stored)

    def describe(self, ref: ObjectRef) -> Described:
        (seen,) = self.observe([ref])
        return view.described(seen.manifest)

    def log(self, namespace: str, pod: str, container: str, *, ended: bool, most: int) -> str:
        return ""

    def feeds(self, kinds: Collection[str] = ()) -> tuple[str, ...]:
        return (EVERYTHING,)

    def list_feed(self, feed: str) -> Listed:
        with self._store.transaction() as transaction:
            faults.strike(transaction, "watch", [])
            self._settle(transaction)
            found, told, version = transaction.everything(), transaction.faults(), transaction.version()
        now = self._clock()
        seen = [view.observed(stored, told, now, self._ready_after).manifest for stored in found]
        return Listed(tuple(one for one in seen if one is not None and is_managed(one)), str(version))

    def watch(self, feed: str, version: str, *, seconds: float) -> SandboxWatch:
        return SandboxWatch(
            self._store,
            int(version),
            settle=self._settle,
            clock=self._clock,
            ready_after=self._ready_after,
            seconds=seconds,
        )

    def _remove(self, transaction: Transaction, stored: StoredObject) -> None:
        last = view.observed(stored, (), self._clock(), self._ready_after).manifest
        assert last is not None
        transaction.remove(stored, last)

    def _condemn(self, transaction: Transaction, stored: StoredObject) -> None:
        """Start the deletion of ``stored``, and of all that is in it if it is a namespace."""
        inside = transaction.in_namespace(stored.ref.name) if stored.ref.kind == "Namespace" else [stored]
        for condemned in inside:
            if condemned.deleting_at is None:
                transaction.put(replace(condemned, deleting_at=self._clock()))

    def _settle(self, transaction: Transaction) -> None:
        """Remove what was condemned long enough ago; a namespace goes only when it is empty."""
        due = self._clock() - self._ready_after / 2
        told = transaction.faults()
        condemned = [row for row in transaction.deleting() if row.deleting_at is not None and row.deleting_at <= due]
        for stored in sorted(condemned, key=lambda row: row.ref.kind == "Namespace"):
            empty = stored.ref.kind != "Namespace" or len(transaction.in_namespace(stored.ref.name)) == 1
            if empty and not faults.held(stored.ref, told):
                self._remove(transaction, stored)


def _accept(manifest: Manifest, scope: Scope, custom_kinds: Collection[str]) -> ObjectRef:
    """The reference of a manifest that the API would take for this scope. Raises PermanentError
    ``invalid-object``, or ``kind-not-served`` for a custom kind that this sandbox was not given.
    """
    key = f"{manifest.get('apiVersion')}/{manifest.get('kind')}"
    if key in known_custom_kinds() and key not in custom_kinds:
        raise PermanentError(
            "kind-not-served",
            f"The cluster does not know {manifest.get('kind')} of {manifest.get('apiVersion')}.",
            remedy="Install what provides that kind on the cluster.",
        )
    errors = validate_object(manifest)
    if errors:
        told = "; ".join(f"{error.path}: {error.message}" for error in errors[:5])
        name = manifest.get("metadata", {}).get("name", "")
        raise PermanentError("invalid-object", f"{manifest.get('kind')} {name} is not valid: {told}")
    require_scope_labels(manifest, scope)
    return ObjectRef.of(manifest)


def _require_namespace(transaction: Transaction, ref: ObjectRef, made: set[str] | frozenset[str]) -> None:
    if ref.kind == "Namespace" or ref.namespace in made:
        return
    namespace = transaction.get(ObjectRef("v1", "Namespace", "", ref.namespace))
    if namespace is None:
        raise PermanentError(
            "namespace-missing", f"{ref} cannot be made: there is no namespace {ref.namespace or '(none given)'}."
        )
    if namespace.deleting_at is not None:
        raise TemporaryError("namespace-terminating", f"Namespace {ref.namespace} is being deleted.", delay=5.0)


def _is_generated(manifest: Manifest) -> bool:
    annotations = manifest.get("metadata", {}).get("annotations") or {}
    return manifest["kind"] == "Secret" and ANNOTATION_GENERATE in annotations


def _wanted(manifest: Manifest, salt: str) -> fields.Leaves:
    """The leaves of ``manifest``, the values of a Secret replaced by digests salted with the object's uid."""
    leaves = fields.leaves_of(manifest)
    if manifest["kind"] != "Secret":
        return leaves
    hidden = {"f:data", "f:stringData"}
    return {path: _digest(salt, value) if path[0] in hidden else value for path, value in leaves.items()}


def _digest(salt: str, value: Any) -> str:
    return hashlib.blake2b(str(value).encode(), key=salt.encode(), digest_size=16).hexdigest()
