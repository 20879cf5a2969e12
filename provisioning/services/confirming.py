"""What has to be confirmed before something is lost: asked for at submit, not while planning."""

from __future__ import annotations

from idp.kernel.errors import FieldError
from provisioning.domain.move import loses_data
from provisioning.services.gate import Planned
from provisioning.services.losses import holds_data
from provisioning.services.requests import ChangeRequest


def loss_confirmed(request: ChangeRequest, planned: Planned) -> list[FieldError]:
    """Of a deletion, and of a move that leaves data behind: the typed name must be the environment's, and what is worth
    something needs a reason.

    Asked for at submit, not while planning.
    """
    if request.kind != "delete" and not loses_data(planned.plan):
        return []
    asked = []
    if request.confirm not in {planned.environment_name, f"{planned.system.slug}-{planned.environment_name}"}:
        what = "it and its data are deleted" if request.kind == "delete" else "its data stays behind and is deleted"
        told = f"Type “{planned.environment_name}” to confirm that {what}."
        asked.append(FieldError("confirm", told))
    production = planned.stage is not None and planned.stage.production
    if not request.reason.strip() and (production or (planned.plan and holds_data(planned.plan["usage_before"]))):
        why = "it is production" if production else "its data is lost"
        asked.append(FieldError("reason", f"Say why it should {'go' if request.kind == 'delete' else 'move'}: {why}."))
    return asked
