"""The demo's own secrets: made on first use, kept in a file that only its owner can read. Called by settings only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet


def secret_from(path: Path, *, fernet: bool = False) -> str:
    """The secret in ``path``, made (mode 0600) when it is not there yet; safe when two processes start at once."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Fernet.generate_key().decode() if fernet else secrets.token_urlsafe(50)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made)
    except FileExistsError:
        return path.read_text().strip()
    return made
