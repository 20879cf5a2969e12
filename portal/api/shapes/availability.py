"""Shapes of what clusters have and of where contracts can be had, and of who holds which host."""

from __future__ import annotations

from portal.api.shapes.words import flag, link, listed, maybe, moment, page_of, record, ref, shape, slug, text

AVAILABILITY = shape(
    "Availability",
    record(
        {
            "stage": text("For new environments there."),
            "cluster": text(),
            "available": flag("The stage's cluster has all that the version requires."),
            "reason": text("Why it cannot be had there; empty when it can."),
            "remedy": text("What to do about it; empty when it can be had."),
            "leads_to": maybe(text("The version that the capability's name alone leads to there.")),
            "seen_at": maybe(moment("When somebody looked at the cluster last.")),
        }
    ),
)
CONTRACT_AVAILABILITY = shape(
    "ContractAvailability",
    record(
        {
            "capability": text(),
            "version": text(),
            "requires": record(
                {
                    "apis": listed(text(example="postgresql.cnpg.io/v1/Cluster")),
                    "features": listed(text()),
                    "kubernetes": text("The oldest version that will do, or empty."),
                }
            ),
            "stages": listed(ref(AVAILABILITY), "One for each stage, in order."),
        }
    ),
)
CLUSTER_OFFER = shape(
    "ClusterOffer",
    record(
        {
            "cluster": text(),
            "known": flag("Somebody has looked. Until then nothing that a contract requires counts as there."),
            "apis": listed(
                text(example="postgresql.cnpg.io/v1/Cluster"), "Kinds that a plain Kubernetes does not have."
            ),
            "features": listed(text(), "Told from what it serves, and declared."),
            "declared": listed(text(), "Features that an admin says it has."),
            "seen_at": maybe(moment("When it was looked at last.")),
            "problem": text("Why the last look failed, or empty."),
            "tried_at": maybe(moment("When that was tried.")),
        }
    ),
)
FEATURES_DECLARED = shape(
    "FeaturesDeclared",
    record(
        {"features": listed(text(most=40), "All that looking cannot tell; replaces what was said before.")},
        closed=True,
        examples=({"features": ["backups"]},),
    ),
)
HOST = shape(
    "Host",
    record(
        {
            "host": text("A name, or *.example.com for every name below it.", example="shop.example.com"),
            "team": text("Slug of the team that it belongs to."),
            "system": maybe(text("Given: the only system that may use it. Taken: the one that asked first.")),
            "origin": text("Given by an admin, or taken by the first that asked.", one_of=("given", "taken")),
            "note": text(),
            "made_by": maybe(text()),
            "made_at": moment(),
            "url": link(),
        }
    ),
)
HOST_PAGE = page_of(HOST)
HOST_GIVE = shape(
    "HostGive",
    record(
        {"host": text("A name, or *.example.com.", most=253), "team": slug("Who it belongs to.", "payments")},
        {
            "system": maybe(slug("Only this system of the team may use it.", "checkout")),
            "note": text("What it is for.", most=200),
        },
        closed=True,
        examples=({"host": "*.pay.example.com", "team": "payments", "note": "Ticket 4711"},),
    ),
)
