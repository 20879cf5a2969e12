"""Tables of the catalog. Rows change in ``governance.services`` only (docs/adr/0001); no behaviour in ``save``."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from idp.catalog.names import COMPONENT_TYPES, ROLES, SLUG, SLUG_RULE

slug_validator = RegexValidator(SLUG, SLUG_RULE)


def _one_of(name: str, words: tuple[str, ...]) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(**{f"{name}__in": words}), name=f"%(class)s_{name}_known")


class User(AbstractUser):
    """A person, or a team's service account (``team`` set, no password, acts by token only)."""

    service_of = models.ForeignKey(
        "catalog.Team", null=True, blank=True, on_delete=models.CASCADE, related_name="service_accounts"
    )
    display_name = models.CharField(max_length=120, blank=True)

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"

    @property
    def is_service(self) -> bool:
        return self.service_of_id is not None


class Team(models.Model):
    """People who own things. ``parent`` answers for what this one can no longer; an archived team takes nothing new."""

    slug = models.CharField(max_length=30, unique=True, validators=[slug_validator])
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")
    archived_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["slug"]
        permissions = [
            ("see_restricted", "May see the team's restricted systems"),
            ("request_change", "May ask for changes to the team's environments"),
            ("approve_change", "May approve as the team"),
            ("manage_team", "May manage members, components and system settings"),
        ]

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """One person's role in one team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=[(role, role) for role in ROLES])
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["user__username"]
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="membership_once"),
            _one_of("role", ROLES),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.team_id}"


class System(models.Model):
    """What a team runs and ships together. ``restricted``: only the team, admins and auditors see it."""

    slug = models.CharField(max_length=30, unique=True, validators=[slug_validator])
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="systems")
    restricted = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class Component(models.Model):
    """One piece of software in a system. ``links`` is a list of ``{"title", "url"}``."""

    slug = models.CharField(max_length=30, unique=True, validators=[slug_validator])
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True)
    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="components")
    type = models.CharField(max_length=12, choices=[(kind, kind) for kind in COMPONENT_TYPES])
    repository = models.URLField(blank=True)
    links = models.JSONField(default=list, blank=True)
    depends_on = models.ManyToManyField("self", symmetrical=False, related_name="dependents", through="Dependency")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["slug"]
        constraints = [_one_of("type", COMPONENT_TYPES)]

    def __str__(self) -> str:
        return self.slug


class Dependency(models.Model):
    """``component`` needs ``needs``."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="dependencies")
    needs = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="needed_by")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["component", "needs"], name="dependency_once"),
            models.CheckConstraint(condition=~Q(component=models.F("needs")), name="dependency_not_on_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.component_id} needs {self.needs_id}"
