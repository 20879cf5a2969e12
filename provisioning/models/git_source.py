"""Files in Git: which repositories are followed, what each document of them led to, and every look that was taken.

Written by ``provisioning.services.git_*`` only. What is secret is encrypted (``idp.kernel.vault``) and never shown.
"""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from governance.models.leased_job import LeasedJob
from idp.catalog.models import Team
from idp.catalog.names import SLUG, SLUG_RULE
from provisioning.models.change import Change

SYNC_MODES = ("preview", "sync")
SYNC_STATES = ("queued", "running", "done", "failed")
DOCUMENT_OUTCOMES = ("accepted", "refused")


class GitSource(models.Model):
    """A branch of a repository and a pattern of paths. ``account`` is the service account of ``team`` that asks.

    ``systems`` narrows what it may touch, empty for all of the team. ``owns``: what it applies is edited in Git only.
    ``governs``: contracts, policies and approval routes are applied too, as an admin allowed. ``prune``: what leaves
    the files is deleted, unless it holds data. Nothing is applied until it is ``active``. ``known`` is the commit that
    was applied last, ``head`` tells of it. ``previous`` is what the latest edit replaced. ``host_key`` is what the host
    must show over ssh, ``host_key_met`` another one that it showed since. ``told`` is the trouble that people know of
    (``provisioning.domain.git_trouble``).
    """

    name = models.CharField(max_length=30, unique=True, validators=[RegexValidator(SLUG, SLUG_RULE)])
    url = models.CharField(max_length=2000)
    branch = models.CharField(max_length=200, blank=True)
    pattern = models.CharField(max_length=200)
    username = models.CharField(max_length=100, blank=True)
    secret = models.TextField(blank=True)
    host_key = models.TextField(blank=True)
    host_key_met = models.TextField(blank=True)
    hook_secret = models.TextField(blank=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="git_sources")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    systems = models.JSONField(default=list, blank=True)
    owns = models.BooleanField(default=False)
    governs = models.BooleanField(default=False)
    prune = models.BooleanField(default=False)
    active = models.BooleanField(default=False)
    every = models.PositiveIntegerField(default=0, help_text="Minutes between two looks; 0 for never by itself")
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    known = models.CharField(max_length=40, blank=True)
    told = models.JSONField(default=dict, blank=True)
    head = models.JSONField(default=dict, blank=True)
    previous = models.JSONField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class GitSync(LeasedJob):
    """One look at a source, or the preview of one, and its report: a line for each document.

    ``commit`` tells whose it was. ``anew``: somebody asked, so that what was refused or edited elsewhere is applied
    though its commit is known.
    """

    source = models.ForeignKey(GitSource, on_delete=models.CASCADE, related_name="syncs")
    mode = models.CharField(max_length=8, choices=[(mode, mode) for mode in SYNC_MODES])
    state = models.CharField(max_length=8, choices=[(state, state) for state in SYNC_STATES], default="queued")
    anew = models.BooleanField(default=False)
    commit = models.JSONField(default=dict)
    report = models.JSONField(default=list)

    class Meta(LeasedJob.Meta):
        constraints = [
            models.CheckConstraint(condition=Q(state__in=SYNC_STATES), name="git_sync_state_known"),
            models.CheckConstraint(condition=Q(mode__in=SYNC_MODES), name="git_sync_mode_known"),
        ]
        indexes = [
            models.Index(fields=["state", "id"], name="git_sync_by_state"),
            models.Index(fields=["source", "-id"], name="git_sync_of_source"),
        ]


class GitFile(models.Model):
    """A file as it was at the commit that was applied last, so that a patch can be written against it."""

    source = models.ForeignKey(GitSource, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=500)
    text = models.TextField()

    class Meta:
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["source", "path"], name="git_file_once")]

    def __str__(self) -> str:
        return self.path


class GitDocument(models.Model):
    """One document of a source, or a file that holds none that can be read (then without ``kind`` and ``name``).

    ``digest`` is that of the document as it was tried last, ``outcome`` what came of it, in words in ``message``.
    ``claimed_at`` is when it was first accepted: a document that nobody ever accepted speaks for nothing. ``change`` is
    what it led to; ``revision`` what the environment had when nothing was left to do. ``gone_at``: no longer in Git.
    ``released_at``: an admin took the environment out of Git's hands, and Git leaves it alone.
    """

    source = models.ForeignKey(GitSource, on_delete=models.CASCADE, related_name="documents")
    file = models.CharField(max_length=500)
    line = models.PositiveIntegerField(null=True)
    kind = models.CharField(max_length=60, blank=True)
    name = models.CharField(max_length=170, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    data = models.JSONField(default=dict)
    commit = models.CharField(max_length=40)
    outcome = models.CharField(max_length=8, choices=[(one, one) for one in DOCUMENT_OUTCOMES])
    message = models.CharField(max_length=1000, blank=True)
    change = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="+")
    revision = models.ForeignKey("Revision", null=True, on_delete=models.SET_NULL, related_name="+")
    claimed_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    released_why = models.CharField(max_length=400, blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["file", "line", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "kind", "name"], condition=~Q(name=""), name="git_document_once_per_source"
            ),
            models.CheckConstraint(condition=Q(outcome__in=DOCUMENT_OUTCOMES), name="git_document_outcome_known"),
        ]
        indexes = [models.Index(fields=["kind", "name"], name="git_document_by_name")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip() or self.file

    @property
    def agreed_id(self) -> int | None:
        """The revision that it stands for; needs ``change`` joined."""
        return (self.change.revision_id if self.change else None) or self.revision_id


class ChangeCommit(models.Model):
    """The commit that a change came from. Outlives its source, as the change does."""

    change = models.OneToOneField(Change, on_delete=models.CASCADE, related_name="commit")
    source = models.CharField(max_length=30)
    repository = models.CharField(max_length=2000)
    commit = models.CharField(max_length=40)
    author = models.CharField(max_length=200)
    email = models.CharField(max_length=200)
    subject = models.CharField(max_length=200)
    link = models.CharField(max_length=2100, blank=True)
    path = models.CharField(max_length=500)

    def __str__(self) -> str:
        return f"{self.commit[:8]} {self.path}"
