"""Plans, verdicts and quota in the shapes that the components draw. Pure; read by the form of an environment and by the
decision page, so that a plan looks the same before and after it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

from portal.drawing import words

Plan = Mapping[str, Any]
LONGEST_VALUE: Final = 400
NEAR: Final = "0.9"


class VerdictLike(Protocol):
    @property
    def policy(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def remedy(self) -> str: ...


class QuotaLike(Protocol):
    @property
    def label(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def limit(self) -> Any: ...
    @property
    def used(self) -> Any: ...
    @property
    def held(self) -> Any: ...
    @property
    def asked(self) -> Any: ...
    @property
    def left(self) -> Any: ...


def value_text(value: Any) -> str | None:
    """One side of a difference as text; None where there is nothing."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def diff_resources(plan: Plan) -> list[dict[str, Any]]:
    """The resources that change, as ``components/_diff.html`` draws them."""
    return [_diff_resource(one) for one in plan.get("resources", ()) if one["action"] != "unchanged"]


def _diff_resource(one: Mapping[str, Any]) -> dict[str, Any]:
    version = one.get("contract_after") or one.get("contract_before") or ""
    whole = one["action"] in ("added", "removed")
    lines = [] if one["action"] == "removed" else one["fields"]
    return {
        "name": one["name"],
        "action": one["action"],
        "icon": one.get("icon") or "box",
        "contract": f"{one['capability']} {version}".strip(),
        "effect": one["effect"],
        "lines": [
            {"path": line["path"], "before": value_text(line["before"]), "after": value_text(line["after"])}
            for line in lines
            if not (whole and line["path"] == "contract")
        ],
    }


def unchanged_sentence(plan: Plan) -> str:
    """Which resources stay as they are; nothing when all change."""
    names = [one["name"] for one in plan.get("resources", ()) if one["action"] == "unchanged"]
    if not names:
        return ""
    return f"{listed(names)} {'does' if len(names) == 1 else 'do'} not change."


def listed(names: Sequence[str], last: str = "and") -> str:
    """``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}" if names else ""


def expiry_words(before: str | None, after: str | None, day: Any) -> str:
    """How the day on which it goes away moves; nothing when it stays. ``day`` writes one moment."""
    if before == after:
        return ""
    return f"Goes away {day(after) if after else 'never'}, until now {day(before) if before else 'never'}."


def verdict_lines(verdicts: Sequence[VerdictLike], *, names: bool = True) -> list[dict[str, str]]:
    """Policies, those that stop first; those that have nothing to say share one line, with their names if wanted."""
    order = ("denies", "errors", "asks", "warns", "observes")
    spoken = sorted((one for one in verdicts if one.outcome in order), key=lambda one: order.index(one.outcome))
    silent = [one.title for one in verdicts if one.outcome not in order]
    lines = [{"state": one.outcome, "title": one.title, "text": _reason(one), "word": ""} for one in spoken]
    if len(silent) == 1:
        lines.append({"state": "passes", "title": silent[0], "text": "", "word": ""})
    elif silent:
        title = f"{len(silent)} {'others' if lines else 'policies'} have nothing against it"
        text = f"{'; '.join(silent)}." if names else ""
        lines.append({"state": "passes", "title": title, "text": text, "word": "Pass"})
    return lines


def _reason(one: VerdictLike) -> str:
    return " ".join(part for part in (one.message if one.message != one.title else "", one.remedy) if part)


def stored_verdicts(stored: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The same of verdicts as a change keeps them."""
    return verdict_lines([StoredVerdict(one) for one in stored])


class StoredVerdict:
    """A verdict read back from a change's row."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self.policy = str(stored.get("policy", ""))
        self.title = str(stored.get("title") or self.policy)
        self.outcome = str(stored.get("outcome", ""))
        self.message = str(stored.get("message", ""))
        self.remedy = str(stored.get("remedy", ""))


def quota_left(line: QuotaLike) -> dict[str, Any]:
    """One dimension for the form: what is asked for and what would be left."""
    asked = words.decimal(line.asked)
    more = f"+{words.number(asked)}, " if asked > 0 else ""
    if line.limit is None or line.left is None:
        return {**_bar(line), "value": f"{more}no limit is set"}
    unit, left = _unit(line), words.decimal(line.left)
    if left < 0:
        return {**_bar(line), "value": f"{words.number(-left)}{unit} too few of {words.number(line.limit)}"}
    return {**_bar(line), "value": f"{more}{words.number(left)} left of {words.number(line.limit)}{unit}"}


def quota_after(line: QuotaLike) -> dict[str, Any]:
    """One dimension for the decision: what would be taken of the limit."""
    taken = words.decimal(line.used) + words.decimal(line.held) + _asked(line)
    if line.limit is None:
        return {**_bar(line), "value": f"{words.number(taken)}{_unit(line)}, no limit is set"}
    return {**_bar(line), "value": f"{words.number(taken)} of {words.number(line.limit)}{_unit(line)}"}


def _unit(line: QuotaLike) -> str:
    """Only what is not clear from the label: ``CPU 8 of 40``, but ``Memory 16 of 96 GiB``."""
    return f" {line.unit}" if line.unit == "GiB" else ""


def _asked(line: QuotaLike) -> Decimal:
    return max(words.decimal(line.asked), Decimal(0))


def _bar(line: QuotaLike) -> dict[str, Any]:
    taken = words.decimal(line.used) + words.decimal(line.held) + _asked(line)
    limit = words.decimal(line.limit or 0)
    return {
        "label": line.label,
        "unit": line.unit,
        "used": line.used,
        "held": line.held,
        "asked": _asked(line),
        "limit": line.limit,
        "over": bool(limit) and taken > limit,
        "near": bool(limit) and Decimal(NEAR) * limit <= taken <= limit,
    }


def counts_sentence(plan: Plan) -> str:
    """``3 updated, 1 added``; what is none of it is left out."""
    counts = plan.get("counts", {})
    parts = [f"{counts[key]} {key}" for key in ("updated", "added", "removed") if counts.get(key)]
    return ", ".join(parts) or "None"
