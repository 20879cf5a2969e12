"""The sandbox keeps every promise that a driver makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning.drivers.sandbox import SandboxDriver
from tests.provisioning.drivers.conformance import DriverConformance, World, new_world
from tests.provisioning.drivers.copy_conformance import CopyConformance
from tests.provisioning.drivers.watch_conformance import WatchConformance


@pytest.fixture
def world(tmp_path: Path) -> World:
    driver = SandboxDriver(tmp_path / "sandbox.sqlite3", ready_after=0)
    return new_world(driver, lambda ref, changes, manager: driver.edit(ref, changes, manager=manager))


class TestSandbox(DriverConformance):
    """All inherited."""


class TestSandboxWatch(WatchConformance):
    """All inherited."""


class TestSandboxCopies(CopyConformance):
    """All inherited."""
