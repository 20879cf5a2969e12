"""What happened at the demo's company in the last thirty days, in order. Called by ``provisioning.demo``'s command.

Each part is one stretch of time. The last two things that are told are what a visitor should look at first: a run
that failed, and a change that waits for a decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from idp.catalog.models import Team
from idp.kernel.wake import nobody_woken
from provisioning.demo.founding import found
from provisioning.demo.specs import foreign, image, postgres, route, service, spec
from provisioning.demo.telling import Storyteller, StoryClock

FOUNDED = timedelta(days=40)


def demo_needed() -> bool:
    """Whether there is nothing yet that the demo could stand in the way of."""
    return not Team.objects.exists()


def demo_make(*, password_hash: str, now: datetime) -> None:
    """Found the organisation and let its last thirty days happen; all of it or nothing. Takes some seconds."""
    clock = StoryClock(now.replace(microsecond=0))
    with nobody_woken(), _ready_at_once(), transaction.atomic():
        clock.begin(now - FOUNDED)
        story = Storyteller(found(clock, password_hash=password_hash), clock)
        for part in (_platform, _payments, _storefront, _data, _busy_week, _last_week, _yesterday, _today):
            part(story, clock)


@contextmanager
def _ready_at_once() -> Iterator[None]:
    """The sandbox measures readiness in real seconds, of which a story in the past has none to spare."""
    usual = settings.SANDBOX_READY_SECONDS
    settings.SANDBOX_READY_SECONDS = 0
    try:
        yield
    finally:
        settings.SANDBOX_READY_SECONDS = usual


def _platform(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(21, "09:14")
    identity = spec(
        "prod",
        api=service("identity-api", "4.7.1", database=True, size="medium", replicas=3),
        admin=service("identity-admin", "1.22.0", env={"IDENTITY_URL": "${resources.api.outputs.url}"}),
        db=postgres(40, "medium", database="identity"),
        login=route("login.example", "api"),
    )
    story.create(
        "platform-dev", "identity/prod", identity,
        "Move sign-in over from the hand-made VMs. Dry-run of the data copy was clean on Thursday.",
        decided=("platform-maintainer", 41, "Copy checked with Piet, 212,408 accounts on both sides. Go."),
    )  # fmt: skip


def _payments(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(20, "10:02")
    checkout_dev = spec(
        "dev",
        expires=clock.from_now(days=19),
        api=service("checkout-api", "2.28.0", database=True, replicas=1, env={"LOG_LEVEL": "debug"}),
        db=postgres(5, database="checkout"),
    )
    story.create("developer", "checkout/dev", checkout_dev, "Shared place to try provider callbacks end to end.")
    clock.workday(20, "13:37")
    checkout_staging = spec(
        "staging",
        api=service("checkout-api", "2.28.0", database=True, replicas=2),
        web=service("checkout-web", "5.3.2", replicas=1, env={"API_URL": "${resources.api.outputs.url}"}),
        db=postgres(10, database="checkout"),
        entry=route("checkout.staging.example", "web"),
    )
    story.create("developer", "checkout/staging", checkout_staging, "Staging on Slipway before we move production.")
    clock.workday(19, "09:48")
    checkout_prod = spec(
        "prod",
        api=service("checkout-api", "2.28.1", database=True, size="medium", replicas=3),
        web=service("checkout-web", "5.3.2", replicas=2, env={"API_URL": "${resources.api.outputs.url}"}),
        db=postgres(50, "medium", database="checkout"),
        entry=route("checkout.example", "web"),
    )
    story.create(
        "developer", "checkout/prod", checkout_prod,
        "Move production over. Sizes are last month's peak plus a third; staging ran since yesterday without errors.",
        decided=("maintainer", 67, "Sizes match the Black Friday numbers. Moving at lunch, Sunniva watches the ledger."),
    )  # fmt: skip
    clock.workday(18, "11:20")
    ledger_prod = spec(
        "prod",
        api=service("ledger-api", "3.9.4", database=True, size="large", replicas=2),
        db=postgres(200, "large", database="ledger"),
    )
    story.create(
        "maintainer", "ledger/prod", ledger_prod,
        "Production books. 200 GiB lasts until next autumn at the present growth of 9 GiB a month.",
        decided=("second-maintainer", 138, "Restored last night's backup into it and the trial balance matches."),
    )  # fmt: skip


def _storefront(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(17, "09:31")
    story.create(
        "storefront-dev", "search/staging",
        spec(
            "staging",
            api=service("search-api", "1.14.0", replicas=2, env={"ENGINE_URL": "${resources.engine.outputs.url}"}),
            engine=foreign("docker.io/getmeili/meilisearch:v1.12.3", size="large", replicas=1, port=7700,
                           health={"path": "/health"}),
        ),
        "Compare Meilisearch with what we have, on real catalogue data.",
    )  # fmt: skip
    clock.workday(16, "10:11")
    shop = spec(
        "prod",
        web=service("shop-web", "9.1.0", size="medium", autoscale={"min": 3, "max": 8, "cpuPercent": 65}, port=3000,
                    env={"API_URL": "${resources.api.outputs.url}"}, health={"path": "/healthz", "startupSeconds": 90}),
        api=service("shop-api", "6.4.2", database=True, size="medium", replicas=3),
        db=postgres(60, "medium", database="shop"),
        site=route("shop.example", "web"),
    )  # fmt: skip
    story.create(
        "storefront-dev", "shop/prod", shop,
        "The shop itself, last of ours to move. Three replicas at rest, eight on a sale day.",
        decided=("search-maintainer", 55, "Looked through it with Sam. DNS is on a 60 s TTL in case we go back."),
    )  # fmt: skip
    clock.workday(15, "14:05")
    story.create(
        "storefront-dev", "search/typo-tolerance",
        spec("dev", expires=clock.from_now(days=30),
             api=service("search-api", "1.15.0-rc.2", replicas=1, env={"TYPO_MAX": "2"}), db=postgres(5)),
        "Does a tolerance of two letters bring more good hits than noise?",
    )  # fmt: skip


def _data(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(14, "08:55")
    events = spec(
        "prod",
        gateway=service("event-gateway", "0.31.5", size="medium", autoscale={"min": 2, "max": 6},
                        env={"REGISTRY_URL": "${resources.registry.outputs.url}"}),
        registry=service("schema-registry", "2.2.0", database=True, replicas=2),
        db=postgres(80, "medium", database="registry"),
        intake=route("events.example", "gateway", path="/v1"),
    )  # fmt: skip
    story.create(
        "data-dev", "events/prod", events,
        "Gateway and registry in one environment, so that a schema and what it lets through move together.",
        decided=("data-maintainer", 26, "Load test in staging held 4,200 events/s. Fine."),
    )  # fmt: skip
    clock.workday(13, "15:22")
    story.create(
        "data-dev", "recommendations/staging",
        spec("staging", api=service("reco-api", "0.18.0", database=True, size="large", replicas=1),
             db=postgres(30, database="reco")),
        "Serve the new two-tower model to the test shop only.",
    )  # fmt: skip
    clock.workday(12, "09:17")
    reco = story.create(
        "data-dev", "recommendations/prod",
        spec("prod", api=service("reco-api", "0.17.3", database=True, size="large", replicas=1),
             db=postgres(60, "medium", database="reco")),
        "Recommendations in production, present model.",
        decided=("data-maintainer", 95, "One replica is fine for now, the shop falls back to best-sellers."),
    )  # fmt: skip
    story.comment("data-dev", reco, "Second replica comes once the model fits into 1 GiB.")


def _busy_week(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(11, "09:40")
    story.create(
        "developer", "invoicing/prod",
        spec(
            "prod",
            api=service("invoice-api", "1.40.2", database=True, size="medium", replicas=2),
            renderer=service("invoice-renderer", "0.13.8", size="medium", replicas=2),
            db=postgres(50, "medium", database="invoices"),
        ),
        "Invoicing moves over; numbers go on at 2026-118 204, checked with accounting.",
        decided=("second-maintainer", 22, "Number sequence checked. The renderer's fonts are in the image now, good."),
    )  # fmt: skip
    clock.workday(11, "13:15")
    story.create(
        "developer", "invoicing/staging",
        spec(
            "staging",
            api=service("invoice-api", "1.41.0", database=True, replicas=1),
            renderer=service("invoice-renderer", "0.13.8", replicas=1),
            db=postgres(10, database="invoices"),
        ),
        "Staging for credit notes.",
    )  # fmt: skip
    clock.workday(10, "10:26")
    story.update("developer", "checkout/staging", "Cart keeps its discount after a failed payment (CHK-1182).",
                 api={"image": image("checkout-api", "2.29.0")})  # fmt: skip
    clock.workday(10, "14:48")
    story.update(
        "developer", "checkout/prod", "CHK-1182 to production: 0.4 % of carts lost their discount.",
        decided=("maintainer", 18, "Seen in staging, and the metric for lost discounts is on the dashboard."),
        api={"image": image("checkout-api", "2.29.0")},
    )  # fmt: skip
    clock.workday(9, "09:05")
    story.create(
        "maintainer", "ledger/staging",
        spec("staging", api=service("ledger-api", "3.10.0", database=True, replicas=2),
             db=postgres(20, database="ledger")),
        "For the auditors' test bookings. No production data in here, ever.",
    )  # fmt: skip
    clock.workday(9, "11:33")
    story.denied(
        "developer", "create", "checkout/load-test",
        spec("dev", api=service("checkout-api", "2.29.0", database=True, size="large", replicas=6),
             db=postgres(100, "large", database="checkout")),
        "Load test at three times the peak before the season, for one evening.",
    )  # fmt: skip
    clock.workday(8, "10:50")
    story.update("storefront-dev", "search/staging", "Ranking prefers what is in stock (SRC-77).",
                 api={"image": image("search-api", "1.15.0")})  # fmt: skip
    story.delete("storefront-dev", "search/typo-tolerance", "Answered: one letter is better than two. Notes in SRC-71.")


def _last_week(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(7, "09:26")
    engine = foreign("docker.io/getmeili/meilisearch:v1.12.3", size="xlarge", replicas=1, port=7700,
                     health={"path": "/health"})  # fmt: skip
    search = spec(
        "prod",
        api=service("search-api", "1.15.0", replicas=3, env={"ENGINE_URL": "${resources.engine.outputs.url}"}),
        engine=engine,
    )
    why = "Meilisearch won the comparison (p95 31 ms against 118 ms). Production next to the old index, no traffic yet."
    story.denied("storefront-dev", "create", "search/prod", search, why)
    clock.workday(7, "11:02")
    mirrored = {**engine, "inputs": {**engine["inputs"], "image": image("mirror/meilisearch", "v1.12.3")}}
    search = {**search, "resources": {**search["resources"], "engine": mirrored}}
    story.create(
        "storefront-dev", "search/prod", search, f"{why} Image is in our own registry now.",
        decided=("search-maintainer", 34, "Right, and thanks for mirroring it. Traffic switch is its own change, please."),
    )  # fmt: skip
    clock.workday(6, "10:08")
    story.create(
        "developer", "checkout/psp-retry",
        spec("dev", expires=clock.from_now(hours=31),
             api=service("checkout-api", "2.30.0-rc.1", database=True, replicas=1, env={"PSP_RETRY": "exponential"}),
             db=postgres(5, database="checkout")),
        "Try retries against the provider's sandbox that times out on purpose.",
    )  # fmt: skip
    clock.workday(5, "16:42")
    friday = story.create(
        "storefront-dev", "shop/banner-test",
        spec("dev", expires=clock.from_now(days=3),
             web=service("shop-web", "9.2.0-rc.1", replicas=1, port=3000),
             site=route("banner.dev.example", "web")),
        "Season banner for marketing to click through.",
    )  # fmt: skip
    story.comment("search-maintainer", friday, "Link sent to marketing: https://banner.dev.example")
    clock.workday(4, "15:58")
    change = story._submit(
        "storefront-dev", "update", "shop/prod",
        story.edited("shop/prod", web={"image": image("shop-web", "9.2.0")}, api={"image": image("shop-api", "6.5.0")}),
        "Season banner and the new stock endpoint together.",
    )  # fmt: skip
    clock.later(29)
    story.reject(
        "search-maintainer", change,
        "Two unrelated things in one change, and the stock endpoint has not been in staging. Split it, please.",
    )  # fmt: skip


def _yesterday(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(3, "09:12")
    story.update(
        "storefront-dev", "shop/prod", "Only the season banner. Looked at on banner-test by marketing and by me.",
        decided=("search-maintainer", 11, "Much better, thank you."),
        web={"image": image("shop-web", "9.2.0")},
    )  # fmt: skip
    clock.workday(3, "13:30")
    change = story._submit(
        "data-dev", "update", "events/prod", story.edited("events/prod", gateway={"autoscale": {"min": 4, "max": 8}}),
        "Gateway queues up since noon, double the replicas.",
    )  # fmt: skip
    clock.later(9)
    story.ask_back("data-maintainer", change, "CPU is at 20 %. Is it not the registry's cache again?")
    clock.later(14)
    story.comment("data-dev", change, "It is, the cache was cold after the 12:00 deploy. Withdrawn.")
    story.cancel("data-dev", change)
    clock.workday(2, "10:19")
    story.update("developer", "checkout/staging", "Retries for provider timeouts (CHK-1201), tried in psp-retry.",
                 api={"image": image("checkout-api", "2.30.0")})  # fmt: skip
    clock.workday(2, "14:03")
    story.update(
        "developer", "checkout/prod", "CHK-1201: provider timeouts lose 30 orders a day, retries bring back 27 of them.",
        decided=("second-maintainer", 47, "Idempotency keys are sent along, checked the logs in staging."),
        api={"image": image("checkout-api", "2.30.0")},
    )  # fmt: skip
    clock.workday(1, "11:44")
    story.update(
        "platform-dev", "identity/prod", "Passkeys for colleagues; customers follow in January.",
        decided=("platform-maintainer", 80, "Enrolled myself in staging, works with both keys I own."),
        api={"image": image("identity-api", "4.8.0")}, admin={"image": image("identity-admin", "1.23.1")},
    )  # fmt: skip
    clock.workday(1, "15:36")
    story.update("data-dev", "recommendations/staging", "Model of last night, 6 % more clicks offline.",
                 api={"image": image("reco-api", "0.19.0")})  # fmt: skip


def _today(story: Storyteller, clock: StoryClock) -> None:
    clock.minutes_ago(171)
    story.update("developer", "checkout/staging", "Express checkout behind a flag (CHK-1190).",
                 api={"image": image("checkout-api", "2.31.0"), "replicas": 2})  # fmt: skip
    clock.minutes_ago(122)
    story.update("developer", "invoicing/staging", "Credit notes as PDF (INV-318).",
                 renderer={"image": image("invoice-renderer", "0.14.2-missing")})  # fmt: skip
    clock.minutes_ago(38)
    story._submit(
        "developer", "update", "checkout/prod",
        story.edited("checkout/prod", api={"image": image("checkout-api", "2.31.0"), "replicas": 5}),
        "Express checkout (CHK-1190), off by flag. Five replicas because the season starts on Thursday: last year's"
        " peak was 1.6 times today's. In staging since this morning, error rate unchanged.",
    )  # fmt: skip
