"""axe-core on a page as it stands, injected past the page's own policy; the rules of WCAG 2.2 AA and best practice."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SOURCE = Path(__file__).parent / "vendor" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]

# What comes in or changes colour is judged when it has arrived: half faded in, every text has too little contrast.
# Behind a closed fold nothing is drawn and no animation ever ends, nor is anything there judged. After five seconds a
# page is judged as it is, so that no test waits for ever.
SETTLED = """() => Promise.race([new Promise(done => setTimeout(done, 5000)), Promise.all(document.getAnimations()
    .filter(one => one.playState === 'running' && one.effect.target?.checkVisibility()
        && one.effect.getComputedTiming().endTime !== Infinity)
    .map(one => one.finished.catch(() => null)))]).then(() => null)"""


@cache
def _source() -> str:
    return SOURCE.read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """One line for each rule that is broken, with the first places of it."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(_source())
    page.evaluate(SETTLED)
    found: dict[str, Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", TAGS
    )
    return [_line(one) for one in found["violations"]]


def _line(violation: dict[str, Any]) -> str:
    places = "; ".join(f"{node['target']}: {node['html'][:160]}" for node in violation["nodes"][:3])
    return f"{violation['id']} ({len(violation['nodes'])}×): {violation['help']}: {places}"
