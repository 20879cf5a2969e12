"""A system goes from one team to another when both have agreed: its owner, its quota and who may act, all at once.

Each side agrees through one of its maintainers; platform admins agree for either. Whoever asks has agreed for the sides
that are theirs. Lock order: the system's environments, the transfer, both quotas, then the audit head.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from governance.access import Rights, rights_of
from governance.models import Ownership, Transfer
from governance.selectors.people import team_people
from governance.services.audit import audit_append
from governance.services.notice_events import About
from governance.services.notices import notify
from governance.services.quota_transfer import quota_transfer
from idp.catalog.models import System, Team
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput
from provisioning.models import Environment
from provisioning.selectors.ownership import open_changes, transfer_get, transfer_rows

MAX_REASON = 400


@transaction.atomic
def transfer_ask(actor: Actor, *, system: System, taker: str, reason: str, now: datetime) -> Transfer:
    """Ask that ``system`` goes to the team ``taker``. For maintainers of either side and platform admins."""
    rights = rights_of(actor)
    rights.require_see(system)
    team = Team.objects.filter(slug=taker, archived_at=None).first()
    wrong = []
    if team is None or team.pk == system.team_id:
        wrong.append(FieldError("team", "Name another team that is not archived."))
    if not reason.strip() or len(reason) > MAX_REASON:
        wrong.append(FieldError("reason", f"Say why, in at most {MAX_REASON} characters."))
    if wrong or team is None:
        raise InvalidInput("The transfer was not asked for.", errors=wrong)
    if not (rights.may_manage(system.team) or rights.may_manage(team)):
        raise Forbidden("Only maintainers of one of the teams and platform admins may ask for this.")
    if Transfer.objects.filter(system=system, state="open").exists():
        raise Conflict(f"A transfer of {system.slug} is open.", remedy="Withdraw it, or wait for both teams.")
    row = Transfer.objects.create(
        system=system,
        giver_id=system.team_id,
        taker=team,
        reason=reason.strip(),
        asked_by_id=_person(actor),
        asked_at=now,
    )
    row = transfer_rows().get(pk=row.pk)
    _tell(row, actor, f"{actor.username} asks that {system.slug} goes to {team.name}", reason.strip(), now=now)
    _audit(actor, row, "ask", now=now)
    return _agreed(actor, rights, row, now=now, asked=True)


@transaction.atomic
def transfer_agree(actor: Actor, transfer_id: int, *, now: datetime) -> Transfer:
    """Agree for every side that is the actor's; when both have, the system changes hands in this transaction.

    Raises Conflict while changes of the system are under way, OverQuota when the taker lacks room.
    """
    rights = rights_of(actor)
    row = _locked(rights, transfer_id)
    if not (rights.may_manage(row.giver) or rights.may_manage(row.taker)):
        raise Forbidden("Only maintainers of the two teams and platform admins may agree.")
    return _agreed(actor, rights, row, now=now)


@transaction.atomic
def transfer_end(actor: Actor, transfer_id: int, *, now: datetime) -> Transfer:
    """Refuse or withdraw: whoever asked, and maintainers of either team."""
    rights = rights_of(actor)
    row = _locked(rights, transfer_id)
    mine = row.asked_by_id == actor.user_id
    if not (mine or rights.may_manage(row.giver) or rights.may_manage(row.taker)):
        raise Forbidden("Only who asked and maintainers of the two teams may end it.")
    row.state, row.ended_at = "withdrawn" if mine else "refused", now
    row.save(update_fields=["state", "ended_at"])
    _tell(row, actor, f"The transfer of {row.system.slug} is {row.state}", f"By {actor.username}.", now=now)
    _audit(actor, row, "withdraw" if mine else "refuse", now=now)
    return row


def _locked(rights: Rights, transfer_id: int) -> Transfer:
    found = transfer_get(rights, transfer_id)
    list(Environment.objects.select_for_update().filter(system=found.system).order_by("pk").values_list("pk"))
    Transfer.objects.select_for_update().get(pk=found.pk)
    row = transfer_rows().get(pk=found.pk)
    if row.state != "open":
        raise Conflict(f"This transfer is {row.state}.", code="illegal-state")
    return row


def _agreed(actor: Actor, rights: Rights, row: Transfer, *, now: datetime, asked: bool = False) -> Transfer:
    """An admin who asks agrees for the sides that they are a maintainer of; one who agrees, agrees for both."""
    own = {team_id for team_id, held in rights.teams.items() if "manage_team" in held}
    for_all = rights.is_admin and not asked
    if row.given_by_id is None and (for_all or row.giver_id in own):
        row.given_by_id = _person(actor)
    if row.taken_by_id is None and (for_all or row.taker_id in own):
        row.taken_by_id = _person(actor)
    if row.given_by_id is not None and row.taken_by_id is not None:
        _require_still(row)
    row.save(update_fields=["given_by", "taken_by"])
    if not asked:
        _audit(actor, row, "agree", now=now)
    if row.given_by_id is not None and row.taken_by_id is not None:
        _change_hands(actor, row, now=now)
    return transfer_rows().get(pk=row.pk)


def _require_still(row: Transfer) -> None:
    """Before anything is written: nothing of the system is under way, and the giver still owns it."""
    system = row.system
    under_way = open_changes(system)
    if under_way:
        listed = ", ".join(f"#{number}" for number in under_way)
        raise Conflict(f"Changes of {system.slug} are under way: {listed}.", remedy="Finish or cancel them first.")
    if system.team_id != row.giver_id:
        raise Conflict(f"{system.slug} changed hands meanwhile.", remedy="Withdraw this transfer and ask anew.")


def _change_hands(actor: Actor, row: Transfer, *, now: datetime) -> None:
    system = row.system
    environments = list(Environment.objects.filter(system=system, deleted_at=None).values_list("pk", flat=True))
    moved = quota_transfer(environments=environments, giver=row.giver, taker=row.taker, now=now)
    System.objects.filter(pk=system.pk).update(team=row.taker, version=system.version + 1)
    Ownership.objects.filter(system=system).update(alone_since=None, told=0)
    row.state, row.ended_at = "done", now
    row.save(update_fields=["state", "ended_at"])
    _tell(row, actor, f"{system.slug} belongs to {row.taker.name} now", row.reason, now=now)
    _audit(actor, row, "done", now=now, moved=moved)


def _tell(row: Transfer, actor: Actor, title: str, text: str, *, now: datetime) -> None:
    people = {*team_people(row.giver_id, roles=("maintainer",)), *team_people(row.taker_id, roles=("maintainer",))}
    notify(
        "system-transfer",
        to=people - {actor.user_id or 0},
        title=title,
        text=text,
        url="/ownership/",
        key=f"transfer:{row.pk}:{row.state}",
        now=now,
        about=About(system=System.objects.select_related("team").get(pk=row.system_id)),
    )


def _person(actor: Actor) -> int:
    if actor.user_id is None:
        raise Forbidden("Only people transfer systems.")
    return actor.user_id


def _audit(actor: Actor, row: Transfer, verb: str, *, now: datetime, moved: int | None = None) -> None:
    data = {"before": {"team": row.giver.slug}, "after": {"team": row.taker.slug}, "reason": row.reason}
    audit_append(
        actor,
        action=f"transfer.{verb}",
        object_type="system",
        object_id=row.system_id,
        object_label=row.system.slug,
        team_slug=row.giver.slug,
        data=data if moved is None else {**data, "environments": moved},
        now=now,
    )
