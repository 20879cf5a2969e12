"""Tells people what happens to their quota: loans, wishes for more, budgets. Parts of the services that do it."""

from __future__ import annotations

from datetime import datetime

from governance.access import admins
from governance.domain.lending import in_words
from governance.domain.quota import Amounts
from governance.models import Loan, QuotaRequest
from governance.selectors.people import team_people
from governance.services.notice_events import About
from governance.services.notices import notify
from idp.catalog.models import Team

MAINTAINERS = ("maintainer",)


def loan_told(loan: Loan, kind: str, *, team: Team, by: int | None, now: datetime) -> None:
    """One notice for the team's maintainers; for admins too when a loan does not come back in time."""
    people = set(team_people(team.pk, roles=MAINTAINERS))
    if kind == "loan-due":
        people |= set(admins().values_list("pk", flat=True))
    amounts, between = in_words(Amounts.of(loan)), f"{loan.lender.slug} → {loan.borrower.slug}"
    until = f"{loan.ends_at:%d %B %Y}"
    title, text = {
        "loan-proposed": (f"A loan of quota waits for {team.name}", f"{between}: {amounts} until {until}."),
        "loan-accepted": (
            f"The loan of quota that {team.name} proposed was accepted",
            f"{between}: {amounts} until {until}.",
        ),
        "loan-declined": (f"The loan of quota that {team.name} proposed was declined", f"{between}: {amounts}."),
        "loan-returned": ("A loan of quota is back", f"{between}: {amounts}."),
        "loan-due": (
            f"{loan.borrower.name} still uses quota that it borrowed",
            f"{between}: the time of {amounts} is over. It goes back as it becomes free; until then "
            f"{loan.borrower.slug} gets nothing more of it.",
        ),
    }[kind]
    url, key = f"/teams/{team.slug}/quota/loans", f"loan:{loan.pk}:{kind}"
    _tell(kind, people, by, title, text, url=url, key=key, about=About(team=team), now=now)


def request_told(request: QuotaRequest, *, now: datetime) -> None:
    """A wish for more waits: the admins. It is decided: whoever asked."""
    amounts = in_words(Amounts.of(request))
    if request.state == "open":
        people = set(admins().values_list("pk", flat=True))
        title, text = f"{request.team.name} asks for more quota", f"{amounts}: {request.reason}"
        url, by = "/quotas/", request.made_by_id
    else:
        people = {request.made_by_id} if request.made_by_id else set()
        title = f"More quota for {request.team.name} was {request.state}"
        text = f"{amounts}. {request.answer}".strip()
        url, by = f"/teams/{request.team.slug}/quota/more", request.decided_by_id
    kind = "quota-asked" if request.state == "open" else "quota-answered"
    key, about = f"quota-request:{request.pk}:{request.state}", About(team=request.team)
    _tell(kind, people, by, title, text, url=url, key=key, about=about, now=now)


def _tell(
    kind: str,
    people: set[int],
    by: int | None,
    title: str,
    text: str,
    *,
    url: str,
    key: str,
    about: About,
    now: datetime,
) -> None:
    people.discard(by or 0)
    notify(kind, to=people, title=title[:200], text=text[:400], url=url, key=key, now=now, about=about)
