"""What publishing a draft would mean, without publishing it: its checks, what it changes, and whom it would strike.

Called by whoever shows a draft before it is published. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.access import rights_of
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError
from provisioning.domain.blast_radius import Impact, majors_reached, strike
from provisioning.domain.compatibility import Compatibility, compare
from provisioning.domain.contract import Contract
from provisioning.domain.upgrade import Mapped, upgrade_all
from provisioning.domain.version_diff import Difference, differences
from provisioning.selectors.blast import require_judge
from provisioning.selectors.contract_neighbours import living_inputs, neighbours
from provisioning.selectors.living import living_resources
from provisioning.services.contracts import contract_read


@dataclass(frozen=True, slots=True)
class Preview:
    """``before`` is the version that it follows, None for the first. With ``problems`` nothing further was looked at.

    ``mapped`` has, for a new major, what its upgrade mapping makes of every living resource of the major before.
    """

    contract: Contract
    problems: tuple[FieldError, ...]
    before: Contract | None = None
    compatibility: Compatibility | None = None
    differences: tuple[Difference, ...] = ()
    mapped: tuple[Mapped, ...] = ()


def contract_preview(
    actor: Actor,
    *,
    text: str | bytes | None = None,
    document: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> Preview:
    """What the draft is and changes. Admins only; InvalidInput when it is not a contract at all.

    Given ``now``, clusters are asked about custom kinds that none of them was asked about before.
    """
    rights_of(actor).require_admin()
    contract, problems = contract_read(text, document=document, now=now)
    before, _ = neighbours(contract.capability, contract.semver)
    if problems or before is None:
        return Preview(contract, tuple(problems), before)
    living = list(living_inputs(contract.capability, before.semver.major))
    compatibility = compare(before, contract, (inputs for _, inputs in living))
    mapped = upgrade_all(living, contract, old=before) if compatibility.step == "major" else ()
    return Preview(contract, (), before, compatibility, differences(before, contract), mapped)


def contract_strike(actor: Actor, *, contract: Contract, major: int | None = None) -> Iterator[Impact]:
    """The impact on each living resource that ``contract`` reaches, one by one, so that progress can be shown.

    For platform admins and the team that owns the capability. ``major`` leaves out what lives of other majors. What is
    to be kept, shown to many or worked off elsewhere is a report (``blast_reports``).
    """
    require_judge(rights_of(actor), contract.capability)
    reached = majors_reached(contract) if major is None else {major}
    living = living_resources(contract.capability)
    return strike((one for one in living if one.contract.semver.major in reached), contract)
