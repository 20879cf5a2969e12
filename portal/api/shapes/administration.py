"""Shapes of administration: stages, clusters, policies, quotas."""

from __future__ import annotations

from typing import Any

from portal.api.shapes.words import (
    anything,
    flag,
    link,
    listed,
    mapped,
    maybe,
    moment,
    number,
    page_of,
    record,
    ref,
    shape,
    slug,
    text,
    whole,
)
from provisioning.domain.drain import DRAIN_STATES, MOST_AT_ONCE
from provisioning.domain.drain import ITEM_STATES as DRAIN_ITEM_STATES
from provisioning.domain.isolation import ISOLATIONS

_VERSION = whole("Counts edits; the ETag is made from it.", least=1)
_DAYS = maybe(whole("Days; null for ever.", least=1, most=3650))
_TITLE = text("For people.", least=1, most=80)

_LABEL_MAP: dict[str, Any] = {
    "type": "object",
    "additionalProperties": text(most=63),
    "maxProperties": 20,
    "examples": [{"region": "eu"}],
}
_STAGE_FIELDS = {
    "title": _TITLE,
    "summary": text("One line.", most=200),
    "order": whole("Sorts the stages on every page; each has its own.", least=0, most=999),
    "cluster": slug("Where its environments live.", "local"),
    "cluster_labels": {
        **_LABEL_MAP,
        "description": "New environments go to the emptiest cluster with all of these labels; `{}` means to `cluster`.",
    },
    "isolation": text(
        "How far its new environments are kept from others: `shared` puts many into one namespace, `namespace` gives "
        "each its own, `dedicated` gives each system a cluster with `cluster_labels`. It stays when it is left out.",
        one_of=ISOLATIONS,
    ),
    "promotes_from": maybe(slug("The stage before it, or null.")),
    "production": flag("People depend on what runs there."),
    "default_days": _DAYS,
    "max_days": _DAYS,
    "idle_hours": maybe(
        whole("Environments that report activity fall asleep after so many hours without any.", least=1, most=720)
    ),
    "soak_minutes": whole(
        "How long a set must have run Ready in `promotes_from` before it may be promoted to here.",
        least=0,
        most=525_600,
    ),
    "drift_mode": text(
        "`report` leaves drift to the owners, `correct` puts it back at once.", one_of=("report", "correct")
    ),
}
STAGE = shape(
    "Stage",
    record({"name": text(), **_STAGE_FIELDS, "version": _VERSION, "created_at": moment(), "url": link()}),
)
STAGE_PAGE = page_of(STAGE)
_STAGE_OPTIONAL = {key: _STAGE_FIELDS[key] for key in _STAGE_FIELDS if key not in ("title", "order", "cluster")}
STAGE_EDIT = shape(
    "StageEdit",
    record(
        {"title": _TITLE, "order": _STAGE_FIELDS["order"], "cluster": _STAGE_FIELDS["cluster"]},
        _STAGE_OPTIONAL,
        about="The whole stage; what is left out takes its default.",
        closed=True,
        examples=({"title": "Staging", "order": 20, "cluster": "local", "promotes_from": "dev"},),
    ),
)
STAGE_CREATE = shape(
    "StageCreate",
    record(
        {
            "name": slug("Names the stage for ever.", "staging"),
            "title": _TITLE,
            "order": _STAGE_FIELDS["order"],
            "cluster": _STAGE_FIELDS["cluster"],
        },
        _STAGE_OPTIONAL,
        closed=True,
        examples=({"name": "preview", "title": "Preview", "order": 15, "cluster": "local", "default_days": 3},),
    ),
)

