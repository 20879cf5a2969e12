"""The one password of all demo accounts: made once, easy to read aloud, kept in a file that only its owner reads."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

WORDS = (
    "anchor beacon breeze canvas compass coral cutter dinghy ferry fjord galley gull harbour haven island jetty kelp "
    "lagoon lantern lighthouse lugger marina mooring narwhal oar otter pebble pelican pier pilot puffin quay raft reef "
    "rigging rudder sail schooner seal shore skiff sloop sound sternpost tide tiller trawler wharf windlass yawl"
)


def demo_password(path: Path) -> tuple[str, bool]:
    """The password in ``path``, and whether it was made just now; safe when two processes start at once."""
    kept = _read(path)
    if kept:
        return kept, False
    path.parent.mkdir(parents=True, exist_ok=True)
    made = _made()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{made}\n")
    except FileExistsError:
        return _read(path), False
    return made, True


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _made() -> str:
    """Four words and four digits: about 36 bits, for a demo that listens on this machine only."""
    words = WORDS.split()
    return "-".join([*(secrets.choice(words) for _ in range(4)), str(secrets.randbelow(9000) + 1000)])
