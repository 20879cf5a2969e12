"""The rules that the demo's company gave itself, as chapters of its story: so that every page of governance shows some.

None of them stands in a visitor's way: what is enforced, frozen or short of money concerns systems of other teams than
the one that the README walks through. Called by ``provisioning.demo.story``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from governance.domain.quota import Amounts
from governance.services.budgets import budgets_set
from governance.services.delegations import delegation_create
from governance.services.loans import loan_propose
from governance.services.policies import policy_save
from governance.services.quota_requests import request_make
from governance.services.routes import route_save
from idp.kernel.documents import load_yaml
from provisioning.demo.specs import image
from provisioning.demo.telling import Approved, StoryClock, Storyteller
from provisioning.services.freezes import freeze_declare

ZONE: Final = "Europe/Berlin"

SIGN_IN_ROUTE: Final = """\
apiVersion: slipway.dev/v1
kind: ApprovalRoute
metadata: {name: sign-in}
spec:
  title: Sign-in for everybody
  order: in-order
  expires: 96
  stages:
    - name: Team
      approvers: [{from: "team:maintainer"}]
    - name: Platform
      approvers: [{from: "group:platform-admins"}]
      escalate: {after: 24, to: "team:data:maintainer"}
"""

SMALL_CHANGES_ROUTE: Final = """\
apiVersion: slipway.dev/v1
kind: ApprovalRoute
metadata: {name: production}
spec:
  title: Into production
  order: in-order
  expires: 72
  stages:
    - name: Team
      approvers: [{from: "team:maintainer"}]
      skip:
        when: plan.counts.removed == 0 && plan.cost_after <= plan.cost_before && quota.cpu.ratio_after < 0.8
        sample: 10
      escalate: {after: 4, to: "group:platform"}
    - name: Owners
      approvers: [{from: capabilities}]
"""

SIGN_IN_POLICY: Final = """\
apiVersion: slipway.dev/v1
kind: Policy
metadata: {name: sign-in-takes-two-teams}
spec:
  title: Sign-in takes the platform's word too
  mode: enforce
  scope: {systems: [identity], stages: [prod]}
  when: change.kind in ["create", "update", "promote", "rollback", "adopt", "delete"]
  effect: require-approval
  approvals:
    - {from: "route:sign-in"}
  message: Without sign-in nobody buys and nobody works, so its team agrees first and a platform admin after it.
  tests:
    - {name: an update asks, facts: {change: {kind: update}}, expect: ask}
    - {name: waking is free, facts: {change: {kind: wake}}, expect: pass}
"""

# How late is too late is what the company still tries to find out: so it observes, and has been edited once.
LATE_POLICY: Final = """\
apiVersion: slipway.dev/v1
kind: Policy
metadata: {name: nothing-late-in-the-day}
spec:
  title: Production changes while people are there
  mode: observe
  scope: {stages: [prod]}
  when: hour(now.time, 'Europe/Berlin') >= HOUR && change.kind in ["create", "update", "promote", "upgrade"]
  effect: deny
  message: After HOUR o'clock nobody watches what production does.
  remedy: Ask for it tomorrow morning; a rollback passes at any hour.
  tests:
    - {name: the morning passes, facts: {now: {time: "2026-03-02T08:30:00Z"}, change: {kind: update}}, expect: pass}
    - {name: the evening does not, facts: {now: {time: "2026-03-02T19:30:00Z"}, change: {kind: update}}, expect: deny}
