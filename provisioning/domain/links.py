"""Links from an environment to where an operator looks: dashboards, logs, traces, alerts. Pure.

Admins write one template for each stage and purpose; ``links_of`` makes links of them for an environment and for each
workload in it. A template is text with CEL in ``${…}``, and what it gives must be an address that begins with https.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from idp.kernel.cel import CelError, compiled, parse, template
from idp.kernel.errors import FieldError

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {"dashboard": "Dashboard", "logs": "Logs", "traces": "Traces", "alerts": "Alerts", "other": "Other"}
)
"""In the order in which they are shown, with what they are called."""
WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Cluster"})
"""Kinds of objects that run something; resources that make one have links of their own."""

LONGEST_NAME: Final = 40
LONGEST_URL: Final = 1_000
LONGEST_RESULT: Final = 2_000
_OF_A_RESOURCE: Final = frozenset({"resource", "component"})
_UNWRITTEN: Final[Mapping[str, str]] = {" ": "%20", '"': "%22", "<": "%3C", ">": "%3E", "\\": "%5C", "`": "%60"}


@dataclass(frozen=True, slots=True)
class LinkTemplate:
    """What an admin wrote for a stage. ``kind`` is one of ``KINDS``."""

    name: str
    kind: str
    url: str

    @property
    def is_per_resource(self) -> bool:
        """Whether it makes a link for each workload, because it reads which one it is."""
        return any(program.names & _OF_A_RESOURCE for _, program in compiled(self.url))


@dataclass(frozen=True, slots=True)
class LinkPlace:
    """The environment that links are made for; all are names as they stand in addresses."""

    system: str
    environment: str
    namespace: str
    stage: str
    team: str
    cluster: str

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "system": {"name": self.system},
            "environment": {"name": self.environment, "namespace": self.namespace, "stage": self.stage},
            "stage": {"name": self.stage},
            "team": {"slug": self.team},
            "cluster": {"name": self.cluster},
        }


@dataclass(frozen=True, slots=True)
class Workload:
    """A resource that runs something. ``component`` may be empty."""

    name: str
    capability: str
    component: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        resource = {"name": self.name, "capability": self.capability, "component": self.component}
        return {"resource": resource, "component": self.component}


@dataclass(frozen=True, slots=True)
class Link:
    """``resource`` is empty for a link of the whole environment."""

    name: str
    kind: str
    url: str
    resource: str = ""


SAMPLE: Final = LinkPlace("checkout", "staging", "checkout-staging", "staging", "payments", "eu-west")
SAMPLE_WORKLOAD: Final = Workload("api", "web-service", "checkout-api")
NAMES: Final = frozenset({*SAMPLE.facts, *SAMPLE_WORKLOAD.facts})


def template_problems(made: LinkTemplate) -> list[FieldError]:
    """What keeps a template from being stored, each at its field."""
    problems = []
    if not made.name.strip() or len(made.name) > LONGEST_NAME:
        problems.append(FieldError("name", f"Write a name of at most {LONGEST_NAME} characters, such as Logs in Loki."))
    if made.kind not in KINDS:
        problems.append(FieldError("kind", f"Choose one of {', '.join(KINDS)}."))
    if reason := _url_problem(made.url):
        problems.append(FieldError("url", reason))
    return problems


def links_of(templates: Iterable[LinkTemplate], place: LinkPlace, workloads: Iterable[Workload] = ()) -> list[Link]:
    """The links of an environment, then those of each workload, in the order of templates.

    A template that cannot be filled here, or gives something that is no address, gives no link: a page shows no link
    that leads nowhere. One that reads the component is left out for workloads that have none.
    """
    written = list(templates)
    everywhere = [one for one in written if not one.is_per_resource]
    each = [one for one in written if one.is_per_resource]
    made = [_link(one, place.facts) for one in everywhere]
    for workload in workloads:
        facts = {**place.facts, **workload.facts}
        made += [_link(one, facts, workload.name) for one in each if workload.component or not _reads_component(one)]
    return [one for one in made if one is not None]


def address(url: str, facts: Mapping[str, Any]) -> str:
    """The address that a template gives; CelError or ValueError, with a sentence, when it gives none."""
    made = template(url, facts)
    if not isinstance(made, str):
        raise ValueError("It must give text.")
    if reason := _address_problem(made):
        raise ValueError(reason)
    return made


def _link(one: LinkTemplate, facts: Mapping[str, Any], resource: str = "") -> Link | None:
    try:
        return Link(one.name, one.kind, address(one.url, facts), resource)
    except (CelError, ValueError):
        return None


def _reads_component(one: LinkTemplate) -> bool:
    paths = [path for _, program in compiled(one.url) for path in program.paths]
    return any(path[0] == "component" or tuple(path[:2]) == ("resource", "component") for path in paths)


def _url_problem(url: str) -> str:
    """Why a template is refused; empty when it is right. It is tried on a sample."""
    if len(url) > LONGEST_URL:
        return f"Write at most {LONGEST_URL:,} characters."
    if not url.startswith("https://"):
        return "Write an address that begins with https://, such as https://logs.example/?q=${environment.namespace}."
    try:
        parse(url)
        compiled(url, names=NAMES, path="url")
        address(url, {**SAMPLE.facts, **SAMPLE_WORKLOAD.facts})
    except CelError as error:
        return error.message
    except ValueError as error:
        return str(error)
    return ""


def _address_problem(made: str) -> str:
    for sign, instead in _UNWRITTEN.items():
        if sign in made:
            what = "space" if sign == " " else f"“{sign}”"
            return f"An address holds no {what}; write {instead} instead."
    if not made.isascii() or not made.isprintable():
        return "An address holds plain ASCII only; write other signs percent-encoded."
    if len(made) > LONGEST_RESULT:
        return f"It gives an address of more than {LONGEST_RESULT:,} characters."
    try:
        parts = urlsplit(made)
        host, port = parts.hostname, parts.port  # noqa: F841 - reading a port that is none raises
    except ValueError:
        host = None
    if parts.scheme != "https" or not host:
        return "It must give an address that begins with https:// and a host."
    if parts.username is not None or parts.password is not None:
        return "An address with a user name or password in it is shown to everybody; leave them out."
    return ""
