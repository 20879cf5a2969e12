"""Secrets that are copies of another one, in the sandbox: of digests, as it keeps no value.

Used by the sandbox driver only.
"""

from __future__ import annotations

from typing import Any

from provisioning.domain.driver import ANNOTATION_GENERATE, Manifest, ObjectRef
from provisioning.domain.secret_copy import lender_of, mark_of, source_foreign, source_missing, source_of, with_mark
from provisioning.drivers.ownership import is_ours
from provisioning.drivers.sandbox import view
from provisioning.drivers.sandbox.store import StoredObject, Transaction

_DATA = frozenset({"f:data", "f:stringData"})


def with_copied_data(transaction: Transaction, manifest: Manifest) -> dict[str, Any]:
    """``manifest`` with a key for each that its source has, and the mark of what was copied.

    TemporaryError ``copy-source-missing``; PermanentError ``copy-source-foreign`` for one that is not the lender's.
    """
    source, ref = source_of(manifest), ObjectRef.of(manifest)
    stored = transaction.get(source)
    if stored is None or stored.deleting_at is not None:
        raise source_missing(ref, source)
    if not is_ours(view.labels_of(stored), lender_of(manifest)):
        raise source_foreign(ref, source)
    mark = mark_of({"metadata": {"uid": stored.uid, "resourceVersion": str(stored.resource_version)}})
    return {**with_mark(manifest, mark), "data": _data(stored)}


def _data(stored: StoredObject) -> dict[str, str]:
    """By key something that changes with the value; of keys that are made up, with the object."""
    given = {path[1][2:]: str(one.value) for path, one in stored.fields.items() if len(path) == 2 and path[0] in _DATA}
    annotations = view.manifest_of(stored)["metadata"].get("annotations") or {}
    made_up = [key.strip() for key in annotations.get(ANNOTATION_GENERATE, "").split(",")]
    return {**{key: f"{stored.uid}/{key}" for key in made_up if key}, **given}
