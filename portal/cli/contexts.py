"""Which installations somebody works with: a file of contexts, readable by its owner alone, since it holds tokens.

``$XDG_CONFIG_HOME/slipway/contexts.yaml``. Written whole and put in place at once, so that it is never half there.
"""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .exits import Fault


@dataclass(frozen=True, slots=True)
class Context:
    """One installation as one identity; without a token it can only be signed in to."""

    url: str
    token: str = ""
    username: str = ""
    expires_at: str = ""


@dataclass(slots=True)
class Contexts:
    """``current`` is the one that is meant when none is named; empty when there is none."""

    current: str = ""
    named: dict[str, Context] = field(default_factory=dict)


def contexts_file() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(home) if home and Path(home).is_absolute() else Path.home() / ".config"
    return base / "slipway" / "contexts.yaml"


def contexts_read(path: Path) -> Contexts:
    """Nothing when there is no file. A file that others may read is made private first."""
    try:
        text = path.read_text(encoding="utf-8")
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
    except FileNotFoundError:
        return Contexts()
    except OSError as error:
        raise Fault(f"{path} cannot be read: {error.strerror}.") from None
    try:
        data = yaml.safe_load(text) or {}
        named = {str(name): _context(given) for name, given in (data.get("contexts") or {}).items()}
        return Contexts(str(data.get("current") or ""), named)
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        raise Fault(f"{path} is not a file of contexts.", remedy="Mend or remove it, then run slipway login.") from None


def contexts_write(path: Path, contexts: Contexts) -> None:
    """In a folder of mode 0700, as a file of mode 0600, in one step."""
    data = {"current": contexts.current, "contexts": {name: _plain(one) for name, one in contexts.named.items()}}
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".contexts-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                yaml.safe_dump(data, file, sort_keys=False, allow_unicode=True)
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Fault(f"{path} cannot be written: {error.strerror}.") from None


def _context(given: dict[str, Any]) -> Context:
    words = {name: str(given.get(name) or "") for name in ("token", "username", "expires_at")}
    return Context(url=str(given["url"]), **words)


def _plain(context: Context) -> dict[str, str]:
    return {name: value for name, value in asdict(context).items() if value}
