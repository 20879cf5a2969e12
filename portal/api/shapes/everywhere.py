"""Shapes that every area shares: a problem, an amount, the index."""

from __future__ import annotations

from portal.api.shapes.words import listed, mapped, number, record, ref, shape, text, whole

FIELD_ERROR = shape(
    "FieldError",
    record(
        {
            "path": text("Where: dotted from the root of the body.", example="spec.resources.api.inputs.replicas"),
            "message": text("What is right there.", example="Use a whole number of at least 1."),
        },
        {"line": whole("Line in the text that was sent, from 1.", least=1)},
        about="One thing wrong at one place.",
    ),
)
PROBLEM = shape(
    "Problem",
    record(
        {
            "type": text("A page that says what this code means.", form="uri"),
            "title": text("The same for every problem with this status.", example="Not valid"),
            "status": whole("The HTTP status.", least=400, most=599, example=422),
            "code": text("Stable; programs may match it.", example="invalid"),
            "detail": text("What happened, in a sentence."),
            "request_id": text("Quote it when you ask for help; it stands in the logs."),
        },
        {
            "remedy": text("What to do next."),
            "errors": listed(ref(FIELD_ERROR), "Each thing that is wrong, with its place."),
            "change": text("The stored change, when a change was denied.", form="uri"),
        },
        about="Every error, as in RFC 9457.",
    ),
)
USAGE = shape(
    "Usage",
    record(
        {
            "cpu": number("Cores."),
            "memory_gib": number("Memory in GiB."),
            "storage_gib": number("Storage in GiB."),
        },
        {"environments": whole("Environments.")},
        about="An amount of what a quota limits.",
    ),
)
INDEX = shape("Index", record({"links": mapped(text(form="uri-reference"), "Area → its address.")}))
