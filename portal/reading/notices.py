"""What the bell, its drawer and the page of notices show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.db.models import Q, QuerySet, Subquery

from governance.access import Rights
from governance.domain.notice import KINDS
from governance.models import Notice
from governance.selectors.notices import notice_list
from idp.catalog.models import User
from idp.kernel.prepared import Prepared
from portal.drawing.states import state_of
from portal.reading import asks
from portal.reading.asks import Number
from provisioning.selectors.changes import waiting_rows

MOST_UNREAD: Final = 100
DRAWER: Final = 8
DRAWER_READ: Final = 40
MARKS: Final = {
    "change-waits": ("pending", "change"),
    "change-approved": ("approved", "change"),
    "change-rejected": ("rejected", "change"),
    "change-denied": ("denied", "change"),
    "change-cancelled": ("cancelled", "change"),
    "change-superseded": ("superseded", "change"),
    "change-failed": ("failed", "change"),
    "change-succeeded": ("succeeded", "change"),
    "train-moved": ("running", "train"),
    "train-stopped": ("failed", "train"),
    "environment-failed": ("failed", "environment"),
    "environment-expires": ("expiring", "environment"),
}
ICONS: Final = {"change-commented": "message-circle", "information-asked": "message-circle"}


@dataclass(frozen=True, slots=True)
class Counts:
    """``unread`` and ``waiting`` are counted up to a hundred; ``newest`` is the id of the newest unread notice, else 0.

    ``here`` counts the unread notices that the page itself answers, ``asks`` is what ``portal.reading.asks`` counts.
    """

    waiting: int
    unread: int
    newest: int
    here: int
    asks: Mapping[str, Any] = field(default_factory=dict)


def counts(rights: Rights, *, here: str = "", waiting: bool = True, asking: bool = False) -> Counts:
    """What the shell shows of a person, in one query; without ``waiting`` that number is left at 0.

    ``asking`` counts as well what waits for the person besides changes.
    """
    if rights.actor.user_id is None:
        return Counts(0, 0, 0, 0)
    rows = _counts(rights=rights, here=here or None, waiting=waiting, asking=asking)
    found: dict[str, Any] = dict(next(iter(rows), {}))
    waits, unread, newest, answers = (int(found.pop(name, 0) or 0) for name in ("waiting", "unread", "newest", "here"))
    return Counts(waits, unread, newest, answers, asks=found)


@Prepared
def _counts(rights: Rights, here: str | None, waiting: bool, asking: bool) -> QuerySet[User, Any]:
    person = rights.actor.user_id or 0
    unread = Notice.objects.filter(person_id=person, read_at=None)
    asked: dict[str, Any] = {
        "unread": _number(unread),
        "newest": Subquery(unread.order_by("-id").values("pk")[:1]),
    }
    if here:
        asked["here"] = _number(unread.filter(url=here))
    if waiting:
        asked["waiting"] = Number(waiting_rows(rights))
    if asking:
        asked |= asks.asked(rights)
    return User.objects.filter(pk=person).order_by().values(**asked)


def _number(rows: QuerySet[Notice]) -> Number:
    return Number(rows.order_by().values("pk")[:MOST_UNREAD])


@dataclass(frozen=True, slots=True)
class Bell:
    """``answers`` is the page's path when opening it answers unread notices."""

    unread: int
    newest: int
    answers: str = ""

    @property
    def shown(self) -> str:
        return f"{MOST_UNREAD - 1}+" if self.unread >= MOST_UNREAD else str(self.unread)

    @property
    def spoken(self) -> str:
        return f"Notices, {self.shown} unread" if self.unread else "Notices, none unread"


def bell_of(found: Counts, *, here: str = "") -> Bell:
    return Bell(found.unread, found.newest, here if found.here else "")


@dataclass(frozen=True, slots=True)
class Line:
    """One notice as a row; ``more`` counts older unread ones that the same page answers."""

    pk: int
    title: str
    text: str
    url: str
    at: Any
    unread: bool
    icon: str
    mark: str
    mark_kind: str
    tone: str
    kind: str
    more: int = 0


def line_of(notice: Notice) -> Line:
    mark, mark_kind = MARKS.get(notice.kind, ("", ""))
    kind = KINDS.get(notice.kind)
    return Line(
        pk=notice.pk,
        title=notice.title,
        text=notice.text,
        url=notice.url,
        at=notice.at,
        unread=notice.read_at is None,
        icon=ICONS.get(notice.kind, "bell"),
        mark=mark,
        mark_kind=mark_kind,
        tone=state_of(mark, mark_kind).tone if mark else "",
        kind=kind.title if kind else "",
    )


def drawer_lines(rights: Rights) -> list[Line]:
    """The newest unread notices, one line for each page that answers; the newest read ones when all is read."""
    mine = notice_list(rights).order_by("-id")
    unread = collapsed(line_of(one) for one in mine.filter(read_at=None)[:DRAWER_READ])
    return unread[:DRAWER] or [line_of(one) for one in mine.filter(~Q(read_at=None))[: DRAWER // 2]]


def collapsed(lines: Iterable[Line]) -> list[Line]:
    """The first line of each page, with the number of those that follow it."""
    found: dict[str, Line] = {}
    for line in lines:
        first = found.get(line.url)
        found[line.url] = replace(first, more=first.more + 1) if first else line
    return list(found.values())
