"""Settings of every test run: testing mode, a data directory of its own, no demo secrets."""

from __future__ import annotations

import os
import tempfile

os.environ["SLIPWAY_TESTING"] = "1"
os.environ.setdefault("SLIPWAY_DATA_DIR", tempfile.mkdtemp(prefix="slipway-test-"))
os.environ.setdefault("SLIPWAY_EMBEDDED_WORKER", "0")
os.environ.setdefault("SLIPWAY_SANDBOX_READY_SECONDS", "0")

from idp.settings import *  # noqa: E402, F403
