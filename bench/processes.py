"""Processes of the product that are started to be measured, and ended again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import connection


def environment(**more: str) -> dict[str, str]:
    """What a process needs to work on the database that this one uses now."""
    settings = connection.settings_dict
    place = f"{settings['HOST']}:{settings['PORT']}" if settings["PORT"] else settings["HOST"]
    account = f"{settings['USER']}:{settings['PASSWORD']}" if settings["PASSWORD"] else settings["USER"]
    return {**os.environ, "DATABASE_URL": f"postgresql://{account}@{place}/{settings['NAME']}", **more}


@contextmanager
def running(*command: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """``python -m <command>`` until the block is left."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command], env=dict(env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