_PRICE = number("Per month.", least=0, most=999_999)
_PRICES = record(
    {},
    {"cpu": _PRICE, "memory_gib": _PRICE, "storage_gib": _PRICE},
    about="What one core, one GiB of memory and one GiB of storage cost a month.",
    closed=True,
)
_ROOM = maybe(number("Null where it is not known.", least=0, most=999_999_999))
_CAPACITY = record(
    {},
    {"cpu": _ROOM, "memory_gib": _ROOM, "storage_gib": _ROOM},
    about="What environments may take together: cores, GiB of memory, GiB of storage.",
    closed=True,
)
_CLUSTER_LABELS = {**_LABEL_MAP, "description": "Stages choose clusters by them."}
_KUBECONFIG = {
    **text("The kubeconfig. Stored encrypted; no answer ever holds it.", least=1, most=200_000),
    "writeOnly": True,
}
CLUSTER = shape(
    "Cluster",
    record(
        {
            "name": text(),
            "title": text(),
            "driver": text(one_of=("sandbox", "kubernetes")),
            "server": text("Address of its API; empty for a sandbox."),
            "kubernetes_version": text(),
            "has_credentials": flag("A kubeconfig is stored."),
            "prices": record({"cpu": number(), "memory_gib": number(), "storage_gib": number()}),
            "currency": text(example="EUR"),
            "labels": _CLUSTER_LABELS,
            "capacity": record({"cpu": maybe(number()), "memory_gib": maybe(number()), "storage_gib": maybe(number())}),
            "used": record(
                {"cpu": number(), "memory_gib": number(), "storage_gib": number()},
                about="What its environments take, as they are wanted now.",
            ),
            "environments": whole("That live there.", least=0),
            "health": text("What is known of it now.", one_of=("answers", "silent", "unwatched")),
            "unreachable_since": maybe(moment()),
            "unreachable_why": text(),
            "cordoned_at": maybe(moment("Since when it takes no new environment.")),
            "cordon_reason": text(),
            "reached_at": maybe(moment("When it last answered.")),
            "version": _VERSION,
            "created_at": moment(),
            "url": link(),
        }
    ),
)
CLUSTER_PAGE = page_of(CLUSTER)
CLUSTER_CREATE = shape(
    "ClusterCreate",
    record(
        {
            "name": slug("Names the cluster for ever.", "local"),
            "title": _TITLE,
            "driver": text(one_of=("sandbox", "kubernetes")),
        },
        {"kubeconfig": _KUBECONFIG, "prices": _PRICES, "labels": _CLUSTER_LABELS, "capacity": _CAPACITY},
        closed=True,
        examples=({"name": "trial", "title": "Trial sandbox", "driver": "sandbox", "prices": {"cpu": 20}},),
    ),
)
CLUSTER_EDIT = shape(
    "ClusterEdit",
    record(
        {},
        {
            "title": _TITLE,
            "kubeconfig": _KUBECONFIG,
            "prices": _PRICES,
            "labels": _CLUSTER_LABELS,
            "capacity": _CAPACITY,
        },
        closed=True,
        examples=({"title": "Trial", "labels": {"region": "eu"}, "capacity": {"cpu": 64}},),
    ),
)
CLUSTER_CORDON = shape(
    "ClusterCordon",
    record({}, {"reason": text("Why it takes nothing new.", most=200)}, closed=True, examples=({"reason": "Old."},)),
)
CLUSTER_REMOVE = shape(
    "ClusterRemove",
    record({"confirm": text("The cluster's name.", most=30)}, closed=True, examples=({"confirm": "local"},)),
)
DRAIN = shape(
    "Drain",
    record(
        {
            "state": text(one_of=DRAIN_STATES),
            "state_reason": text("Why it paused."),
            "reason": text(),
            "at_once": whole("How many move side by side.", least=1),
            "counts": mapped(whole(), "waiting, moving, moved, held, failed"),
            "items": listed(
                record(
                    {
                        "system": text(),
                        "environment": text(),
                        "state": text(one_of=DRAIN_ITEM_STATES),
                        "wave": whole("0 before its turn.", least=0),
                        "cluster": text("Where it is now."),
                        "change": maybe(whole("That moves it.")),
                        "told": text("Why it is held, or what went wrong."),
                    }
                ),
                "Environments that you may see, 500 at most; those that need people first.",
            ),
            "started_at": moment(),
            "finished_at": maybe(moment()),
            "cluster": text(),
            "version": whole("For If-Match; steering it makes it higher.", least=1),
        },
        about="Emptying a cordoned cluster in waves.",
    ),
)
DRAIN_START = shape(
    "DrainStart",
    record(
        {"at_once": whole("How many move side by side.", least=1, most=MOST_AT_ONCE)},
        {"reason": text("Why.", most=200)},
        closed=True,
        examples=({"at_once": 3, "reason": "The cluster goes"},),
    ),
)
DRAIN_ACT = shape(
    "DrainAct",
    record({"act": text("What to do.", one_of=("pause", "resume", "end"))}, closed=True, examples=({"act": "pause"},)),
)
CLUSTER_CHECK = shape(
    "ClusterCheck",
    record({"version": text("Of Kubernetes."), "api_groups": listed(text())}, about="The cluster was reached."),
)

