"""What people prove themselves with beside a password, and of whom that is asked.

The database holds nothing that would open an account: the seed of an app is encrypted (``idp.kernel.vault``), of a
passkey only the public key is known, of a recovery code only its hash.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from governance.domain.second_factor import NOBODY, REQUIRED_OF


class AuthenticatorApp(models.Model):
    """The app that makes a person's codes. ``last_step`` is the step of time whose code was accepted last."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="authenticator_app", primary_key=True
    )
    seed = models.TextField()
    last_step = models.BigIntegerField()
    added_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"App of {self.user_id}"


class Passkey(models.Model):
    """One passkey of a person. ``credential`` is its id in base64url, ``public`` the attested data of WebAuthn,
    ``handle`` by what name the browser knows the person: random, and the same for all passkeys of one person.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=60)
    credential = models.CharField(max_length=1400, unique=True)
    handle = models.CharField(max_length=90)
    public = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    added_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.name} of {self.user_id}"


class RecoveryCode(models.Model):
    """One of ten that stand in for a lost factor, once each."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes")
    hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "hash"], name="one_recovery_code")]

    def __str__(self) -> str:
        return f"Recovery code of {self.user_id}"


class SecondFactorRule(models.Model):
    """Of whom a second factor is required. One row at most; without it, of nobody."""

    required_of = models.CharField(max_length=12, default=NOBODY)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(required_of__in=REQUIRED_OF), name="second_factor_rule_known")
        ]

    def __str__(self) -> str:
        return self.required_of
