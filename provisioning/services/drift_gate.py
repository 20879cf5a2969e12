"""What the gate asks about drift: which of it a revert puts back, and what it keeps from happening.

Called by ``gate`` only; reads, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from idp.kernel.errors import FieldError
from provisioning.models import Drift, Environment
from provisioning.selectors.drift import THERE, drift_list, label_of, unanswered
from provisioning.services.drift_rows import drift_url

FEW = 3


def drift_chosen(environment: Environment, objects: Collection[str] | None) -> tuple[list[Drift], list[FieldError]]:
    """The drift that ``objects`` name, snoozed as well; all that is open when None. With what there is none of."""
    there = list(drift_list(environment).filter(state__in=THERE).order_by("pk"))
    if objects is None:
        chosen = [row for row in there if row.state == "open"]
        return chosen, [] if chosen else [
            FieldError("objects", "Nothing of it has drifted; there is nothing to revert.")
        ]
    known = {label_of(row): row for row in there}
    listed = ", ".join(known) or "nothing"
    unknown = [one for one in objects if one not in known]
    problems = [FieldError("objects", f"“{one}” has not drifted; {listed} has.") for one in unknown]
    if not objects:
        problems.append(FieldError("objects", f"Name at least one object; {listed} has drifted."))
    return [known[one] for one in dict.fromkeys(objects) if one in known], problems


def drift_blocks(kind: str, environment: Environment | None) -> list[FieldError]:
    """Why nothing is promoted into a production environment on whose drift nobody has decided."""
    if kind != "promote" or environment is None or not environment.stage.production or not environment.drifted:
        return []
    rows = unanswered(environment)
    if not rows:
        return []
    named = ", ".join(label_of(row) for row in rows[:FEW]) + (f" and {len(rows) - FEW} more" if len(rows) > FEW else "")
    page = drift_url(environment.system.slug, environment.name)
    return [
        FieldError(
            "environment.drift",
            f"{named} was changed outside, and nobody has decided what becomes of that. "
            f"Adopt, revert or snooze it first, on {page}.",
        )
    ]


def drift_notes(kind: str, environment: Environment | None) -> list[str]:
    """What whoever decides on another change should know of drift in its environment."""
    if environment is None or not environment.drifted or kind in ("adopt", "revert", "move", "delete"):
        return []
    one = environment.drifted == 1
    return [
        f"{environment.drifted} object{'' if one else 's'} of it {'was' if one else 'were'} changed outside. "
        f"The run stops where it meets such a field; decide on the drift first."
    ]
