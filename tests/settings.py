"""Settings of every test run: testing mode, a data directory of its own, no demo secrets."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

os.environ["SLIPWAY_TESTING"] = "1"
if "SLIPWAY_DATA_DIR" not in os.environ:
    os.environ["SLIPWAY_DATA_DIR"] = tempfile.mkdtemp(prefix="slipway-test-")
    atexit.register(shutil.rmtree, os.environ["SLIPWAY_DATA_DIR"], ignore_errors=True)
os.environ.setdefault("SLIPWAY_EMBEDDED_WORKER", "0")
os.environ.setdefault("SLIPWAY_SANDBOX_READY_SECONDS", "0")

from idp.settings import *  # noqa: F403
