"""What a container of a Score workload asks for, as facts that rules take. Pure.

Each fact knows the places that it stands for, so that what no rule takes can be named by its path.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioning.domain.score.placeholders import Composed, Placeholder, Reference, filled, parse
from provisioning.domain.score.rules import Rule

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_PLAIN_MODES = ("0644", "644")
_UNITS = {
    "": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60,
}  # fmt: skip
GIB = 2**30
HIDDEN = "A0_"
"""Begins the names of variables that hold a secret for others: Kubernetes only expands what stands before."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What cannot be mapped, at a path of the workload."""

    path: str
    message: str


@dataclass(slots=True)
class Facts:
    """``values`` by the names of ``rules.CONTAINER``, ``paths`` where each stands."""

    values: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, list[str]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)

    def put(self, name: str, value: Any, *paths: str) -> None:
        self.values[name] = value
        self.paths[name] = list(paths)


Resolve = Callable[[Placeholder], Any]
"""A placeholder's value; raises ValueError with why there is none."""
MakeFiles = Callable[[str, Mapping[str, Any]], Any]
"""A folder and its files by name to what a container takes as its files."""


def container_facts(
    container: Mapping[str, Any],
    path: str,
    rule: Rule,
    *,
    port: int | None,
    image: str,
    resolve: Resolve,
    make_files: MakeFiles,
) -> Facts:
    """Everything that ``container`` asks for. ``image`` is used where the file says “.”; ``port`` is the one served."""
    facts = Facts()
    _image(facts, container, path, image)
    for key in ("command", "args"):
        if container.get(key):
            facts.put(key, list(container[key]), f"{path}.{key}")
    if container.get("variables"):
        facts.put(
            "variables", _variables(facts, container["variables"], f"{path}.variables", resolve), f"{path}.variables"
        )
    if container.get("resources"):
        _size(facts, container["resources"], f"{path}.resources", rule)
    if container.get("volumes"):
        _volumes(facts, container["volumes"], f"{path}.volumes", resolve)
    if container.get("files"):
        _files(
            facts, container["files"], f"{path}.files", resolve, make_files, taken="files" in rule.takes("container")
        )
    _probes(facts, container, path, rule, port)
    if container.get("before"):
        facts.troubles.append(
            Trouble(f"{path}.before", "orders containers, and a workload runs one here; leave it out")
        )
    return facts


def text_of(facts: Facts, text: str, path: str, resolve: Resolve) -> str | Composed | None:
    """``text`` with its placeholders; None, with a trouble noted, when one has no value."""
    try:
        return filled(text, resolve)
    except ValueError as error:
        facts.troubles.append(Trouble(path, str(error)))
        return None


def bytes_of(text: str) -> float | None:
    """An amount such as ``512Mi`` in bytes; None for something else."""
    found = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)([KMGTPE]i?)?B?", text.strip())
    return float(found[1]) * _UNITS[found[2] or ""] if found else None


def _image(facts: Facts, container: Mapping[str, Any], path: str, image: str) -> None:
    written = container["image"]
    if written != ".":
        facts.put("image", written, f"{path}.image")
    elif image:
        facts.put("image", image, f"{path}.image")
    else:
        told = "is “.”, which means that it is built elsewhere; say which image to run"
        facts.troubles.append(Trouble(f"{path}.image", told))


def _variables(facts: Facts, variables: Mapping[str, str], path: str, resolve: Resolve) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, text in variables.items():
        value = text_of(facts, text, f"{path}.{name}", resolve)
        if isinstance(value, Composed) and value.has_secret and value.alone is None:
            value = _with_hidden(facts, name, value, f"{path}.{name}", variables, made)
        if value is not None:
            made[name] = value
    return made


def _with_hidden(
    facts: Facts, name: str, value: Composed, path: str, variables: Mapping[str, str], made: dict[str, Any]
) -> Composed:
    """``value`` with its secrets as ``$(A0_…)``, each a variable of its own: so it stays in the cluster."""
    parts: list[str | Reference] = []
    for part in value.parts:
        if isinstance(part, str) or not part.secret:
            parts.append(part)
            continue
        hidden = HIDDEN + re.sub(r"[^A-Za-z0-9]+", "_", part.source.removeprefix("resources.")).upper()
        if hidden in variables or name <= hidden:
            told = f"holds a secret inside a longer text, for which the variable {hidden} is needed before it"
            facts.troubles.append(Trouble(path, f"{told}; give this variable another name"))
        made[hidden] = Composed((part,))
        parts.append(f"$({hidden})")
    joined = [one for one in parts if one != ""]
    return Composed(tuple(joined))


def _size(facts: Facts, resources: Mapping[str, Any], path: str, rule: Rule) -> None:
    """The smallest size that carries what is asked: limits before requests, cores and bytes each for itself."""
    asked = {**resources.get("requests", {}), **resources.get("limits", {})}
    if not asked:
        return
    cpu = _cores(asked.get("cpu", "0"))
    memory = (bytes_of(asked.get("memory", "0")) or 0) / GIB
    if not rule.sizes:
        facts.put("size", None, path)
        return
    fitting = [one for one in rule.sizes if one.cpu >= cpu and one.memory_gib >= memory]
    if not fitting:
        most = max(rule.sizes, key=lambda one: (one.cpu, one.memory_gib))
        largest = f"{most.cpu:g} CPU and {most.memory_gib:g} GiB"
        told = f"asks for more than {rule.capability} has; its largest size has {largest}"
        facts.troubles.append(Trouble(path, told))
        return
    facts.put("size", min(fitting, key=lambda one: (one.cpu, one.memory_gib)).name, path)


def _cores(text: str) -> float:
    return int(text[:-1]) / 1000 if text.endswith("m") else float(text)


