"""The built-in contracts for tests: published by the service as ever, but judged once per process.

What the checks find of a document, and whether it may follow its predecessor where nothing lives, is the same in every
test; only the rows are not. ``tests/provisioning/services/test_contracts.py`` installs them without this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from unittest.mock import patch

from provisioning.services import contracts, setup

_JUDGED: dict[tuple[str, str, str], Any] = {}


def install_contracts(*, now: datetime) -> None:
    def judged(part: str, key: Callable[..., Mapping[str, Any]]) -> Any:
        judge = getattr(contracts, part)

        def once(*given: Any, **named: Any) -> Any:
            metadata = key(*given, **named)["metadata"]
            place = (part, metadata["capability"], metadata["version"])
            if place not in _JUDGED:
                _JUDGED[place] = judge(*given, **named)
            return _JUDGED[place]

        return patch.object(contracts, part, once)

    with (
        judged("draft_read", lambda text, document, definitions: document),
        judged("draft_problems", lambda draft, **named: draft.contract.document),
        judged("_require_compatible", lambda parsed: parsed.document),
    ):
        setup.contracts_install(now=now)
