"""Shapes of Score: files that are sent, what they come to, and the rules by which they are mapped."""

from __future__ import annotations

from portal.api.shapes.changes import PLANNED
from portal.api.shapes.words import (
    anything,
    flag,
    listed,
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
from provisioning.domain.score.check import MAX_BYTES
from provisioning.domain.score.rules import DOES, MOST_RULES, WHATS

_PLACE = record({"path": text(), "message": text()}, {"line": whole("Of the text that was sent.")})

SCORE_REQUEST = shape(
    "ScoreRequest",
    record(
        {
            "score": text(
                "One workload or several, separated by ---, as YAML: score.dev/v1b1.", least=1, most=MAX_BYTES
            ),
            "system": slug("The system.", "checkout"),
            "environment": slug("The environment; one that is not there yet is made.", "staging"),
        },
        {
            "stage": slug("Stage of an environment that is not there yet.", "dev"),
            "expires": text("A span such as 14d; the stage decides where it is left out.", most=20, example="14d"),
            "image": text("What to run where a file says “.” for its image.", most=300),
            "images": {
                "type": "object",
                "description": "The same by container or workload.",
                "additionalProperties": text(most=300),
                "maxProperties": 50,
            },
            "reason": text("Why; the people who decide read it.", most=4000),
        },
        closed=True,
        about="Score files for one environment. What the files do not name, and no Score file made, stays as it is.",
        examples=(
            {
                "score": "apiVersion: score.dev/v1b1\nmetadata: {name: shop-api}\n"
                "containers: {main: {image: registry.example/shop-api:1.8.3}}\n"
                "service: {ports: {www: {port: 8080}}}\n",
                "system": "checkout",
                "environment": "try-score",
                "stage": "dev",
            },
        ),
    ),
)

SCORE_PLAN = shape(
    "ScorePlan",
    record(
        {
            "mapped": listed(
                record(
                    {
                        "workload": text(),
                        "path": text("Where it stands in the file."),
                        "asked": text("What the file asks for."),
                        "resource": text("Its name in the environment; empty where nothing is made."),
                        "made_by": text("The capability, or shared, found, values only."),
                    }
                )
            ),
            "problems": listed(_PLACE, "With any of them nothing can be asked for."),
            "notes": listed(text(), "What else is good to know."),
            "removed": listed(text(), "Resources that earlier files made and these do not name any more."),
            "spec": maybe(anything("The spec of the environment's document; null with what cannot be mapped.")),
            "planned": maybe(ref(PLANNED)),
        }
    ),
)

_VALUE = text("Text with ${…}, such as ${params.storage}.", least=1, most=400)
_RULE = record(
    {"what": text(one_of=tuple(WHATS))},
    {
        "type": text("Of the resource, such as postgres.", most=63),
        "class": text("Fits this class only; every class where it is left out.", most=63),
        "does": text(one_of=tuple(DOES)),
        "capability": text(most=40),
        "version": text("Such as 1 or 1.2.0; the newest that can be had where it is left out.", most=30),
        "find": text("Which resource of the environment to find.", most=400),
        "inputs": listed(record({"input": text(most=200), "value": _VALUE}, {"otherwise": text(most=400)}), most=40),
        "outputs": listed(record({"output": text(most=63), "value": _VALUE}, {"otherwise": text(most=400)}), most=40),
        "sizes": listed(record({"size": text(most=60), "cpu": number(), "memory_gib": number()}), most=20),
    },
)
RULES_REQUEST = shape(
    "ScoreRulesRequest",
    record(
        {"rules": listed(_RULE, "The first one that fits is used.", most=MOST_RULES)},
        {"note": text("What was changed, for those who read the versions.", most=200)},
        closed=True,
        examples=(
            {
                "rules": [
                    {
                        "what": "resource",
                        "type": "redis",
                        "capability": "cache",
                        "version": "1",
                        "outputs": [{"output": "host", "value": "${outputs.host}"}],
                    }
                ],
                "note": "Redis only",
            },
        ),
    ),
)
RULES = shape(
    "ScoreRules",
    record(
        {
            "version": whole("0: those that ship."),
            "rules": listed(_RULE),
            "saved_by": maybe(text()),
            "saved_at": maybe(moment()),
            "note": text(),
        }
    ),
)
RULES_VERSION = shape(
    "ScoreRulesVersion", record({"version": whole(), "note": text(), "saved_by": text(), "saved_at": moment()})
)
RULES_VERSION_PAGE = page_of(RULES_VERSION)
RULES_PREVIEW = shape(
    "ScoreRulesPreview",
    record(
        {
            "changes": flag("Whether saving would change anything."),
            "affected": listed(
                record(
                    {
                        "system": text(),
                        "environment": text(),
                        "workload": text(),
                        "changed": listed(text(), "Resources that would be asked for otherwise."),
                        "problem": text("Why its file could not be sent again; empty when it could."),
                    }
                )
            ),
        }
    ),
)
RESTORE_REQUEST = shape(
    "ScoreRulesRestore",
    record({"version": whole("0: those that ship.", least=0, most=2**31 - 1)}, closed=True, examples=({"version": 0},)),
)