"""

LADDER: Final = (
    {"at": 60, "do": "tell"},
    {"at": 85, "do": "warn"},
    {"at": 100, "do": "ask"},
    {"at": 120, "do": "deny"},
)
GENTLE: Final = ({"at": 75, "do": "tell"}, {"at": 100, "do": "warn"})


def _late_policy(hour: int) -> str:
    return LATE_POLICY.replace("HOUR", str(hour))


def sign_in_gets_a_route(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(21, "15:20")
    story.does("admin", route_save, document=load_yaml(SIGN_IN_ROUTE).data)
    clock.later(4)
    story.does("admin", policy_save, document=load_yaml(SIGN_IN_POLICY).data, text=SIGN_IN_POLICY)
    clock.later(17)
    story.does("admin", route_save, document=load_yaml(SMALL_CHANGES_ROUTE).data, draft=True)


def the_late_hour_is_observed(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(18, "16:12")
    text = _late_policy(16)
    story.does("admin", policy_save, document=load_yaml(text).data, text=text)


def money_is_counted(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(12, "14:10")
    of = story.team
    story.does(
        "admin",
        budgets_set,
        team=of("storefront"),
        budgets=[
            {"system": None, "amount": "380", "steps": LADDER},
            {"system": "search", "amount": "140", "steps": LADDER},
        ],
    )
    story.does("admin", budgets_set, team=of("data"), budgets=[{"system": None, "amount": "250", "steps": LADDER}])
    story.does("admin", budgets_set, team=of("payments"), budgets=[{"system": None, "amount": "620", "steps": GENTLE}])


def the_season_is_prepared(story: Storyteller, clock: StoryClock) -> None:
    """One team lends another what it needs for the season, and the hour that is observed turns out too late."""
    clock.workday(4, "09:20")
    story.lend(
        Approved("data-maintainer", 38, ""),
        "search-maintainer",
        {
            "lender": story.team("data"),
            "borrower": story.team("storefront"),
            "amounts": Amounts.of({"cpu": 2, "memory_gib": 4}),
            "ends_at": clock.anchor + timedelta(days=24),
            "reason": "Two more copies of the shop over the season. Training runs at night, when the shop sleeps.",
        },
    )
    clock.workday(4, "10:41")
    text = _late_policy(15)
    story.does("admin", policy_save, document=load_yaml(text).data, text=text)


def what_comes_is_frozen(story: Storyteller, clock: StoryClock) -> None:
    clock.workday(2, "16:30")
    story.does(
        "admin",
        freeze_declare,
        title="Season weekend",
        reason="The four busiest days of the year. Last year a harmless change of a font took the shop down.",
        scope={"teams": ["storefront"], "stages": ["prod"]},
        starts_at=clock.midnight(9),
        ends_at=clock.midnight(13),
        glass="admins",
    )
    clock.later(7)
    story.does(
        "admin",
        freeze_declare,
        title="Nights of the gateway",
        reason="Partners send their daily files at night, and who could mend the gateway sleeps.",
        scope={"systems": ["events"], "stages": ["prod"]},
        covers=("changes", "promotions", "upgrades"),
        windows=[{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "22:00", "to": "05:00"}],
        zone=ZONE,
    )
    clock.later(5)
    story.does(
        "maintainer",
        delegation_create,
        stand_in="second-maintainer",
        starts_at=clock.midnight(6),
        ends_at=clock.midnight(13),
        reason="Hiking, without a telephone.",
    )


def more_is_asked_for(story: Storyteller, clock: StoryClock) -> None:
    """What waits for an answer: a loan for the platform's maintainer, more quota for a platform admin."""
    clock.workday(1, "15:58")
    story.does(
        "maintainer",
        loan_propose,
        side="borrower",
        lender=story.team("platform"),
        borrower=story.team("payments"),
        amounts=Amounts.of({"cpu": 4, "memory_gib": 8}),
        ends_at=clock.anchor + timedelta(days=6),
        reason="A load test of the checkout at three times the peak, before the season. Two evenings are enough.",
    )
    clock.later(5)
    story.does(
        "storefront-dev",
        request_make,
        team=story.team("storefront"),
        amounts=Amounts.of({"storage_gib": 150}),
        reason="The catalogue gets videos in the new year: 90 GiB at first, growing by 12 GiB a month.",
    )


def the_warehouse_moves(story: Storyteller, clock: StoryClock) -> None:
    """A freeze of today that still holds, and a change for which its glass was broken: an admin has yet to answer."""
    clock.ago(minutes=236)
    small = story.edited("recommendations/prod", api={"image": image("reco-api", "0.18.1")})
    change = story.ask(
        "data-dev", "update", "recommendations/prod", small, "Without 0.18.1 one visitor in fifty sees an empty box."
    )
    clock.ago(minutes=221)
    story.does(
        "admin",
        freeze_declare,
        title="The warehouse moves",
        reason="Product data is copied to the new warehouse today; whoever reads it should read one thing all day.",
        scope={"systems": ["recommendations"], "stages": ["prod"]},
        ends_at=(clock.anchor + timedelta(hours=9)).replace(minute=0, second=0),
    )
    clock.ago(minutes=204)
    story.approve(change, Approved("data-maintainer", 1, "Seen on the staging shop, the box is full again."))
    clock.ago(minutes=197)
    story.break_glass(
        "data-maintainer",
        change,
        "The box stays empty for one visitor in fifty, and this reads nothing of what is being copied.",
    )
