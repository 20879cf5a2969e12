"""What happened at the demo's company in the last thirty days, by chapters. Called by ``provisioning.demo.making``.

The last two things told are what a visitor should look at first: a run that failed, and a change that waits for a
decision. Times of day are those of the working days before the visitor's today, in UTC.
"""

from __future__ import annotations

from datetime import timedelta

from provisioning.demo import governing
from provisioning.demo.specs import foreign, image, postgres, route, service, spec
from provisioning.demo.telling import Approved, StoryClock, Storyteller
from provisioning.domain.campaign_layout import Pace
from provisioning.services.campaigns import CampaignSettings
from provisioning.services.preview_environments import PreviewWish

ENGINE = {"size": "large", "replicas": 1, "port": 7700, "health": {"path": "/health"}}


def identity_moves(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(21, "09:14")
    story.create(
        "platform-dev",
        "identity/prod",
        spec(
            "prod",
            db=postgres(40, "medium", database="identity"),
            api=service("identity-api", "4.7.1", database=True, size="medium", replicas=3),
            admin=service("identity-admin", "1.22.0", env={"IDENTITY_URL": "${resources.api.outputs.url}"}),
            login=route("login.example", "api"),
        ),
        "Move sign-in over from the hand-made VMs. The dry run of the data copy on Thursday was clean.",
        approved=Approved(
            "platform-maintainer", 41, "Went through the copy with Piet: 212,408 accounts on both sides. Go."
        ),
    )


def checkout_moves(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(20, "10:02")
    story.create(
        "developer",
        "checkout/dev",
        spec(
            "dev",
            expires=clock.ahead(days=19),
            db=postgres(5, database="checkout"),
            api=service("checkout-api", "2.28.0", database=True, replicas=1, env={"LOG_LEVEL": "debug"}),
        ),
        "Shared place to try provider callbacks end to end.",
    )
    clock.workday(20, "13:37")
    pages = {"API_URL": "${resources.api.outputs.url}"}
    story.create(
        "developer",
        "checkout/staging",
        spec(
            "staging",
            db=postgres(10, database="checkout"),
            api=service("checkout-api", "2.28.0", database=True, replicas=2),
            web=service("checkout-web", "5.3.2", replicas=1, env=pages),
            entry=route("checkout.staging.example", "web"),
        ),
        "Staging on Slipway before we move production.",
    )
    story.pipeline("checkout pipeline", "developer", "checkout")
    clock.workday(19, "09:48")
    story.create(
        "developer",
        "checkout/prod",
        spec(
            "prod",
            db=postgres(50, "medium", database="checkout"),
            api=service("checkout-api", "2.28.1", database=True, size="medium", replicas=3),
            web=service("checkout-web", "5.3.2", replicas=2, env=pages),
            entry=route("checkout.example", "web"),
        ),
        "Move production over. Sizes are last month's peak plus a third; a day in staging without errors.",
        approved=Approved(
            "maintainer", 67, "Sizes match last year's peak. Moving at lunch, Sunniva watches the ledger."
        ),
    )


def ledger_moves(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(18, "11:20")
    story.create(
        "maintainer",
        "ledger/prod",
        spec(
            "prod",
            db=postgres(200, "large", database="ledger"),
            api=service("ledger-api", "3.9.4", database=True, size="large", replicas=2),
        ),
        "Production books. 200 GiB last until next autumn at the present growth of 9 GiB a month.",
        approved=Approved(
            "second-maintainer", 138, "Restored last night's backup into staging hardware; the trial balance matches."
        ),
    )


def search_is_compared(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(17, "09:31")
    story.create(
        "storefront-dev",
        "search/staging",
        spec(
            "staging",
            engine=foreign("docker.io/getmeili/meilisearch:v1.12.3", **ENGINE),
            api=service("search-api", "1.14.0", replicas=2, env={"ENGINE_URL": "${resources.engine.outputs.url}"}),
        ),
        "Compare Meilisearch with what we have, on real catalogue data.",
    )
    clock.workday(15, "14:05")
    story.create(
        "storefront-dev",
        "search/typo-tolerance",
        spec("dev", expires="30d", api=service("search-api", "1.15.0-rc.2", replicas=1, env={"TYPO_MAX": "2"})),
        "Does a tolerance of two letters bring more good hits than noise?",
    )


def shop_moves(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(15, "15:11")
    web = service(
        "shop-web",
        "9.1.0",
        size="medium",
        autoscale={"min": 3, "max": 8, "cpuPercent": 65},
        port=3000,
        env={"API_URL": "${resources.api.outputs.url}"},
        health={"path": "/healthz", "startupSeconds": 90},
    )
    story.create(
        "storefront-dev",
        "shop/prod",
        spec(
            "prod",
            db=postgres(60, "medium", database="shop"),
            api=service("shop-api", "6.4.2", database=True, size="medium", replicas=3),
            web=web,
            site=route("shop.example", "web"),
        ),
        "The shop itself, last of ours to move. Three copies at rest, eight on a sale day.",
        approved=Approved(
            "search-maintainer", 55, "Looked through it with Sam. DNS has a TTL of 60 s in case we must go back."
        ),
    )


def data_moves(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(14, "08:55")
    story.create(
        "data-dev",
        "events/prod",
        spec(
            "prod",
            db=postgres(80, "medium", database="registry"),
            registry=service("schema-registry", "2.2.0", database=True, replicas=2),
            gateway=service(
                "event-gateway",
                "0.31.5",
                size="medium",
                autoscale={"min": 2, "max": 6},
                env={"REGISTRY_URL": "${resources.registry.outputs.url}"},
            ),
            intake=route("events.example", "gateway", path="/v1"),
        ),
        "Gateway and registry in one environment, so that a schema and what it lets through move together.",
        approved=Approved("data-maintainer", 26, "The load test held 4,200 events/s for an hour. Fine."),
    )
    clock.workday(13, "15:22")
    story.create(
        "data-dev",
        "recommendations/staging",
        spec(
            "staging",
            db=postgres(30, database="reco"),
            api=service("reco-api", "0.18.0", database=True, size="large", replicas=1),
        ),
        "Serve the new two-tower model to the test shop only.",
    )
    clock.workday(12, "09:17")
    change = story.create(
        "data-dev",
        "recommendations/prod",
        spec(
            "prod",
            db=postgres(60, "medium", database="reco"),
            api=service("reco-api", "0.17.3", database=True, size="large", replicas=1),
        ),
        "Recommendations in production, with the present model.",
        approved=Approved("data-maintainer", 95, "One copy is fine for now: the shop falls back to best-sellers."),
    )
    story.comment("data-dev", change, "A second copy follows once the model fits into 1 GiB.")


def invoicing_moves(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(11, "09:40")
    story.create(
        "developer",
        "invoicing/prod",
        spec(
            "prod",
            db=postgres(50, "medium", database="invoices"),
            api=service("invoice-api", "1.40.2", database=True, size="medium", replicas=2),
            renderer=service("invoice-renderer", "0.13.8", size="medium", replicas=2),
        ),
        "Invoicing moves over. Numbers go on at 118-204, checked with accounting.",
        approved=Approved(
            "second-maintainer", 22, "Sequence checked. And the renderer has its fonts in the image now."
        ),
    )
    clock.workday(11, "13:15")
    story.create(
        "developer",
        "invoicing/staging",
        spec(
            "staging",
            db=postgres(10, database="invoices"),
            api=service("invoice-api", "1.41.0", database=True, replicas=1),
            renderer=service("invoice-renderer", "0.13.8", replicas=1),
        ),
        "Staging for credit notes.",
    )
    clock.workday(9, "09:05")
    story.create(
        "maintainer",
        "ledger/staging",
        spec(
            "staging",
            db=postgres(20, database="ledger"),
            api=service("ledger-api", "3.10.0", database=True, replicas=2),
        ),
        "For the auditors' test bookings. No production data in here, ever.",
    )


def discounts_are_kept(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(9, "10:26")
    version = {"image": image("checkout-api", "2.29.0")}
    story.update(
        "checkout pipeline", "checkout/staging", "CHK-1182: keep the discount after a failed payment.", api=version
    )
    clock.workday(9, "14:48")
    story.update(
        "developer",
        "checkout/prod",
        "CHK-1182 to production: 0.4 % of carts lost their discount.",
        approved=Approved("maintainer", 18, "Seen in staging, and lost discounts are on the dashboard now."),
        api=version,
    )
    clock.workday(8, "11:33")
    story.denied(
        "developer",
        "checkout/load-test",
        spec(
            "dev",
            expires="2d",
            db=postgres(100, "large", database="checkout"),
            api=service("checkout-api", "2.29.0", database=True, size="large", replicas=6),
        ),
        "Load test at three times the peak before the season, for one evening.",
    )


def search_moves(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(8, "13:50")
    story.update(
        "storefront-dev",
        "search/staging",
        "SRC-77: rank what is in stock first.",
        api={"image": image("search-api", "1.15.0")},
    )
    clock.later(26)
    story.delete("storefront-dev", "search/typo-tolerance", "Answered: one letter beats two. Notes are in SRC-71.")
    clock.workday(7, "09:26")
    api = service("search-api", "1.15.0", replicas=3, env={"ENGINE_URL": "${resources.engine.outputs.url}"})
    why = "Meilisearch won the comparison: p95 31 ms against 118 ms. Beside the old index, without traffic yet."
    outside = foreign("docker.io/getmeili/meilisearch:v1.12.3", **{**ENGINE, "size": "xlarge"})
    story.denied("storefront-dev", "search/prod", spec("prod", engine=outside, api=api), why)
    clock.workday(7, "11:02")
    ours = foreign(image("mirror/meilisearch", "v1.12.3"), **{**ENGINE, "size": "xlarge"})
    story.create(
        "storefront-dev",
        "search/prod",
        spec("prod", engine=ours, api=api),
        f"{why} The engine's image is in our own registry now.",
        approved=Approved(
            "search-maintainer", 34, "Thanks for mirroring it. Switching traffic is its own change, please."
        ),
    )


def things_are_tried(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(6, "10:08")
    story.create(
        "developer",
        "checkout/psp-retry",
        spec(
            "dev",
            expires=clock.ahead(hours=31),
            db=postgres(5, database="checkout"),
            api=service("checkout-api", "2.30.0-rc.1", database=True, replicas=1, env={"PSP_RETRY": "exponential"}),
        ),
        "Try retries against the provider's sandbox, which times out on purpose.",
    )
    clock.workday(5, "16:42")
    change = story.create(
        "storefront-dev",
        "shop/banner-test",
        spec(
            "dev",
            expires=clock.ahead(days=3),
            web=service("shop-web", "9.2.0-rc.1", replicas=1, port=3000),
            site=route("banner.dev.example", "web"),
        ),
        "Season banner for marketing to click through.",
    )
    story.comment("search-maintainer", change, "Sent the address to marketing; they answer by Wednesday.")


def shop_changes(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(4, "15:58")
    banner = {"image": image("shop-web", "9.2.0")}
    both = story.edited("shop/prod", web=banner, api={"image": image("shop-api", "6.5.0")})
    change = story.ask("storefront-dev", "update", "shop/prod", both, "Season banner and the new stock endpoint.")
    clock.later(29)
    story.reject(
        "search-maintainer",
        change,
        "Two unrelated things in one change, and the stock endpoint has never been in staging. Please split it.",
    )
    clock.workday(3, "09:12")
    story.update(
        "storefront-dev",
        "shop/prod",
        "Only the season banner. Marketing and I looked at it on banner-test.",
        approved=Approved("search-maintainer", 11, "Much better, thank you."),
        web=banner,
    )


def events_are_left_alone(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(3, "13:30")
    more = story.edited("events/prod", gateway={"autoscale": {"min": 4, "max": 8}})
    change = story.ask("data-dev", "update", "events/prod", more, "The gateway queues up since noon; double it.")
    clock.later(9)
    story.question("data-maintainer", change, "Its CPU is at 20 %. Is it not the registry's cache again?")
    clock.later(14)
    story.comment("data-dev", change, "It is: cold after the deployment at noon, and warm by now. I withdraw this.")
    story.cancel("data-dev", change)


def timeouts_are_retried(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(2, "10:19")
    version = {"image": image("checkout-api", "2.30.0")}
    story.update(
        "checkout pipeline", "checkout/staging", "CHK-1201: retry when the payment provider times out.", api=version
    )
    clock.workday(2, "14:03")
    story.update(
        "developer",
        "checkout/prod",
        "CHK-1201: timeouts lose 30 orders a day, retries bring back 27 of them.",
        approved=Approved("second-maintainer", 47, "Idempotency keys are sent along; checked in the logs of staging."),
        api=version,
    )


def passkeys_come(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(1, "11:44")
    passkeys = story.edited(
        "identity/prod",
        api={"image": image("identity-api", "4.8.0")},
        admin={"image": image("identity-admin", "1.23.1")},
    )
    why = "Passkeys for colleagues; customers follow next quarter."
    story.agreed_in_stages(
        "identity/prod",
        passkeys,
        story.ask("platform-dev", "update", "identity/prod", passkeys, why),
        Approved("platform-maintainer", 80, "Enrolled both of my keys on the test tenant, works."),
        Approved("admin", 22, "Passwords still work beside them. Go."),
    )
    clock.workday(1, "15:36")
    story.update(
        "data-dev",
        "recommendations/staging",
        "Last night's model: 6 % more clicks offline.",
        api={"image": image("reco-api", "0.19.0")},
    )


def routes_move_to_the_gateway(story: Storyteller, clock: StoryClock) -> None:
    """A campaign under way: development has moved, staging follows within a day, and somebody chose another day."""
    clock.workday(1, "16:20")
    days = (clock.anchor - clock.at).days + 1
    settings = CampaignSettings(
        "route",
        "2.0.0",
        starts_at=clock.at,
        title="Routes through the Gateway",
        reason="The old ingress controller gets no more fixes after March. Addresses stay as they are.",
        pace=Pace(interval=timedelta(days=days), soak=timedelta(hours=4), postpone_days=10),
    )
    campaign = story.campaign("admin", settings, minutes=12)
    clock.later(31)
    story.postpone("storefront-dev", campaign, "shop/prod", clock.at + timedelta(days=2 * days + 6))


def what_nobody_uses_sleeps(story: Storyteller, clock: StoryClock) -> None:
    """One environment sleeps, one has a schedule, and a pull request has a preview."""
    clock.workday(1, "17:18")
    story.schedule(
        "storefront-dev",
        "search/staging",
        [
            {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "20:00", "to": "07:00"},
            {"days": ["sat", "sun"], "from": "07:00", "to": "07:00"},
        ],
        "Europe/Berlin",
    )
    clock.later(6)
    story.sleep("data-dev", "recommendations/staging", "The test shop is closed until the new catalogue is in.")
    clock.later(9)
    story.preview(
        "checkout pipeline",
        PreviewWish(
            "checkout",
            "pr-2291",
            template="staging",
            images={"checkout-api": image("checkout-api", "pr-2291")},
            spec={
                "expires": clock.ahead(days=2, hours=6),
                "resources": {
                    "api": {"inputs": {"replicas": 1}},
                    "entry": {"inputs": {"host": "pr-2291.checkout.example"}},
                },
            },
            link="https://git.example/checkout/checkout-api/pulls/2291",
        ),
    )


def today(story: Storyteller, clock: StoryClock) -> None:
    clock.ago(minutes=171)
    version = {"image": image("checkout-api", "2.31.0")}
    story.update("checkout pipeline", "checkout/staging", "CHK-1190: express checkout, behind a flag.", api=version)
    clock.ago(minutes=122)
    story.update(
        "developer",
        "invoicing/staging",
        "INV-318: credit notes as PDF.",
        renderer={"image": image("invoice-renderer", "0.14.2-missing")},
    )
    clock.ago(minutes=64)
    story.meddle("ledger/prod", "Deployment", "api", {"spec": {"replicas": 4}}, manager="kubectl-scale")
    clock.ago(minutes=38)
    story.ask(
        "developer",
        "update",
        "checkout/prod",
        story.edited("checkout/prod", api={**version, "replicas": 5}),
        "CHK-1190: express checkout, switched off by its flag. Five copies because the season starts on Thursday and"
        " last year's peak was 1.6 times today's. Two hours in staging, error rate unchanged.",
    )


STORY = (
    identity_moves,
    governing.sign_in_gets_a_route,
    checkout_moves,
    ledger_moves,
    governing.the_late_hour_is_observed,
    search_is_compared,
    shop_moves,
    data_moves,
    governing.money_is_counted,
    invoicing_moves,
    discounts_are_kept,
    search_moves,
    things_are_tried,
    governing.the_season_is_prepared,
    shop_changes,
    events_are_left_alone,
    timeouts_are_retried,
    governing.what_comes_is_frozen,
    passkeys_come,
    governing.more_is_asked_for,
    routes_move_to_the_gateway,
    what_nobody_uses_sleeps,
    governing.the_warehouse_moves,
    today,
)
