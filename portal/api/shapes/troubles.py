"""Shapes of what is wrong with an environment, of what hangs, and of what belongs to none."""

from __future__ import annotations

from portal.api.shapes.words import flag, listed, maybe, moment, page_of, record, ref, shape, text, whole
from provisioning.models.orphan import ORPHAN_REASONS

EXPLANATION = shape(
    "Explanation",
    record(
        {
            "code": text("Stable.", example="image-not-found"),
            "sentence": text("What happened."),
            "meaning": text("What that is."),
            "advice": listed(text(), "What to try, in order."),
            "pod": text(),
            "container": text(),
            "has_log": flag("The container's last output may say more."),
        }
    ),
)
TROUBLE = shape(
    "Trouble", record({"resource": text(), "object": text(example="Deployment api"), "explanation": ref("Explanation")})
)
HOLDER = shape(
    "FinalizerHolder",
    record(
        {
            "finalizer": text(),
            "controller": text("Who must take it away."),
            "sentence": text("What that one waits for."),
        }
    ),
)
LEAVING = shape(
    "LeavingObject",
    record(
        {
            "resource": text("Empty for the namespace."),
            "api_version": text(),
            "kind": text(),
            "name": text(),
            "since": maybe(moment("When its deletion was asked for, on the cluster's clock.")),
            "releasable": flag("An admin may release it after the operator's wait."),
            "holders": listed(ref("FinalizerHolder")),
        }
    ),
)
HEALTH = shape(
    "EnvironmentHealth",
    record(
        {
            "answered": flag("False: the cluster could not be asked; unanswered says why."),
            "unanswered": text(),
            "unreachable_since": maybe(moment("Since when the cluster has not answered.")),
            "troubles": listed(ref("Trouble")),
            "leaving": listed(ref("LeavingObject"), "What is being deleted and still there, with what holds it."),
            "namespace": maybe(ref("Explanation")),
        }
    ),
)
LOG = shape(
    "ResourceLog",
    record(
        {
            "resource": text(),
            "pod": text(),
            "container": text(),
            "text": text("Its last lines; what looks like a secret is taken out."),
            "hidden": whole("How many places were taken out."),
            "cut": flag("There was more than is shown."),
        }
    ),
)
RELEASE = shape(
    "Release",
    record(
        {
            "api_version": text(most=80, example="v1"),
            "kind": text(most=80, example="PersistentVolumeClaim"),
            "name": text(most=253),
            "reason": text(most=400),
        },
        closed=True,
        examples=(
            {
                "api_version": "v1",
                "kind": "PersistentVolumeClaim",
                "name": "uploads",
                "reason": "Its storage was removed by hand; nothing is left to clean up.",
            },
        ),
    ),
)
RELEASED = shape(
    "Released",
    record({"gone": flag(), "finalizers": listed(text(), "What still holds it, if it is not gone yet.")}),
)
LET_GO = shape(
    "LetGo",
    record(
        {"confirm": text("The environment's name.", most=63), "reason": text(most=400)},
        closed=True,
        examples=({"confirm": "try", "reason": "The hall burnt down; that cluster does not come back."},),
    ),
)
LET_GO_OF = shape(
    "LetGoOf",
    record(
        {
            "cluster": text("What was let go of."),
            "left": whole("How many objects are listed as orphans now."),
            "resumed": maybe(whole("The change whose run goes on because of it.")),
        }
    ),
)
ORPHAN = shape(
    "Orphan",
    record(
        {
            "id": whole(),
            "cluster": text(),
            "api_version": text(),
            "kind": text(),
            "namespace": text(),
            "name": text(),
            "system": text("As its label says."),
            "environment": text("As its label says."),
            "reason": text(one_of=ORPHAN_REASONS),
            "first_seen_at": moment(),
        }
    ),
)
ORPHAN_PAGE = page_of(ORPHAN)
ORPHAN_DELETE = shape(
    "OrphanDelete",
    record({"confirm": text("The orphan's name.", most=253)}, examples=({"confirm": "uploads"},)),
)
