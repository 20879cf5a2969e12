"""Shapes of links: the templates of a stage, and the links of an environment."""

from __future__ import annotations

from portal.api.shapes.words import listed, maybe, moment, record, ref, shape, text, whole
from provisioning.domain.links import KINDS, LONGEST_NAME, LONGEST_URL

_EXAMPLE = "https://grafana.example/d/workload?var-namespace=${environment.namespace}&var-workload=${resource.name}"

STAGE_LINK = shape(
    "StageLink",
    record(
        {
            "id": whole(),
            "name": text(example="Workload dashboard"),
            "kind": text(one_of=tuple(KINDS)),
            "url": text("With ${…} for what differs between environments.", example=_EXAMPLE),
            "changed_by": maybe(text("User name.")),
            "changed_at": moment(),
        }
    ),
)
STAGE_LINK_LIST = shape("StageLinkList", record({"items": listed(ref(STAGE_LINK), "By name.")}))
NEW_STAGE_LINK = shape(
    "NewStageLink",
    record(
        {
            "name": text("What people read.", least=1, most=LONGEST_NAME),
            "kind": text(one_of=tuple(KINDS)),
            "url": text(
                "Begins with https. May read system.name, environment.name, environment.namespace, stage.name, "
                "team.slug and cluster.name; one that reads resource.name, resource.capability or component becomes a "
                "link of each workload.",
                least=1,
                most=LONGEST_URL,
            ),
        },
        closed=True,
        examples=({"name": "Workload dashboard", "kind": "dashboard", "url": _EXAMPLE},),
    ),
)
LINK = shape(
    "Link",
    record(
        {
            "name": text(),
            "kind": text(one_of=tuple(KINDS)),
            "url": text(form="uri"),
            "resource": maybe(text("The workload, or null for the whole environment.")),
        }
    ),
)
LINK_LIST = shape("LinkList", record({"items": listed(ref(LINK))}))
