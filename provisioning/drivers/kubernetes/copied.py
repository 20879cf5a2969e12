"""Secrets that are copies of another one: the only place that ever asks a cluster for a Secret's data.

Used by the Kubernetes driver only. The data goes from one answer into one request and is kept nowhere, so that it
can stand in no log, no answer and no database.
"""

from __future__ import annotations

from typing import Any

from provisioning.domain.driver import DriverError, Manifest, ObjectRef
from provisioning.domain.secret_copy import lender_of, mark_of, source_foreign, source_missing, source_of, with_mark
from provisioning.drivers.kubernetes.connection import WHOLE, Connection
from provisioning.drivers.kubernetes.errors import is_missing
from provisioning.drivers.kubernetes.resources import Resources
from provisioning.drivers.ownership import is_ours


def with_copied_data(connection: Connection, resources: Resources, manifest: Manifest) -> dict[str, Any]:
    """``manifest`` with the data of its source and the mark of what was copied; not to be shown to anybody.

    TemporaryError ``copy-source-missing``; PermanentError ``copy-source-foreign`` for one that is not the lender's.
    """
    source, ref = source_of(manifest), ObjectRef.of(manifest)
    try:
        live = connection.request("GET", resources.one(source), ref=source, accept=WHOLE)
    except DriverError as error:
        if is_missing(error):
            raise source_missing(ref, source) from None
        raise
    if "deletionTimestamp" in live["metadata"]:
        raise source_missing(ref, source)
    if not is_ours(live["metadata"].get("labels"), lender_of(manifest)):
        raise source_foreign(ref, source)
    return {**with_mark(manifest, mark_of(live)), "data": dict(live.get("data") or {})}
