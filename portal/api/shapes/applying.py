"""Shapes of applying documents and exporting them."""

from __future__ import annotations

from portal.api.shapes.words import flag, link, listed, maybe, record, ref, shape, text, whole
from provisioning.domain.bundle import KINDS, MOST_FILES

MOST_KEPT = 20_000
OUTCOMES = ("created", "changed", "unchanged", "waiting", "refused", "deleted")

APPLY = shape(
    "Apply",
    record(
        {
            "files": listed(
                record(
                    {
                        "path": text("As it is told in the answer.", least=1, most=500, example="shop/staging.yaml"),
                        "text": text("YAML, one or more documents; all files together have at most 4 MB."),
                    },
                    closed=True,
                ),
                least=1,
                most=MOST_FILES,
            ),
        },
        {
            "keep": listed(
                record({"kind": text(one_of=KINDS), "name": text(most=200, example="checkout/staging")}, closed=True),
                "Documents of the same set that other calls send; `prune` does not take them away.",
                most=MOST_KEPT,
            ),
        },
        about=f"Documents of the kinds {', '.join(KINDS)}. As application/yaml the documents themselves may be sent.",
        closed=True,
        examples=(
            {
                "files": [
                    {
                        "path": "checkout/staging.yaml",
                        "text": "apiVersion: slipway.dev/v1\nkind: Environment\n"
                        "metadata: {system: checkout, name: staging}\nspec: {stage: dev, resources: {}}\n",
                    }
                ]
            },
        ),
    ),
)
APPLIED = shape(
    "Applied",
    record(
        {
            "dry_run": flag("Nothing was written."),
            "applied": flag("All was accepted by the try and carried out, each as its outcome says."),
            "results": listed(
                record(
                    {
                        "file": text("Empty for what was pruned."),
                        "line": maybe(whole("Where the document begins.")),
                        "kind": text(),
                        "name": text(example="checkout/staging"),
                        "outcome": text(one_of=OUTCOMES),
                        "message": text(),
                        "remedy": text(),
                        "errors": listed(ref("FieldError")),
                        "change": maybe(whole("Id of the change that does it, or that was denied.")),
                        "url": maybe(link("The change.")),
                    }
                ),
                "In the order in which they are applied; what was pruned comes last.",
            ),
            "prune": maybe(
                record(
                    {
                        "items": listed(
                            record(
                                {
                                    "kind": text(),
                                    "name": text(),
                                    "message": text("What is lost with it."),
                                    "outcome": text(one_of=("deleted", "waiting")),
                                }
                            )
                        ),
                        "staying": listed(
                            record({"kind": text(), "name": text(), "message": text("Why it may not go.")}),
                            "What left the files and would not be taken away.",
                        ),
                        "confirm": text("Send it back as `confirm`; it stands for this very list."),
                    },
                    about="What the owner has beyond these documents; null unless `prune` was asked for.",
                )
            ),
        }
    ),
)
EXPORT = shape(
    "Export",
    record(
        {"files": listed(record({"path": text(), "text": text("YAML.")}), "As the body of an apply takes them.")},
    ),
)
