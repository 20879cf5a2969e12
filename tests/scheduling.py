"""Who runs what when tests run side by side; ``tests/conftest.py`` names this module in ``pytest_plugins``.

A file goes to one worker, so that what a file sets up is set up once. So does everything that needs a control plane:
one takes half a minute of a processor to start and goes on working while nobody asks it anything. Files that use a
browser are two shares, as an installation is made for each stretch of them. (xdist's own groups do nothing: it writes
them into a field of the node that pytest does not read since version 9.)
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import pytest
from xdist.scheduler import LoadScopeScheduling

CONTROL_PLANE = ("tests/kubernetes/", "tests/provisioning/drivers/test_kubernetes_")
"""How the names of tests begin that need a control plane."""
BROWSER = "tests/browser/"
HALF = "tests/browser/test_pages.py"
"""With every fourth of the other files it has as many tests as the rest."""


def share(nodeid: str) -> str:
    """What goes to one worker together with all that has the same share."""
    if nodeid.startswith(CONTROL_PLANE):
        return "control plane"
    file = nodeid.partition("::")[0]
    if not file.startswith(BROWSER):
        return file
    return "browser, half of it" if file == HALF or crc32(file.encode()) % 4 == 0 else "browser, the other half"


class ByFile(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """In the order of their names, by which what takes longest, the browser, comes first."""
    config.option.loadscopereorder = False
    return ByFile(config, log)