POLICY_DOCUMENT = shape(
    "PolicyDocument",
    record(
        {
            "apiVersion": text(one_of=("slipway.dev/v1",)),
            "kind": text(one_of=("Policy",)),
            "metadata": record({"name": slug("Names the policy for ever.", "prod-needs-two")}),
            "spec": anything("title, mode, when, effect …; its full schema is at /api/v1/schemas/policy.json."),
        },
        about="A policy as it is written, in JSON or YAML.",
        closed=True,
        examples=(
            {
                "apiVersion": "slipway.dev/v1",
                "kind": "Policy",
                "metadata": {"name": "no-friday-prod"},
                "spec": {
                    "title": "Think before a production change on Friday",
                    "mode": "observe",
                    "when": 'environment.stage == "prod"',
                    "effect": "warn",
                    "message": "It is Friday.",
                    "remedy": "Wait for Monday.",
                },
            },
        ),
    ),
)
POLICY = shape(
    "Policy",
    record(
        {
            "name": text(),
            "title": text(),
            "mode": text(one_of=("enforce", "observe")),
            "effect": text(one_of=("deny", "warn", "require-approval")),
            "active": flag("False once it is retired."),
            "version": _VERSION,
            "updated_at": moment(),
            "updated_by": maybe(text()),
            "document": anything("The whole document."),
            "url": link(),
        }
    ),
)
POLICY_PAGE = page_of(POLICY)

DIMENSIONS = {
    "cpu": number("Cores.", least=0, most=9_999_999_999),
    "memory_gib": number("Memory in GiB.", least=0, most=9_999_999_999),
    "storage_gib": number("Storage in GiB.", least=0, most=9_999_999_999),
    "environments": whole("Environments.", least=0, most=2_147_483_647),
}
CEILINGS = anything(
    "Further limits: monthly_cost, stages (limits by stage), capabilities (a number of resources by capability)."
)
QUOTA = shape(
    "Quota",
    record(
        {
            "team": text(),
            "limit": ref("Usage"),
            "used": ref("Usage"),
            "held": ref("Usage"),
            "left": ref("Usage"),
            "owed": {**ref("Usage"), "description": "Borrowed, over its time and still in use."},
            "ceilings": CEILINGS,
            "version": _VERSION,
            "updated_at": moment(),
            "url": link(),
        },
        about="What a team may have; what its environments use; what open changes hold on top.",
    ),
)
QUOTA_PAGE = page_of(QUOTA)
QUOTA_EDIT = shape(
    "QuotaEdit",
    record(
        DIMENSIONS,
        {"ceilings": {**CEILINGS, "description": "Further limits; what is left out stays as it is."}},
        closed=True,
        examples=({"cpu": 16, "memory_gib": 32, "storage_gib": 200, "environments": 10},),
    ),
)
