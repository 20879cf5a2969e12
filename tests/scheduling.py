"""Who runs what when tests run side by side; ``tests/conftest.py`` names this module in ``pytest_plugins``.

A file goes to one worker, so that what a file sets up is set up once. So does everything that needs a control plane:
one takes half a minute of a processor to start and goes on working while nobody asks it anything. (xdist's own groups
do nothing: it writes them into a field of the node that pytest does not read since version 9.)
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

CONTROL_PLANE = ("tests/kubernetes/", "tests/provisioning/drivers/test_kubernetes_")
"""How the names of tests begin that need a control plane."""


def share(nodeid: str) -> str:
    """What goes to one worker together with all that has the same share."""
    return "control plane" if nodeid.startswith(CONTROL_PLANE) else nodeid.partition("::")[0]


class ByFile(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)
