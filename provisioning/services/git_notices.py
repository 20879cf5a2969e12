"""What looks at files in Git tell people, programs and chats: trouble once, and that it is over.

Called by ``git_syncs`` inside the transaction that ends a look, before its audit entry. Maintainers of the team hear
that its files cannot be read, its developers too that documents are refused; platform admins where the source governs,
or where nobody else is there. That it is over is told to whoever heard of the trouble.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from governance.access import admins
from governance.models import Notice
from governance.selectors.people import team_people
from governance.services.events import audience_tell
from governance.services.notices import notices_answered, notify
from provisioning.domain.git_trouble import Look, Said, trouble_after
from provisioning.models import GitDocument, GitSource, GitSync

MOST_NAMED: Final = 20
LONGEST: Final = 300


def look_told(row: GitSync, *, state: str, message: str, passing: bool, now: datetime) -> Said:
    """Tell of a look that ends now with ``state``, where that is news. ``passing``: it may work later by itself."""
    source = row.source
    refused = source.documents.filter(outcome="refused", gone_at=None)
    known = GitSource.objects.values("told", "known").get(pk=source.pk)
    look = Look(
        row.pk,
        commit=row.commit.get("id") or known["known"],
        failed=state == "failed",
        passing=passing,
        again=passing and (not source.every or _failed_before(row)),
        refused=refused.count(),
    )
    told, said = trouble_after(known["told"], look)
    if told != known["told"]:
        GitSource.objects.filter(pk=source.pk).update(told=told)
    if said == "failed":
        _tell(row, said, f"{source.name} cannot be synced", message, [], now)
    elif said == "refused":
        if "failed" in known["told"]:
            notices_answered(key=_key(source, "failed", known["told"]["failed"]), now=now)
        rows = list(refused.order_by("file", "line")[:MOST_NAMED])
        _tell(row, said, f"{source.name}: {_counted(look.refused)} refused", _in_words(rows, look.refused), rows, now)
    elif said:
        _over(row, known["told"], look, now)
    return said


def _failed_before(row: GitSync) -> bool:
    before = GitSync.objects.filter(source_id=row.source_id, mode="sync", pk__lt=row.pk).order_by("-pk")
    return before.values_list("state", flat=True).first() == "failed"


def _tell(row: GitSync, said: str, title: str, text: str, documents: list[GitDocument], now: datetime) -> None:
    source = row.source
    roles = ("maintainer",) if said == "failed" else ("developer", "maintainer")
    people = set(team_people(source.team_id, roles=roles))
    if source.governs or not people:
        people |= set(admins().values_list("pk", flat=True))
    number = row.commit.get("id") if said == "refused" else str(row.pk)
    notify(
        "git-trouble",
        to=people - {row.asked_by_id},
        title=title,
        text=text,
        url=_page(row),
        key=_key(source, said, number or ""),
        now=now,
    )
    _event(row, said, text, documents, now)


def _over(row: GitSync, told: dict[str, str], look: Look, now: datetime) -> None:
    """Tell whoever heard of it; nobody needs to read of the trouble any more."""
    source = row.source
    keys = [_key(source, what, of) for what, of in told.items() if what == "failed" or not look.refused]
    heard = set(Notice.objects.filter(key__in=keys).values_list("person_id", flat=True))
    for key in keys:
        notices_answered(key=key, now=now)
    text = "Its files can be read again, and none of its documents is refused."
    if look.refused:
        text = f"Its files can be read again. {_counted(look.refused)} still refused."
    notify(
        "git-over",
        to=heard - {row.asked_by_id},
        title=f"{source.name} is synced again",
        text=text,
        url=_page(row),
        key=_key(source, "over", str(row.pk)),
        now=now,
    )
    _event(row, "recovered", text, [], now)


def _event(row: GitSync, said: str, text: str, documents: list[GitDocument], now: datetime) -> None:
    source = row.source
    commit = row.commit or source.head
    named = ("file", "kind", "name", "message")
    audience_tell(
        f"git.{said}",
        teams=[source.team],
        subject=f"git/{source.name}",
        data={
            "team": source.team.slug,
            "page": _page(row),
            "source": {"name": source.name, "repository": source.url, "branch": source.branch},
            "commit": {name: str(commit.get(name, "")) for name in ("id", "author", "subject", "link")},
            "documents": [{name: str(getattr(one, name))[:LONGEST] for name in named} for one in documents],
            "text": text,
        },
        now=now,
    )


def _in_words(rows: list[GitDocument], number: int) -> str:
    said = [f"{one.name or one.file}: {one.message[:LONGEST]}" for one in rows[:3]]
    more = f" And {number - 3} more." if number > 3 else ""
    return f"{' '.join(said)}{more} What is beside them is applied."


def _counted(number: int) -> str:
    return "1 document is" if number == 1 else f"{number} documents are"


def _key(source: GitSource, what: str, of: str) -> str:
    return f"git:{source.pk}:{what}:{of}"


def _page(row: GitSync) -> str:
    """The portal's path; said here because services know no URLs of faces."""
    return f"/git/sources/{row.source.name}/syncs/{row.pk}/"
