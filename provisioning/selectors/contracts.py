"""From ``postgres@1`` to the contract that a new revision uses: newest stable that fits, or what is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from idp.kernel.cel import did_you_mean
from idp.kernel.errors import FieldError, NotFound
from provisioning.domain.availability import Offer, Requires, missing, reason, remedy
from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.contract_states import new_uses_refused
from provisioning.domain.lending import is_borrowed
from provisioning.models import Capability, PreviewTeam
from provisioning.selectors.capabilities import Catalogue


@dataclass(frozen=True, slots=True)
class ContractLookup:
    """Resolves constraints for one environment; ``kept`` are the versions its resources have now, by capability.

    ``offer`` answers what the environment's cluster has; without it every requirement counts as met.
    """

    catalogue: Catalogue
    kept: Mapping[str, str]
    offer: Callable[[], Offer] | None = None

    def contract(self, capability: str, constraint: str) -> ParsedContract:
        """The contract to use: the best whose requirements the cluster meets, else the best, which ``refused`` tells.

        NotFound says what there is instead.
        """
        offered = self.catalogue.offered(capability)
        if not offered:
            known = list(Capability.objects.values_list("name", flat=True))
            raise NotFound(
                f"There is no capability “{capability}”{did_you_mean(capability, known)}.",
                remedy=f"There are {', '.join(sorted(known))}.",
            )
        keep = self.kept.get(capability)
        version = self.catalogue.choose(capability, constraint, keep=keep, fits=self._fits) or self.catalogue.choose(
            capability, constraint, keep=keep
        )
        if version is None:
            usable = ", ".join(text for text, state in offered if state in ("stable", "deprecated"))
            raise NotFound(f"{capability} has no version that fits “{constraint}”.", remedy=f"There are {usable}.")
        return self.catalogue.contract(capability, version)

    def served(self) -> frozenset[str]:
        """Custom kinds of the environment's cluster; none where nobody has looked."""
        return self.offer().apis if self.offer is not None else frozenset()

    def _fits(self, requires: Requires) -> bool:
        return self.offer is None or not requires or not missing(requires, self.offer())

    def refused(
        self, document: Mapping[str, Any], base: Mapping[str, Any] | None, *, team: int, elsewhere: bool = False
    ) -> list[FieldError]:
        """Resources that would begin to use a defective version, a preview that ``team`` has not opted in to, or what
        the cluster cannot carry.

        ``elsewhere``: it moves, so that the cluster must have what all of it requires.

        One query when a preview is named, one when a version requires something of the cluster, none otherwise.
        """

        def joined(capability: str) -> bool:
            return PreviewTeam.objects.filter(team=team, capability__name=capability).exists()

        def state_of(capability: str, version: str) -> str:
            return self.catalogue.row(capability, version).state

        refused = new_uses_refused(document, base, state_of=state_of, joined=joined)
        return [*refused, *self._lacking(document, None if elsewhere else base)]

    def _lacking(self, document: Mapping[str, Any], base: Mapping[str, Any] | None) -> Iterator[FieldError]:
        """What lives on a cluster may stay as it is, whatever the cluster has lost."""
        before = (base or {}).get("resources", {})
        for name, one in document["resources"].items():
            if is_borrowed(one):
                continue
            had, capability = before.get(name, {}), one["capability"]
            needs = self.catalogue.requires(capability, one["contract"])
            if self._fits(needs) or (had.get("capability"), had.get("contract")) == (capability, one["contract"]):
                continue
            assert self.offer is not None
            other = self.catalogue.choose(capability, "", fits=self._fits)
            instead = f"{capability}@{other.partition('.')[0]}" if other else ""
            why = reason(needs, self.offer())
            then = remedy(needs, self.offer(), instead=instead)
            yield FieldError(
                f"spec.resources.{name}.capability", f"{capability} {one['contract']} {why}. {then.rstrip('.')}"
            )


def lookup_for(spec: Mapping[str, Any], base: Mapping[str, Any] | None) -> ContractLookup:
    """A lookup that has loaded what ``spec`` and the base revision's document name; one query."""
    wanted = set()
    resources = spec.get("resources")
    if isinstance(resources, Mapping):
        for resource in resources.values():
            if isinstance(resource, Mapping) and isinstance(resource.get("capability"), str):
                wanted.add(resource["capability"].partition("@")[0])
    kept = {}
    for resource in (base or {}).get("resources", {}).values():
        wanted.add(resource["capability"])
        if not is_borrowed(resource):
            kept[resource["capability"]] = resource["contract"]
    return ContractLookup(Catalogue(wanted), kept)
