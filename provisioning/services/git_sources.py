"""Sources of files in Git: which branch of which repository is followed, for which team, and what it may touch.

Called by faces. A source belongs to a team and asks as a service account of it, a developer there, so it can do nothing
that a developer of the team could not do. Maintainers of the team and platform admins keep it; one that governs, which
applies policies and contracts too, is for platform admins only. What is secret is encrypted and never read back by a
face. Saving applies nothing: a source is started after a preview. Lock order: source row, environments and their
changes, then audit head.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import transaction

from governance.access import rights_of
from governance.domain.audit import difference
from governance.services.audit import audit_append
from governance.services.service_accounts import FOR_GIT, service_account_create
from governance.services.teams import membership_set
from governance.services.transactions import checked, require_version
from idp.catalog.models import System, Team, User
from idp.kernel import git_reader
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, UserFault
from idp.kernel.git_transport import fingerprint
from idp.kernel.vault import decrypt, encrypt
from provisioning.models import Environment, GitSource, GitSync
from provisioning.services.git_ownership import cause_of_source, changes_given_up
from provisioning.services.moved_changes import Moves, moves_audit

SUBJECT: Final = "git-source"
USUAL_PATTERN: Final = "**/*.yaml **/*.yml"
MOST_MINUTES: Final = 10_080
LEAST_MINUTES: Final = 1
_PLACE: Final = ("url", "branch", "pattern", "systems", "owns", "governs", "prune")
"""What decides about what is applied: another one of these is looked at before it counts."""
_EDITABLE: Final = (*_PLACE, "username", "host_key", "every")


@transaction.atomic
def git_source_save(
    actor: Actor,
    *,
    name: str,
    team: str | None = None,
    secret: str | None = None,
    systems: Sequence[str] | None = None,
    expected_version: int | None = None,
    now: datetime,
    **fields: Any,
) -> GitSource:
    """Make the source ``name`` of ``team``, or change what is not None of it; its team stays.

    ``secret`` is a token, or a private key for ssh; empty forgets it. ``fields`` are those of the model. A source whose
    place changes is stopped until it is started again. InvalidInput names each field that is wrong.
    """
    row = GitSource.objects.select_for_update(of=("self",)).select_related("team", "account").filter(name=name).first()
    before = git_source_state(row) if row else None
    if row is None:
        row = _new(actor, name, team or "", now)
    else:
        require_keeps(actor, row)
        if team not in (None, row.team.slug):
            raise _wrong("team", f"{name} is of team {row.team.slug}; make another source for another team.")
    require_version(row, row.version, expected_version)
    for field, value in {**fields, "systems": systems}.items():
        if field in _EDITABLE and value is not None:
            setattr(row, field, value.strip() if isinstance(value, str) else value)
    row.systems = sorted(set(row.systems))
    _require_right(actor, row, secret)
    secret = _elsewhere(row, before, secret) if before else secret
    if before is None or git_source_state(row) != before or secret is not None:
        _keep(actor, row, before, secret, now)
    return row


def _elsewhere(row: GitSource, before: Mapping[str, Any], secret: str | None) -> str | None:
    """What is kept of the secret: one that was given for a host is sent to no other, whose key is another one, too."""
    if _host(row.url) == _host(before["url"]):
        row.host_key_met = row.host_key_met if row.host_key == before["host_key"] else ""
        return secret
    row.host_key_met = ""
    row.host_key = row.host_key if row.host_key != before["host_key"] else ""
    return "" if secret is None and row.secret else secret


def moves_host(row: GitSource, url: str) -> bool:
    """Whether another address leads to somebody else, who must not get the secret of this one."""
    try:
        return _host(git_reader.check_address(url)) != _host(row.url)
    except UserFault:
        return True


def _host(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port


def _new(actor: Actor, name: str, slug: str, now: datetime) -> GitSource:
    team = Team.objects.filter(slug=slug, archived_at=None).first()
    if team is None:
        raise _wrong("team", f"There is no team “{slug[:30]}”.")
    rights_of(actor).require_manage(team)
    return GitSource(name=name, team=team, created_at=now)


def _keep(actor: Actor, row: GitSource, before: dict[str, Any] | None, secret: str | None, now: datetime) -> None:
    state = git_source_state(row)
    moved = before is not None and any(state[name] != before[name] for name in _PLACE)
    if secret is not None:
        row.secret = encrypt(secret) if secret else ""
    if row.pk is None:
        row.account = _account(actor, row, now)
    row.active = row.active and not moved
    row.known = "" if moved else row.known
    row.version = row.version + 1 if before else 1
    row.changed_by_id = actor.user_id
    row.previous = before if before != state else row.previous
    row.due_at = _due(row, now)
    checked(row).save()
    if moved:
        GitSync.objects.filter(source=row, mode="preview").delete()
    moves = Moves()
    if moved and row.owns:
        changes_given_up(Environment.objects.filter(git__source=row, deleted_at=None), moves=moves, now=now)
    data = {"before": before, "after": state, "credential_changed": secret is not None, "stopped": moved}
    _audit(actor, "git-source.save", row, data, now)
    moves_audit(actor, moves, cause=cause_of_source(row), now=now)


def _account(actor: Actor, row: GitSource, now: datetime) -> User:
    """The service account that asks for what the source applies, a developer of its team."""
    user = service_account_create(actor, team=row.team, username=f"{FOR_GIT}{row.name}", for_git=True, now=now)
    if not user.is_active:
        User.objects.filter(pk=user.pk).update(is_active=True)
        user.is_active = True
    membership_set(actor, team=row.team, user=user, role="developer", because=f"files in Git, {row.name}", now=now)
    return user


def git_source_state(row: GitSource) -> dict[str, Any]:
    """What an edit may change, without what is secret."""
    return {name: getattr(row, name) for name in _EDITABLE}


@transaction.atomic
def git_source_take_back(actor: Actor, *, name: str, expected_version: int | None = None, now: datetime) -> GitSource:
    """Set again what the latest edit replaced; a secret stays as it is. Conflict when nothing was edited."""
    row = git_source_get(name)
    require_keeps(actor, row)
    if row.previous is None:
        raise Conflict(f"Nothing of {name} was edited.", code="illegal-state")
    before, after = git_source_state(row), row.previous
    row = git_source_save(actor, name=name, expected_version=expected_version, now=now, **after)
    _audit(actor, "git-source.take-back", row, difference(before, after), now)
    return row


@transaction.atomic
def git_source_trust(actor: Actor, *, name: str, shown: str, now: datetime) -> GitSource:
    """Expect another key of the host over ssh: the one that it showed last, whose fingerprint is ``shown``.

    With ``shown`` empty the key is forgotten, and the next look keeps what it meets. Conflict when the host has shown
    another key since the person looked. Taken back as any edit is.
    """
    row = _locked(name)
    require_keeps(actor, row)
    if shown and fingerprint(row.host_key_met) != shown:
        raise Conflict(
            "The host has shown another key since you looked.", remedy="Look at it again.", code="illegal-state"
        )
    before = fingerprint(row.host_key)
    row = git_source_save(actor, name=name, host_key=row.host_key_met if shown else "", now=now)
    _audit(actor, "git-source.host-key", row, {"before": {"key": before}, "after": {"key": shown}}, now)
    return row


@transaction.atomic
def git_source_start(actor: Actor, *, name: str, active: bool, now: datetime) -> GitSource:
    """Let a source apply what it reads from now on, or stop it. Conflict when nobody looked what it would do."""
    row = _locked(name)
    require_keeps(actor, row)
    if active and not GitSync.objects.filter(source=row, mode="preview", state="done").exists():
        raise Conflict(
            f"Nobody has looked at what {name} would do.", remedy="Look at a preview first.", code="illegal-state"
        )
    if row.active == active:
        return row
    row.active, row.due_at = active, None
    row.due_at = _due(row, now) if active else None
    row.version += 1
    row.save(update_fields=["active", "due_at", "version"])
    action = "git-source.start" if active else "git-source.stop"
    _audit(actor, action, row, {"before": {"active": not active}, "after": {"active": active}}, now)
    return row


@transaction.atomic
def git_source_hook(actor: Actor, *, name: str, now: datetime) -> str:
    """A new secret for pushes from the Git host, shown this once; the one before it no longer counts."""
    row = _locked(name)
    require_keeps(actor, row)
    made = secrets.token_urlsafe(32)
    row.hook_secret = encrypt(made)
    row.version += 1
    row.save(update_fields=["hook_secret", "version"])
    _audit(actor, "git-source.hook", row, {}, now)
    return made


@transaction.atomic
def git_source_remove(actor: Actor, *, name: str, confirm: str, now: datetime) -> None:
    """Follow it no more. What it made stays, and is edited in Slipway again; its account is switched off.

    ``confirm`` is its typed name.
    """
    row = _locked(name)
    require_keeps(actor, row)
    if confirm != name:
        raise _wrong("confirm", f"Type “{name}” to confirm that Git no longer says what is here.")
    owned = row.documents.filter(kind="Environment", gone_at=None).exclude(claimed_at=None).order_by("name")
    before = {**git_source_state(row), "environments": list(owned.values_list("name", flat=True)[:200])}
    account = row.account_id
    _audit(actor, "git-source.remove", row, {"before": before, "after": None}, now)
    row.delete()
    User.objects.filter(pk=account).update(is_active=False)


def git_source_get(name: str) -> GitSource:
    row = GitSource.objects.select_related("team", "account", "changed_by").filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no source “{name[:30]}”.")
    return row


def require_keeps(actor: Actor, row: GitSource) -> None:
    """Maintainers of its team and admins; admins only where it governs. Needs ``team`` joined."""
    rights = rights_of(actor)
    rights.require_manage(row.team)
    if row.governs:
        rights.require_admin()


def git_source_secret(row: GitSource, secret: str | None = None) -> git_reader.Secret:
    """``secret`` in place of the stored one when it is given: a key when it looks like one, else a token."""
    held = secret if secret is not None else decrypt(row.secret) if row.secret else ""
    if "PRIVATE KEY" in held:
        return git_reader.Secret(key=held, host_key=row.host_key)
    return git_reader.Secret(token=held, username=row.username, host_key=row.host_key)


def _locked(name: str) -> GitSource:
    row = GitSource.objects.select_for_update(of=("self",)).select_related("team").filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no source “{name[:30]}”.")
    return row


def _due(row: GitSource, now: datetime) -> datetime | None:
    return now + timedelta(minutes=row.every) if row.every and row.active else None


def _require_right(actor: Actor, row: GitSource, secret: str | None) -> None:
    """What the columns cannot say of a source; the address is held against where Slipway may call."""
    if row.governs:
        rights_of(actor).require_admin()
    if row.every and not LEAST_MINUTES <= row.every <= MOST_MINUTES:
        raise _wrong("every", f"Look every {LEAST_MINUTES} to {MOST_MINUTES} minutes, or 0 for never by itself.")
    owned = set(System.objects.filter(slug__in=row.systems, team=row.team).values_list("slug", flat=True))
    if foreign := [slug for slug in row.systems if slug not in owned]:
        raise _wrong("systems", f"Team {row.team.slug} has no system “{str(foreign[0])[:30]}”.")
    row.pattern = row.pattern or USUAL_PATTERN
    if not row.url:
        raise _wrong("url", "Write the address of the repository.")
    try:
        row.url = git_reader.check_address(row.url, secret=git_source_secret(row, secret))
    except UserFault as error:
        raise _wrong("url", error.message) from None
    try:
        git_reader.check_branch(row.branch)
    except UserFault as error:
        raise _wrong("branch", error.message) from None


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, errors=[FieldError(field, message)])


def _audit(actor: Actor, action: str, row: GitSource, data: Mapping[str, Any], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type=SUBJECT,
        object_id=row.pk,
        object_label=row.name,
        team_slug=row.team.slug,
        data=dict(data),
        now=now,
    )
