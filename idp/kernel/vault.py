"""Encrypts what must be stored and read again, such as a kubeconfig.

Fernet (AES-128-CBC with HMAC-SHA256). ``SLIPWAY_ENCRYPTION_KEYS`` lists keys, newest first: the first encrypts, all
decrypt, so that a key can be replaced without downtime.
"""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from idp.kernel.errors import PlatformFault


def _vault() -> MultiFernet:
    keys = settings.ENCRYPTION_KEYS
    if not keys:
        raise PlatformFault(
            "No key to encrypt with is set.",
            code="no-encryption-key",
            remedy="Set SLIPWAY_ENCRYPTION_KEYS; docs/settings.md says how to make one.",
        )
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    return _vault().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Raises PlatformFault when none of the keys fits."""
    try:
        return _vault().decrypt(token.encode()).decode()
    except InvalidToken:
        raise PlatformFault(
            "A stored credential cannot be decrypted with the keys that are set.",
            code="wrong-encryption-key",
            remedy="Add the key it was stored with to SLIPWAY_ENCRYPTION_KEYS, or store the credential again.",
        ) from None
