"""Shapes of deploying."""

from __future__ import annotations

from portal.api.shapes.words import record, shape, text

DEPLOY = shape(
    "Deploy",
    record(
        {
            "images": {
                "type": "object",
                "description": "The image of each component that should run there.",
                "additionalProperties": text(least=1, most=300),
                "minProperties": 1,
                "maxProperties": 50,
            }
        },
        {"reason": text("Why; the people who decide read it.", most=4000)},
        closed=True,
        examples=({"images": {"checkout-api": "registry.example/checkout-api:1.8.3"}},),
    ),
)
