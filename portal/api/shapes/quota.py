"""Shapes of quota and money: ledger, loans, requests for more, budgets, price lists, costs."""

from __future__ import annotations

from portal.api.shapes.words import flag, link, listed, maybe, moment, number, page_of, record, ref, shape, text, whole

_AMOUNT = number("What is left out is nothing.", least=0, most=100_000)
_MORE = {
    "cpu": _AMOUNT,
    "memory_gib": _AMOUNT,
    "storage_gib": _AMOUNT,
    "environments": whole("What is left out is nothing.", least=0, most=10_000),
}
LEDGER = shape(
    "QuotaLedger",
    record(
        {
            "items": listed(
                record(
                    {
                        "at": moment(),
                        "kind": text(
                            "opening, set, granted, lent, borrowed, back, given-back, held, released, used or ended."
                        ),
                        "moved": ref("Usage"),
                        "limit_after": ref("Usage"),
                        "used_after": ref("Usage"),
                        "held_after": ref("Usage"),
                        "environment": maybe(text("system/environment; null where you may not see it.")),
                        "change": maybe(whole()),
                        "loan": maybe(whole()),
                        "request": maybe(whole()),
                    }
                ),
                "Newest first; `moved` is below zero where something was given back.",
            ),
            "next": maybe(link("Earlier moves, or null at the end.")),
        }
    ),
)
LOAN = shape(
    "Loan",
    record(
        {
            "id": whole(),
            "lender": text(),
            "borrower": text(),
            "state": text(
                "offered, asked, active, due (over and still in use), returned, declined, withdrawn or lapsed."
            ),
            "amounts": ref("Usage"),
            "returned": ref("Usage"),
            "reason": text(),
            "ends_at": moment("When it goes back by itself."),
            "made_by": maybe(text()),
            "made_at": moment(),
            "decided_by": maybe(text()),
            "decided_at": maybe(moment()),
            "url": link(),
        }
    ),
)
LOAN_PAGE = page_of(LOAN)
LOAN_PROPOSE = shape(
    "LoanPropose",
    record(
        {
            "side": text("Which of both you speak for.", one_of=("lender", "borrower")),
            "lender": text("Team that gives.", most=63),
            "borrower": text("Team that gets.", most=63),
            "ends_at": moment("When it goes back by itself; within a year."),
            "reason": text(least=1, most=400),
        },
        _MORE,
        closed=True,
        examples=(
            {
                "side": "lender",
                "lender": "payments",
                "borrower": "storefront",
                "cpu": 4,
                "ends_at": "2026-12-24T00:00:00Z",
                "reason": "Load tests before the sale.",
            },
        ),
    ),
)
QUOTA_REQUEST = shape(
    "QuotaRequest",
    record(
        {
            "id": whole(),
            "team": text(),
            "state": text("open, granted, refused or withdrawn."),
            "more": ref("Usage"),
            "reason": text(),
            "answer": text(),
            "made_by": maybe(text()),
            "made_at": moment(),
            "decided_by": maybe(text()),
            "decided_at": maybe(moment()),
            "url": link(),
        }
    ),
)
QUOTA_REQUEST_PAGE = page_of(QUOTA_REQUEST)
QUOTA_REQUEST_MAKE = shape(
    "QuotaRequestMake",
    record(
        {"team": text(most=63), "reason": text("What it is for.", least=1, most=1000)},
        _MORE,
        closed=True,
        examples=({"team": "payments", "cpu": 8, "environments": 2, "reason": "Black Friday."},),
    ),
)
QUOTA_REQUEST_DECIDE = shape(
    "QuotaRequestDecide",
    record(
        {"grant": flag("False refuses, and needs an answer.")},
        {"answer": text("For whoever asked.", most=1000)},
        closed=True,
        examples=({"grant": True},),
    ),
)
_STEP = record(
    {
        "at": whole("Percent of the amount.", least=1, most=1000),
        "do": text("", one_of=("tell", "warn", "ask", "deny")),
    },
    closed=True,
)
BUDGETS = shape(
    "Budgets",
    record(
        {
            "items": listed(
                record(
                    {
                        "system": maybe(text("Null: the whole team.")),
                        "amount": number("Of a calendar month."),
                        "spent": number("So far."),
                        "expected": number("At the month's end, when all goes on as it is."),
                        "share": number("Percent of the amount that is expected."),
                        "steps": listed(_STEP),
                    }
                )
            ),
            "currency": text(),
        }
    ),
)
BUDGETS_EDIT = shape(
    "BudgetsEdit",
    record(
        {
            "items": listed(
                record(
                    {"system": maybe(text(most=63)), "amount": number(least=0.01, most=1_000_000_000)},
                    {"steps": listed(_STEP, most=4)},
                    closed=True,
                ),
                most=100,
            )
        },
        about="All budgets of the team; those that are left out end.",
        closed=True,
        examples=({"items": [{"system": None, "amount": 500, "steps": [{"at": 100, "do": "deny"}]}]},),
    ),
)
_PRICE = number("Per month.", least=0, most=999_999)
_LIST = record(
    {"from": text("The day it begins, at midnight UTC.", form="date", example="2026-12-01")},
    {
        "stage": text("Empty for all stages.", most=30),
        "cpu": _PRICE,
        "memory_gib": _PRICE,
        "storage_gib": _PRICE,
    },
    closed=True,
)
PRICE_LISTS = shape("PriceLists", record({"items": listed(_LIST), "currency": text()}))
PRICE_LISTS_EDIT = shape(
    "PriceListsEdit",
    record(
        {"items": listed(_LIST, most=60)},
        about="All price lists of the cluster; those that are left out end.",
        closed=True,
        examples=({"items": [{"from": "2026-12-01", "stage": "prod", "cpu": 30, "memory_gib": 5}]},),
    ),
)
COSTS = shape(
    "Costs",
    record(
        {
            "month": text(example="2026-11"),
            "currency": text(),
            "total": number(),
            "items": listed(
                record(
                    {
                        "team": text(),
                        "system": maybe(text("Null: systems that you may not see.")),
                        "environment": maybe(text()),
                        "stage": maybe(text()),
                        "cost": number("From recorded use, at the prices that held while it lasted."),
                    }
                ),
                "The dearest first.",
            ),
        }
    ),
)
