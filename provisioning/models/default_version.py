"""The version that a constraint such as ``postgres@1`` leads to, where an admin has chosen another than the newest."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from provisioning.models.capability import Capability, Contract


class DefaultVersion(models.Model):
    """At most one for each major of a capability, and a contract is the default of its own major only.

    Without a row the newest stable version is the default. ``major`` repeats the contract's, so that the database
    can hold that there is one.
    """

    capability = models.ForeignKey(Capability, on_delete=models.CASCADE, related_name="default_versions")
    major = models.PositiveIntegerField()
    contract = models.OneToOneField(Contract, on_delete=models.CASCADE, related_name="default_of")
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    set_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["capability", "major"], name="default_version_once_per_major")]

    def __str__(self) -> str:
        return f"{self.capability_id}@{self.major} is {self.contract_id}"
