"""From Score workloads to resources of an environment's document, by rules. Pure, and all or nothing.

What cannot be mapped is said with its path and why; with any such problem nothing may be applied. What comes out are
ordinary resources whose secrets are references, so that the gate judges them like any other. Nothing is run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from idp.kernel.cel import did_you_mean
from idp.kernel.errors import UserFault
from provisioning.domain.contract import Contract
from provisioning.domain.graph import circle, order
from provisioning.domain.lending import borrowed_contract
from provisioning.domain.schema import at
from provisioning.domain.score.check import Workload
from provisioning.domain.score.container import Facts, container_facts
from provisioning.domain.score.lent import lending_meant, outputs_lent
from provisioning.domain.score.names import identity, named, resource_name
from provisioning.domain.score.outcome import Before, Lending, Mapped, Place, Translation
from provisioning.domain.score.placeholders import (
    Composed,
    Placeholder,
    Unwritable,
    as_text,
    filled,
    read_by,
    written,
)
from provisioning.domain.score.rules import CONTAINER, Line, Rule, rule_for
from provisioning.domain.score.values import (
    BROKEN,
    MISSING,
    Look,
    evaluated,
    fitting,
    inside,
    metadata_at,
    outputs_of,
    set_at,
)

Contracts = Callable[[str, str], Contract]


def translate(
    workloads: Sequence[Workload],
    rules: Sequence[Rule],
    contracts: Contracts,
    place: Place,
    *,
    before: Before | None = None,
    images: Mapping[str, str] | None = None,
) -> Translation:
    """What ``workloads`` make of an environment. ``images`` by container or workload, or for all under ``""``."""
    made = Translation()
    shared = _Shared(before or Before(), {one.name: one for one in workloads})
    for workload in workloads:
        made.notes += [f"{workload.name}: {note}" for note in workload.notes]
        _One(workload, rules, contracts, place, shared, images or {}, made).translate()
    made.problems = list(dict.fromkeys(made.problems))
    return made


@dataclass(slots=True)
class _Shared:
    """What the workloads of one text know of each other: outputs and params of resources by identity."""

    before: Before
    workloads: Mapping[str, Workload]
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    params: dict[str, tuple[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class _One:
    """The translation of one workload; writes into ``made``."""

    workload: Workload
    rules: Sequence[Rule]
    contracts: Contracts
    place: Place
    shared: _Shared
    images: Mapping[str, str]
    made: Translation
    outputs: dict[str, Any] = field(default_factory=dict)
    own_outputs: dict[str, Any] = field(default_factory=dict)
    folders: int = 0

    def translate(self) -> None:
        document = self.workload.document
        rule = self._own_rule()
        contract = self._contract(rule, "containers") if rule is not None else None
        name = named(self.workload.name)
        if rule is not None and contract is not None:
            look = self._lookup({}, outputs_of(name, contract))
            self.own_outputs = {line.name: self._line(line, look, "containers") for line in rule.outputs}
        for key in self._ordered(document.get("resources", {})):
            self._resource(key, document["resources"][key])
        if rule is not None and contract is not None:
            self._own(name, rule, contract)

    def say(self, path: str, message: str) -> None:
        self.made.problems.append(self.workload.problem(path, message))

    # What the workload itself becomes.

    @property
    def _ports(self) -> Mapping[str, Any]:
        ports: Mapping[str, Any] = self.workload.document.get("service", {}).get("ports", {})
        return ports

    def _own_rule(self) -> Rule | None:
        what = "web" if self._ports else "worker"
        rule = rule_for(self.rules, what)
        if rule is None:
            path = "service" if what == "web" else "containers"
            self.say(path, f"has no rule: administrators have none for {'a' if what == 'web' else 'no'} service")
        return rule

    def _own(self, name: str, rule: Rule, contract: Contract) -> None:
        containers = self.workload.document["containers"]
        first, *others = containers
        for other in others:
            told = f"is a second container, and {rule.capability} runs one; make it a workload of its own"
            self.say(f"containers.{other}", told)
        port = self._port(rule)
        path = f"containers.{first}"
        facts = container_facts(
            containers[first],
            path,
            rule,
            port=port,
            image=self._image(first),
            resolve=self._value,
            make_files=self._make_files,
        )
        for trouble in facts.troubles:
            self.say(trouble.path, trouble.message)
        self._left_over(facts, rule)
        look = self._lookup({"container": facts.values, "service": {"port": port}}, None)
        inputs = self._inputs(rule, contract, look, path, keep=False, name=name)
        self._put(name, f"workload.default#{self.workload.name}", rule, inputs, path, f"workload {self.workload.name}")
        if "annotations" in self.workload.document["metadata"]:
            self.made.notes.append(f"{self.workload.name}: annotations describe the file; nothing is made of them.")

    def _image(self, container: str) -> str:
        return self.images.get(container) or self.images.get(self.workload.name) or self.images.get("", "")

    def _port(self, rule: Rule) -> int | None:
        """The port that the container answers on, of the only port of its service."""
        if not self._ports:
            return None
        first, *others = self._ports
        for other in others:
            told = f"is a second port, and {rule.capability} serves one; make it a workload of its own"
            self.say(f"service.ports.{other}", told)
        one = self._ports[first]
        if one.get("protocol", "TCP") != "TCP":
            self.say(f"service.ports.{first}.protocol", f"must be TCP: {rule.capability} answers HTTP")
        if "port" not in rule.takes("service"):
            self.say(f"service.ports.{first}", f"is not taken by the rule for {rule.label}")
        port: int = one.get("targetPort", one["port"])
        if port != one["port"]:
            told = f"answers on {port} inside the environment, where the container listens, and not on {one['port']}"
            self.made.notes.append(f"{self.workload.name}: the service {told}. Read the port where you need it.")
        return port

    def _left_over(self, facts: Facts, rule: Rule) -> None:
        takes = rule.takes("container")
        for name, paths in facts.paths.items():
            if name in takes and not (name == "size" and facts.values[name] is None):
                continue
            for path in paths:
                what = CONTAINER[name].removeprefix("an ").removeprefix("a ")
                told = f"cannot be mapped: {rule.capability} takes no {what} by the rule for {rule.label}"
                self.say(path, told)

    def _make_files(self, folder: str, inside: Mapping[str, Any]) -> Any:
        """A resource with the files of one folder, and the reference to it that a container takes."""
        rule = rule_for(self.rules, "files")
        path = "containers"
        if rule is None:
            self.say(path, "has files, and administrators have no rule for files")
            return None
        contract = self._contract(rule, path)
        if contract is None:
            return None
        self.folders += 1
        ending = "" if self.folders == 1 else f"-{self.folders}"
        name = named(f"{self.workload.name}-files{ending}")
        inputs = self._inputs(rule, contract, self._lookup({"files": dict(inside)}, None), path, keep=False, name=name)
        self._put(name, f"files.default#{self.workload.name}.{folder}", rule, inputs, path, f"files in {folder}")
        self.made.notes.append(
            f"{self.workload.name}: {folder} holds these files alone; what the image has there is hidden."
        )
        look = self._lookup({}, outputs_of(name, contract))
        outputs = {line.name: self._line(line, look, path) for line in rule.outputs}
        return next((value for value in outputs.values() if value is not MISSING), None)

    # What its resources become.

    def _ordered(self, resources: Mapping[str, Any]) -> tuple[str, ...]:
        """Names, each after those that its params read; those in a circle are told and left out."""
        needs = {name: read_by(one.get("params", {})) & resources.keys() for name, one in resources.items()}
        if found := circle(needs):
            self.say(f"resources.{found[0]}.params", f"must not go in a circle: {' → '.join(found)}")
            for name in {*found}:
                self.outputs[name] = BROKEN
        return tuple(name for name in order(needs) if name not in self.outputs)

    def _resource(self, key: str, asked: Mapping[str, Any]) -> None:
        path = f"resources.{key}"
        cls = asked.get("class", "default")
        rule = rule_for(self.rules, "resource", asked["type"], cls)
        self.outputs[key] = BROKEN
        if rule is None:
            known = list(dict.fromkeys(one.type for one in self.rules if one.what == "resource"))
            what = asked["type"] if cls == "default" else f"{asked['type']} of the class {cls}"
            near = did_you_mean(asked["type"], known)
            self.say(f"{path}.type", f"cannot be mapped: administrators have no rule for {what}{near}")
            return
        params = self._params(asked, rule, path)
        if params is None:
            return
        if "id" in asked and not self._agreed(asked, path):
            return
        if rule.does == "makes":
            self.outputs[key] = self._made(key, asked, rule, params, path)
        elif rule.does == "finds":
            self.outputs[key] = self._found(rule, params, path)
        else:
            look = self._lookup({"params": params}, None)
            self.outputs[key] = {line.name: self._line(line, look, path) for line in rule.outputs}
            self._note(path, asked, "", "values only")

    def _params(self, asked: Mapping[str, Any], rule: Rule, path: str) -> dict[str, Any] | None:
        """Params with their placeholders replaced; None when one has no value or means nothing to the rule."""
        takes, fine = rule.takes("params"), True
        params: dict[str, Any] = {}
        for name, value in asked.get("params", {}).items():
            if name not in takes:
                known = f"it takes {', '.join(takes)}" if takes else "it takes none"
                self.say(
                    f"{path}.params.{name}", f"cannot be mapped: the rule for {rule.label} has nothing for it; {known}"
                )
                fine = False
                continue
            try:
                params[name] = self._deep(value)
            except ValueError as error:
                self.say(f"{path}.params.{name}", str(error))
                fine = False
        return params if fine else None

    def _deep(self, value: Any) -> Any:
        if isinstance(value, str):
            return filled(value, self._value)
        if isinstance(value, Mapping):
            return {key: self._deep(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._deep(one) for one in value]
        return value

    def _agreed(self, asked: Mapping[str, Any], path: str) -> bool:
        """Whether all who share it say the same of it; who says nothing agrees."""
        shared = identity(self.workload.name, "", asked)
        params = asked.get("params")
        said = self.shared.params.get(shared) or self.shared.before.params.get(shared)
        if params is None:
            return True
        if said is not None and said[0] != self.workload.name and said[1] is not None and said[1] != params:
            self.say(
                f"{path}.params",
                f"differ from those that {said[0]} gives for {shared}; say the same, or leave them out",
            )
            return False
        self.shared.params[shared] = (self.workload.name, params)
        return True

    def _made(self, key: str, asked: Mapping[str, Any], rule: Rule, params: dict[str, Any], path: str) -> Any:
        contract = self._contract(rule, f"{path}.type")
        if contract is None:
            return BROKEN
        claim = identity(self.workload.name, key, asked)
        if claim in self.shared.outputs and "params" not in asked:
            self._shares(claim, asked, path)
            return self.shared.outputs[claim]
        name = resource_name(self.workload.name, key, asked)
        if "id" in asked and (lent := self.shared.before.lent_as(name, claim)):
            return self._borrowed(name, claim, lent, asked, rule, path)
        inputs = self._inputs(rule, contract, self._lookup({"params": params}, None), path, keep=True, name=name)
        self._put(name, claim, rule, inputs, path, self._asked(asked))
        known = {"params": params}
        look = self._lookup(known, outputs_of(name, contract))
        outputs = {line.name: self._line(line, look, path) for line in rule.outputs}
        self.shared.outputs[claim] = outputs
        return outputs

    def _borrowed(
        self, name: str, claim: str, lent: Sequence[Lending], asked: Mapping[str, Any], rule: Rule, path: str
    ) -> Any:
        """The outputs of a resource that another environment lends under this id."""
        first, told = lending_meant(lent, rule)
        if told:
            self.say(f"{path}.id", told)
            return BROKEN
        try:
            contract = borrowed_contract(self.contracts(first.capability, first.version))
        except UserFault as error:
            self.say(f"{path}.id", error.message.rstrip("."))
            return BROKEN
        if asked.get("params"):
            self.made.notes.append(f"{self.workload.name}: {path}.params say nothing here; {first.place} decides them.")
        if self._placed(name, claim, path):
            self.made.resources[name] = {"from": dict(first.origin)}
            self._note(path, asked, name, f"lent by {first.place}")
        look = self._lookup({}, outputs_lent(name, contract))
        outputs = {line.name: self._line(line, look, path) for line in rule.outputs}
        self.shared.outputs[claim] = outputs
        return outputs

    def _shares(self, claim: str, asked: Mapping[str, Any], path: str) -> None:
        name = resource_name(self.workload.name, "", asked)
        self.made.claims.setdefault(self.workload.name, {})[name] = claim
        self._note(path, asked, name, "shared")

    def _found(self, rule: Rule, params: dict[str, Any], path: str) -> Any:
        """Outputs of what is there, in this text or the environment; without params it is what has its own name."""
        wanted = self._line(Line("", rule.find), self._lookup({"params": params}, None), path)
        wanted = path.rpartition(".")[2] if wanted is MISSING else wanted
        if not isinstance(wanted, str):
            self.say(f"{path}.params", f"must say which one is meant: {', '.join(rule.takes('params')) or rule.find}")
            return BROKEN
        name = named(wanted)
        reference = self._capability_of(wanted, name)
        if reference is None:
            known = sorted({*self.shared.workloads, *self.shared.before.resources})
            self.say(f"{path}.params", f"mean “{wanted[:60]}”, which is not here{did_you_mean(wanted, known)}")
            return BROKEN
        try:
            look = self._lookup({"params": params}, outputs_of(name, self.contracts(*reference)))
        except UserFault as error:
            self.say(path, error.message.rstrip("."))
            return BROKEN
        self._note(path, self.workload.document["resources"][path.partition(".")[2]], name, "found")
        return {line.name: self._line(line, look, path) for line in rule.outputs}

    def _capability_of(self, wanted: str, name: str) -> tuple[str, str] | None:
        if (other := self.shared.workloads.get(wanted)) is not None:
            rule = rule_for(self.rules, "web" if other.document.get("service", {}).get("ports") else "worker")
            return (rule.capability, rule.version) if rule else None
        there = self.shared.before.resources.get(name)
        return (there["capability"], there["contract"]) if there else None

    # Values.

    def _value(self, placeholder: Placeholder) -> Any:
        """What a placeholder of the file stands for; ValueError says why there is nothing."""
        root, *steps = placeholder.parts
        shown = placeholder.source[:80]
        if root == "metadata":
            return metadata_at(self.workload.document["metadata"], steps, shown)
        if root != "resources":
            raise ValueError(
                f"has “${{{shown}}}”, which is neither metadata nor resources; write $${{ for the text itself"
            )
        resources = self.workload.document.get("resources", {})
        if not steps or steps[0] not in resources:
            near = did_you_mean(steps[0], resources) if steps else ""
            raise ValueError(f"has “${{{shown}}}”, and the file has no such resource{near}")
        outputs = self.outputs.get(steps[0], BROKEN)
        if outputs is BROKEN:
            return ""  # told where the resource stands
        if len(steps) != 2 or steps[1] not in outputs:
            there = f"there are {', '.join(outputs)}" if outputs else "it has none"
            raise ValueError(f"has “${{{shown}}}”, which is no output of “{steps[0]}”; {there}")
        value = outputs[steps[1]]
        if value is MISSING:
            raise ValueError(f"has “${{{shown}}}”, which has no value here; give “{steps[0]}” the params that it needs")
        return value

    def _lookup(self, known: Mapping[str, Any], outputs: Callable[[Sequence[str]], Any] | None) -> Look:
        """What the placeholders of a rule stand for; ``MISSING`` for what was not given."""
        names = {
            "workload": self.workload.name,
            "system": self.place.system,
            "environment": self.place.environment,
            "stage": self.place.stage,
        }

        def look(placeholder: Placeholder) -> Any:
            root, *steps = placeholder.parts
            if root in names:
                return names[root]
            if root == "outputs" and outputs is not None:
                return outputs(steps)
            if root == "service" and steps[:1] == ["at"]:
                return self._service(known.get("params", {}).get(steps[2], MISSING))
            if root == "service" and root not in known:
                return self.own_outputs.get(steps[0], MISSING)
            return inside(known.get(root, MISSING), steps)

        return look

    def _service(self, port: Any) -> Any:
        """The workload's own service, when ``port`` is one of its ports by number or name, or was not given."""
        if not self._ports:
            raise ValueError("leads to a service, and this workload has none; give it a service")
        numbers = {str(one["port"]) for one in self._ports.values()}
        if port is not MISSING and as_text(port if not isinstance(port, Composed) else "") not in {
            *numbers,
            *self._ports,
        }:
            raise ValueError(f"must lead to a port of the service: {', '.join(sorted({*numbers, *self._ports}))}")
        return self.own_outputs.get("service", MISSING)

    def _line(self, line: Line, look: Look, path: str) -> Any:
        """The value of a rule's line, else of what it takes otherwise, else ``MISSING``."""
        for text in (line.value, line.otherwise):
            try:
                value = evaluated(text, look) if text else MISSING
            except ValueError as error:
                self.say(path, str(error))
                return BROKEN
            if value is not MISSING:
                return value
        return MISSING

    def _inputs(
        self,
        rule: Rule,
        contract: Contract,
        look: Look,
        path: str,
        *,
        keep: bool,
        name: str,
    ) -> dict[str, Any]:
        """Inputs as a document has them. What the rule does not speak of stays as the environment has it.

        ``keep``: what it speaks of and the file says nothing about stays too.
        """
        had = self.shared.before.resources.get(name, {})
        ours = had.get("capability") == rule.capability and name in self.shared.before.claims
        kept = dict(had["inputs"]) if ours else {}
        if not keep:
            spoken = {line.name.partition(".")[0] for line in rule.inputs}
            kept = {key: value for key, value in kept.items() if key not in spoken}
        given: dict[str, Any] = {}
        for line in rule.inputs:
            value = self._line(line, look, path)
            if value is MISSING or value is BROKEN:
                continue
            schema = at(contract.inputs, tuple(line.name.split(".")), {}) or {}
            try:
                set_at(given, line.name.split("."), written(fitting(value, schema, line.name)))
            except Unwritable as error:
                self.say(path, str(error))
        return {**kept, **given}

    # What is written down.

    def _contract(self, rule: Rule, path: str) -> Contract | None:
        try:
            return self.contracts(rule.capability, rule.version)
        except UserFault as error:
            self.say(path, f"cannot be mapped: {error.message} {error.remedy}".strip().rstrip("."))
            return None

    def _put(self, name: str, claim: str, rule: Rule, inputs: dict[str, Any], path: str, asked: str) -> None:
        if self._placed(name, claim, path):
            self.made.resources[name] = {"capability": rule.reference, "inputs": inputs}
            self.made.mapped.append(Mapped(self.workload.name, path, asked, name, rule.reference))

    def _placed(self, name: str, claim: str, path: str) -> bool:
        """Whether the name is free for ``claim``, which has it from here on."""
        others = {there: one for claims in self.made.claims.values() for there, one in claims.items()}
        held = others.get(name) or self.shared.before.claims.get(name)
        if held is not None and held != claim:
            self.say(path, f"would be called {name}, which {held} is called already; rename it, or give it an id")
            return False
        if held is None and name in self.shared.before.resources:
            told = f"would be called {name}, and the environment has a resource of that name which no Score file made"
            self.say(path, f"{told}; rename it here")
            return False
        self.made.claims.setdefault(self.workload.name, {})[name] = claim
        self.made.origins.setdefault(name, (self.workload, path))
        return True

    def _note(self, path: str, asked: Mapping[str, Any], name: str, how: str) -> None:
        self.made.mapped.append(Mapped(self.workload.name, path, self._asked(asked), name, how))

    def _asked(self, asked: Mapping[str, Any]) -> str:
        cls = asked.get("class")
        told = f"{asked['type']}.{cls}" if cls else str(asked["type"])
        return f"{told} “{asked['id']}”" if "id" in asked else told