def _volumes(facts: Facts, volumes: Mapping[str, Any], path: str, resolve: Resolve) -> None:
    made: list[dict[str, Any]] = []
    for target, one in volumes.items():
        where = f"{path}.{target}"
        if "path" in one:
            facts.troubles.append(
                Trouble(f"{where}.path", "mounts a folder of a volume, and only whole volumes are mounted")
            )
        claim = _claim(facts, one["source"], f"{where}.source", resolve)
        if any(claim == other["claim"] for other in made):
            facts.troubles.append(Trouble(f"{where}.source", "is mounted already, and a volume is mounted once"))
        elif claim is not None:
            made.append({"claim": claim, "path": target, **({"readOnly": True} if one.get("readOnly") else {})})
    facts.put("volumes", made, path)


def _claim(facts: Facts, source: str, path: str, resolve: Resolve) -> Composed | None:
    """``${resources.data}`` means the output ``source`` of that resource, as it does in other implementations."""
    parts = parse(source)
    one = parts[0] if len(parts) == 1 else None
    if isinstance(one, Placeholder) and one.parts[0] == "resources" and len(one.parts) == 2:
        source = f"${{{one.source}.source}}"
    value = text_of(facts, source, path, resolve)
    if isinstance(value, Composed) and value.alone is not None:
        return value
    if value is not None:
        told = "must name a resource of this workload, such as ${resources.data}; other volumes are not mounted"
        facts.troubles.append(Trouble(path, told))
    return None


def _files(
    facts: Facts, files: Mapping[str, Any], path: str, resolve: Resolve, make_files: MakeFiles, *, taken: bool
) -> None:
    if not taken:
        facts.put("files", [], path)
        return
    folders: dict[str, dict[str, Any]] = {}
    for target, one in files.items():
        where = f"{path}.{target}"
        folder, name = posixpath.split(target)
        if not target.startswith("/") or folder in ("", "/") or not _FILE_NAME.fullmatch(name):
            facts.troubles.append(
                Trouble(where, "must be an absolute path in a folder of its own, such as /etc/shop/shop.conf")
            )
            continue
        facts.troubles += _unmappable_file(one, where)
        content = one.get("content")
        value = content if content is None or one.get("noExpand") else text_of(facts, content, where, resolve)
        if isinstance(value, Composed) and value.has_secret:
            told = "would hold a secret, which never leaves the cluster; hand it over as a variable"
            facts.troubles.append(Trouble(where, told))
        elif value is not None:
            folders.setdefault(folder, {})[name] = value
    mounts = [{"config": make_files(folder, inside), "path": folder} for folder, inside in folders.items()]
    facts.put("files", [one for one in mounts if one["config"] is not None], path)


def _unmappable_file(one: Mapping[str, Any], where: str) -> Iterator[Trouble]:
    if "source" in one:
        yield Trouble(f"{where}.source", "names another file, and only this one was sent; write its content here")
    if "binaryContent" in one:
        yield Trouble(f"{where}.binaryContent", "is not text; put it into the image")
    if one.get("mode", _PLAIN_MODES[0]) not in _PLAIN_MODES:
        yield Trouble(f"{where}.mode", "must be 0644 or left out: files are mounted for reading")


def _probes(facts: Facts, container: Mapping[str, Any], path: str, rule: Rule, port: int | None) -> None:
    """One probe serves for both kinds: the readiness probe, else the liveness probe, which must not say otherwise."""
    probes = [(key, container[key]) for key in ("readinessProbe", "livenessProbe") if key in container]
    takes = rule.takes("container")
    for name, key, part in (("exec_command", "exec", "command"), ("http_path", "httpGet", "path")):
        found = [(f"{path}.{kind}.{key}", probe[key]) for kind, probe in probes if key in probe]
        other = "httpGet" if key == "exec" else "exec"
        other_name = "http_path" if key == "exec" else "exec_command"
        if other_name in takes and (name not in takes or key == "exec"):
            # A probe that has both is asked in the way that the rule takes, and over HTTP where it takes both.
            found = [(where, one) for (where, one) in found if other not in _probe_at(probes, where, path)]
        if not found:
            continue
        facts.put(name, found[0][1][part], *(where for where, _ in found))
        if name in takes:
            facts.troubles += _probe_troubles(found, key, part, rule, port)
    if {"exec_command", "http_path"} <= facts.paths.keys() & {*takes}:
        facts.troubles += [
            Trouble(where, f"asks otherwise than the readiness probe, and {rule.capability} has one; say the same")
            for where in (*facts.paths["exec_command"], *facts.paths["http_path"])
            if where.startswith(f"{path}.livenessProbe.")
        ]


def _probe_at(probes: Sequence[tuple[str, Mapping[str, Any]]], where: str, path: str) -> Mapping[str, Any]:
    kind = where.removeprefix(f"{path}.").partition(".")[0]
    return dict(probes)[kind]


def _probe_troubles(
    found: Sequence[tuple[str, Mapping[str, Any]]], key: str, part: str, rule: Rule, port: int | None
) -> Iterator[Trouble]:
    for where, one in found:
        if one[part] != found[0][1][part]:
            yield Trouble(
                f"{where}.{part}", f"differs from the other probe, and {rule.capability} has one; say the same"
            )
        if key != "httpGet":
            continue
        if port is not None and one["port"] != port:
            yield Trouble(f"{where}.port", f"must be {port}, the port of the service that the container listens on")
        if one.get("scheme", "HTTP") != "HTTP":
            yield Trouble(f"{where}.scheme", "must be HTTP or left out")
        for name in ("host", "httpHeaders"):
            if name in one:
                yield Trouble(f"{where}.{name}", f"is not taken by {rule.capability}; leave it out")
