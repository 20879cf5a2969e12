"""How far a stage keeps its environments from others: chosen by admins, and held by what is made or moved from then on.

What lives keeps the place in which it was made until somebody moves it.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput
from provisioning.domain.isolation import isolation_problem
from provisioning.models import Stage
from provisioning.selectors.stages import stage_get


@transaction.atomic
def stage_isolate(
    actor: Actor, *, stage: str, isolation: str, expected_version: int | None = None, now: datetime
) -> Stage:
    """Choose ``shared``, ``namespace`` or ``dedicated`` for a stage's environments from now on. Admins only.

    Raises InvalidInput for another word, and for ``dedicated`` without labels of clusters; Conflict when the stage was
    changed meanwhile.
    """
    rights_of(actor).require_admin()
    row = Stage.objects.select_for_update(of=("self",)).get(pk=stage_get(stage).pk)
    if expected_version is not None and row.version != expected_version:
        raise Conflict("The stage was changed meanwhile.", remedy="Read it again and redo your edit.")
    if wrong := isolation_problem(isolation, row.cluster_labels):
        raise InvalidInput("The stage was not stored.", errors=[FieldError("isolation", wrong)])
    before = row.isolation
    if before == isolation:
        return row
    row.isolation = isolation
    row.version += 1
    row.save(update_fields=["isolation", "version"])
    audit_append(
        actor,
        action="stage.isolate",
        object_type="stage",
        object_id=str(row.pk),
        object_label=row.name,
        data={"before": before, "after": isolation},
        now=now,
    )
    return row
