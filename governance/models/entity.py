"""What other catalogs say: entities as they were written, where they come from, and the report of each import.

Written by ``governance.services.backstage_*`` only. The text of an entity is kept whole, so that it goes out again
without loss; what it means to our catalog stands in the rows that it is linked with.
"""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from governance.models.leased_job import LeasedJob
from idp.catalog.names import SLUG, SLUG_RULE

SOURCE_KINDS = ("upload", "url", "git", "backstage")
GROUP_RULES = ("link", "create")
USER_RULES = ("link", "create")
LOOSE_RULES = ("keep", "own")
IMPORT_MODES = ("preview", "import")
IMPORT_STATES = ("queued", "running", "done", "failed")


class CatalogSource(models.Model):
    """Where entities come from. ``secret`` and ``hook_secret`` are encrypted (``idp.kernel.vault``) and never shown.

    ``owner`` owns what names no owner that is a team here. ``loose`` says what becomes of a component without system:
    it is kept as data, or gets a system of its own. ``known`` is the ETag or commit that was imported last, of a
    running Backstage the cursor and ETag of each page.
    """

    name = models.CharField(max_length=30, unique=True, validators=[RegexValidator(SLUG, SLUG_RULE)])
    kind = models.CharField(max_length=12, choices=[(kind, kind) for kind in SOURCE_KINDS])
    url = models.CharField(max_length=2000, blank=True)
    branch = models.CharField(max_length=200, blank=True)
    pattern = models.CharField(max_length=200, blank=True)
    username = models.CharField(max_length=100, blank=True)
    secret = models.TextField(blank=True)
    host_key = models.TextField(blank=True)
    hook_secret = models.TextField(blank=True)
    owner = models.ForeignKey("catalog.Team", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    groups = models.CharField(max_length=8, choices=[(rule, rule) for rule in GROUP_RULES], default="link")
    users = models.CharField(max_length=8, choices=[(rule, rule) for rule in USER_RULES], default="link")
    loose = models.CharField(max_length=8, choices=[(rule, rule) for rule in LOOSE_RULES], default="keep")
    every = models.PositiveIntegerField(default=0, help_text="Minutes between two imports; 0 for never by itself")
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    known = models.TextField(blank=True)
    previous = models.JSONField(null=True, blank=True, help_text="What the latest edit replaced")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=SOURCE_KINDS), name="catalog_source_kind_known"),
            models.CheckConstraint(condition=Q(groups__in=GROUP_RULES), name="catalog_source_groups_known"),
            models.CheckConstraint(condition=Q(users__in=USER_RULES), name="catalog_source_users_known"),
            models.CheckConstraint(condition=Q(loose__in=LOOSE_RULES), name="catalog_source_loose_known"),
        ]

    def __str__(self) -> str:
        return self.name


class Entity(models.Model):
    """One entity as its document says it, without what a server adds. ``ref`` is its canonical reference.

    ``system`` is the system of ours that it is or belongs to, and decides who may see it. ``made`` tells that the row
    it is linked with was made by an import and follows it; a row that was there before keeps what people wrote.
    ``note`` says why it is linked with nothing. An orphan's source no longer has it; it is never deleted for that.
    ``withheld`` tells that its system was restricted when it was removed: as long as it belongs to none, only those who
    see everything see it.
    """

    source = models.ForeignKey(CatalogSource, on_delete=models.PROTECT, related_name="entities")
    ref = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=63)
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=63)
    api_version = models.CharField(max_length=320)
    title = models.CharField(max_length=80, blank=True)
    data = models.JSONField()
    digest = models.CharField(max_length=64)
    file = models.CharField(max_length=2000, blank=True)
    line = models.PositiveIntegerField(default=1)
    orphaned_at = models.DateTimeField(null=True, blank=True)
    team = models.ForeignKey("catalog.Team", null=True, blank=True, on_delete=models.SET_NULL, related_name="entities")
    system = models.ForeignKey(
        "catalog.System", null=True, blank=True, on_delete=models.SET_NULL, related_name="entities"
    )
    component = models.ForeignKey(
        "catalog.Component", null=True, blank=True, on_delete=models.SET_NULL, related_name="entities"
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="entities"
    )
    made = models.BooleanField(default=False)
    note = models.CharField(max_length=300, blank=True)
    withheld = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["ref"]
        verbose_name_plural = "entities"
        indexes = [models.Index(F("kind"), F("ref"), name="entity_by_kind")]

    def __str__(self) -> str:
        return self.ref


class EntityRelation(models.Model):
    """What ``entity`` says of two entities, which need not be here. Types are those of ``relations.INVERSE``."""

    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="relations")
    type = models.CharField(max_length=20)
    source_ref = models.CharField(max_length=200)
    target_ref = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "type", "source_ref", "target_ref"], name="entity_relation_once")
        ]
        indexes = [
            models.Index(fields=["source_ref"], name="entity_relation_from"),
            models.Index(fields=["target_ref"], name="entity_relation_to"),
        ]

    def __str__(self) -> str:
        return f"{self.source_ref} {self.type} {self.target_ref}"


class CatalogImport(LeasedJob):
    """One import or the preview of one, and its report. ``payload`` holds uploaded files until they are imported.

    ``counts`` are whole; ``report`` lists what was created, changed, orphaned, refused and noted up to a limit.
    """

    source = models.ForeignKey(CatalogSource, on_delete=models.CASCADE, related_name="imports")
    mode = models.CharField(max_length=8, choices=[(mode, mode) for mode in IMPORT_MODES])
    state = models.CharField(max_length=8, choices=[(state, state) for state in IMPORT_STATES], default="queued")
    payload = models.BinaryField(null=True)
    report = models.JSONField(default=dict)

    class Meta(LeasedJob.Meta):
        constraints = [
            models.CheckConstraint(condition=Q(state__in=IMPORT_STATES), name="catalog_import_state_known"),
            models.CheckConstraint(condition=Q(mode__in=IMPORT_MODES), name="catalog_import_mode_known"),
        ]
        indexes = [
            models.Index(fields=["state", "id"], name="catalog_import_by_state"),
            models.Index(fields=["source", "-id"], name="catalog_import_of_source"),
        ]
