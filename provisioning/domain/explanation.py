"""Why a workload does not become ready, in people's words: what happened, what it means, what to try.

Called by runs that fail and by the page of an environment that is degraded. Pure: pods, events and the workload are
arguments, as the cluster told them. Each rule knows one kind of trouble; the first that fits a pod explains it, the
most specific first. Sources: reasons of kubelet and scheduler, pkg/kubelet/events/event.go and
pkg/kubelet/images/types.go of Kubernetes 1.36; exit codes as shells and the Docker documentation use them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from provisioning.domain.driver import Manifest, Told


@dataclass(frozen=True, slots=True)
class Explanation:
    """``code`` is stable. ``sentence`` says what happened, ``meaning`` what that is, ``advice`` what to try, in order.

    ``pod`` and ``container`` name where; ``has_log`` whether the container's last output may say more.
    """

    code: str
    sentence: str
    meaning: str
    advice: tuple[str, ...]
    pod: str = ""
    container: str = ""
    has_log: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """One container of one pod with all that is known about it."""

    pod: Manifest
    status: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Told, ...] = ()

    @property
    def pod_name(self) -> str:
        return str(self.pod["metadata"]["name"])

    @property
    def container(self) -> str:
        return str(self.status.get("name", ""))

    @property
    def waiting(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (self.status.get("state") or {}).get("waiting") or {}
        return found

    @property
    def ended(self) -> Mapping[str, Any]:
        """How it ended: just now, or the time before."""
        now = (self.status.get("state") or {}).get("terminated")
        before = (self.status.get("lastState") or {}).get("terminated")
        found: Mapping[str, Any] = now or before or {}
        return found

    @property
    def restarts(self) -> int:
        return int(self.status.get("restartCount", 0))

    def made(self, code: str, sentence: str, meaning: str, *advice: str, has_log: bool = False) -> Explanation:
        return Explanation(code, sentence, meaning, advice, self.pod_name, self.container, has_log)


Rule = Callable[[_Place], Explanation | None]


def explain(workload: Manifest, pods: Sequence[Manifest], events: Sequence[Told]) -> Explanation | None:
    """The trouble of the newest pod that is not ready; None when nothing says what is wrong.

    ``events`` are those about the workload, what it made, and its pods; newest last.
    """
    unready = [pod for pod in pods if not _is_ready(pod)]
    for pod in sorted(unready, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), reverse=True):
        found = _pod_trouble(pod, events)
        if found is not None:
            return found
    return _refused(workload, events) or _volume_trouble(events)


def explain_terminating(namespace: Manifest) -> Explanation | None:
    """Why a namespace that is being deleted is still there; None while nothing holds it."""
    conditions = (namespace.get("status") or {}).get("conditions") or []
    holding = {one["type"]: one.get("message", "") for one in conditions if one.get("status") == "True"}
    name = namespace["metadata"]["name"]
    for kind, code, sentence, meaning, advice in _HOLDS:
        if kind in holding:
            return Explanation(code, sentence.format(name=name, what=_remaining(holding[kind])), meaning, advice)
    return None


def _is_ready(pod: Manifest) -> bool:
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return True
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in status.get("conditions") or [])


def _pod_trouble(pod: Manifest, events: Sequence[Told]) -> Explanation | None:
    own = tuple(one for one in events if one.about == pod["metadata"]["name"])
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    named = {one["name"]: one for one in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]}
    seen = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    places = [_Place(pod, one, named.get(one["name"], {}), own) for one in seen if not one.get("ready")]
    for rule in _CONTAINER_RULES:
        for place in places:
            found = rule(place)
            if found is not None:
                return found
    bare = _Place(pod, events=own)
    return next((found for rule in _POD_RULES if (found := rule(bare)) is not None), None)


def _image(place: _Place) -> Explanation | None:
    reason = place.waiting.get("reason", "")
    if reason not in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"):
        return None
    image = place.status.get("image") or place.spec.get("image", "")
    told = " ".join([str(place.waiting.get("message", "")), *(one.message for one in place.events)]).lower()
    if reason == "InvalidImageName":
        return place.made(
            "image-name-invalid",
            f"“{image}” is not the name of an image.",
            "The cluster cannot look for it.",
            "Write registry, name and tag, such as registry.example/shop:1.4.2.",
        )
    if any(word in told for word in ("unauthorized", "denied", "forbidden", "401", "403")):
        return place.made(
            "image-forbidden",
            f"The image {image} cannot be pulled: the registry refuses access.",
            "It may exist, but the cluster may not read it.",
            "Ask your platform team to give the cluster a pull secret for that registry.",
            "Check that the image's name is right; some registries refuse what does not exist.",
        )
    if any(word in told for word in ("no such host", "i/o timeout", "connection refused", "tls:", "x509")):
        return place.made(
            "registry-unreachable",
            f"The image {image} cannot be pulled: its registry cannot be reached.",
            "The cluster found no way to the registry, or does not trust its certificate.",
            "Check the registry's name.",
            "Ask your platform team whether the cluster may reach it.",
        )
    return place.made(
        "image-not-found",
        f"The image {image} cannot be pulled: not found.",
        "The registry has no image of that name and tag.",
        "Check that the build has pushed it, and the tag's spelling.",
        "Then ask for a change with the right image.",
    )


def _memory(place: _Place) -> Explanation | None:
    if place.ended.get("reason") != "OOMKilled":
        return None
    limit = ((place.spec.get("resources") or {}).get("limits") or {}).get("memory", "")
    allowed = f" It may use {limit}." if limit else ""
    return place.made(
        "out-of-memory",
        f"{place.container} ran out of memory, killed {_times(max(1, place.restarts))}.",
        f"It needed more memory than its limit.{allowed}",
        "Give it more memory.",
        "Or find out why it needs so much: a leak shows as a number of hours between kills.",
        has_log=True,
    )


def _configuration(place: _Place) -> Explanation | None:
    if place.waiting.get("reason") not in ("CreateContainerConfigError", "CreateContainerError"):
        return None
    told = str(place.waiting.get("message", ""))
    missing = re.search(r'(secret|configmap) "([^"]+)" not found', told, re.IGNORECASE)
    key = re.search(r"couldn't find key ([^\s]+) in (?:Secret|ConfigMap) ([^\s]+)", told, re.IGNORECASE)
    if missing:
        what = f"{missing[1].capitalize()} {missing[2]} does not exist"
    elif key:
        what = f"There is no key {key[1]} in {key[2].rpartition('/')[2]}"
    elif "runAsNonRoot" in told:
        return place.made(
            "runs-as-root",
            f"The image of {place.container} wants to run as root, which the cluster does not allow.",
            "Everything here runs as a user without rights.",
            "Add a numeric USER to the image and build it again.",
        )
    else:
        what = _sentence(told).rstrip(".") or "A setting that it needs is missing"
    return place.made(
        "configuration-missing",
        f"{place.container} cannot start: {what}.",
        "It reads a secret or a setting that is not there.",
        "Fill the secret, or add the resource that makes it.",
        "Then resume; nothing else has to be done again.",
    )


_EXITS: Final[Mapping[int, str]] = {
    0: "it ended by itself, as if its work were done",
    126: "its command cannot be executed",
    127: "its command was not found in the image",
    134: "it aborted",
    137: "it was killed",
    139: "it touched memory that is not its own",
    143: "it was asked to end",
}


def _crash(place: _Place) -> Explanation | None:
    looping = place.waiting.get("reason") == "CrashLoopBackOff"
    if not looping and not (place.ended and place.restarts):
        return None
    code = place.ended.get("exitCode")
    said = _EXITS.get(code, f"it ended with code {code}") if code is not None else "it ended"
    again = f", {_times(place.restarts)} so far" if place.restarts > 1 else ""
    advice = ["Read its last lines below.", "A setting or a service that it needs at start may be missing."]
    if code == 0:
        advice = ["A service must keep running; use a job for work that ends."]
    return place.made(
        "crash-loop",
        f"{place.container} starts and ends again{again}: {said}.",
        "The cluster starts it anew, each time after a longer pause.",
        *advice,
        has_log=True,
    )


def _probe(place: _Place) -> Explanation | None:
    failed = [one for one in place.events if one.reason == "Unhealthy"]
    if not failed or not (place.status.get("state") or {}).get("running"):
        return None
    told = failed[-1].message
    kind = (re.match(r"(\w+) probe", told) or ["", "Readiness"])[1].lower()
    where = _probed(place.spec.get(f"{kind}Probe") or {})
    status = re.search(r"statuscode: (\d+)", told)
    if status:
        what, meaning = f"answers {status[1]}", "It runs, and that address says that it is not well."
        advice = "Check the path of the probe." if status[1] == "404" else "Look at what that address reports."
    elif "connection refused" in told:
        what, meaning = "is refused", "Nothing listens on that port, or not yet."
        advice = "Check the port, and that the program listens on all addresses, not on localhost only."
    elif "timeout" in told.lower() or "deadline exceeded" in told.lower():
        what, meaning = "does not answer in time", "It runs, and takes too long to answer."
        advice = "Give it more CPU or more time to start."
    else:
        what, meaning, advice = (
            f"fails: {_sentence(told)}",
            "It runs, and is not well by its own word.",
            "Read its log.",
        )
    return place.made(
        "probe-failed",
        f"The {kind} probe on {where} {what}".rstrip(".") + ".",
        meaning,
        advice,
        "Read its last lines below.",
        has_log=True,
    )


def _probed(probe: Mapping[str, Any]) -> str:
    http, port = probe.get("httpGet"), (probe.get("tcpSocket") or {}).get("port")
    if http:
        return f":{http.get('port', '')}{http.get('path', '/')}"
    return f":{port}" if port else "the container"


def _unschedulable(place: _Place) -> Explanation | None:
    conditions = (place.pod.get("status") or {}).get("conditions") or []
    stuck = next(
        (one for one in conditions if one.get("type") == "PodScheduled" and one.get("status") == "False"), None
    )
    if stuck is None:
        return None
    told = str(stuck.get("message", ""))
    if "unbound immediate PersistentVolumeClaims" in told or "didn't find available persistent volumes" in told:
        return place.made(
            "volume-pending",
            "Its volume has not been made yet.",
            "The cluster has no storage of that class to give.",
            "Ask your platform team about the cluster's storage classes.",
        )
    lacking = [what for what, word in (("CPU", "Insufficient cpu"), ("memory", "Insufficient memory")) if word in told]
    if lacking:
        asked = " and ".join(_asked(place.pod, what) for what in lacking)
        return place.made(
            "no-room",
            f"No node has {asked} free.",
            "It waits until one has.",
            "Ask for less.",
            "Put something to sleep that is not needed now.",
            "Ask your platform team for another node.",
        )
    return place.made(
        "unschedulable",
        f"No node takes the pod: {_sentence(told)}",
        "The cluster's rules leave it no place.",
        "Show this to your platform team.",
    )


def _asked(pod: Manifest, what: str) -> str:
    """``4 CPU`` or ``2Gi of memory``: what one pod of it asks of a node."""
    key = "cpu" if what == "CPU" else "memory"
    asked = [
        str(((one.get("resources") or {}).get("requests") or {})[key])
        for one in (pod.get("spec") or {}).get("containers") or []
        if key in ((one.get("resources") or {}).get("requests") or {})
    ]
    if not asked:
        return f"enough {what}"
    return f"{' + '.join(asked)} CPU" if what == "CPU" else f"{' + '.join(asked)} of memory"


def _mount(place: _Place) -> Explanation | None:
    failed = [one for one in place.events if one.reason in ("FailedMount", "FailedAttachVolume")]
    if not failed:
        return None
    told = failed[-1].message
    missing = re.search(r'(secret|configmap) "([^"]+)" not found', told, re.IGNORECASE)
    what = f"{missing[1].capitalize()} {missing[2]} does not exist" if missing else _sentence(told).rstrip(".")
    return place.made(
        "volume-not-mounted",
        f"A volume cannot be mounted: {what}.",
        "The container waits for it before it starts.",
        "Fill or add what is missing." if missing else "Show this to your platform team.",
    )


def _evicted(place: _Place) -> Explanation | None:
    status = place.pod.get("status") or {}
    if status.get("reason") != "Evicted":
        return None
    return place.made(
        "evicted",
        f"The node put it out: {_sentence(str(status.get('message', '')))}",
        "The node ran short of something.",
        "It starts elsewhere by itself; if it happens again, ask for more of it.",
    )


_CONTAINER_RULES: Final[tuple[Rule, ...]] = (_image, _configuration, _memory, _crash, _probe)
_POD_RULES: Final[tuple[Rule, ...]] = (_evicted, _unschedulable, _mount)


def _refused(workload: Manifest, events: Sequence[Told]) -> Explanation | None:
    """The cluster refuses to make pods at all."""
    status = workload.get("status") or {}
    told = next(
        (str(one.get("message", "")) for one in status.get("conditions") or [] if one.get("type") == "ReplicaFailure"),
        "",
    ) or next((one.message for one in reversed(events) if one.reason == "FailedCreate"), "")
    if not told:
        return None
    name = workload["metadata"]["name"]
    if "exceeded quota" in told:
        return Explanation(
            "over-cluster-quota",
            f"The cluster refuses pods of {name}: the environment's own quota is used up.",
            "What runs already leaves no room for the new pods beside the old ones.",
            ("Wait for old pods to end.", "If it stays so, ask for a change with fewer replicas.", _sentence(told)),
        )
    if "violates PodSecurity" in told:
        return Explanation(
            "pods-refused",
            f"The cluster refuses pods of {name}: they ask for rights that nothing has here.",
            "The namespace admits only what runs without special rights.",
            ("Tell the capability's owner.", _sentence(told)),
        )
    return Explanation(
        "pods-refused",
        f"The cluster refuses to make pods of {name}.",
        _sentence(told),
        ("Show this to your platform team.",),
    )


def _volume_trouble(events: Sequence[Told]) -> Explanation | None:
    told = next((one for one in reversed(events) if one.reason == "ProvisioningFailed"), None)
    if told is None:
        return None
    return Explanation(
        "volume-not-made",
        f"The volume {told.about} cannot be made: {_sentence(told.message)}",
        "The cluster's storage refuses it.",
        ("Show this to your platform team.",),
    )


_HOLDS: Final = (
    (
        "NamespaceDeletionDiscoveryFailure",
        "discovery-failed",
        "Namespace {name} cannot be emptied: the cluster cannot list all kinds of objects it has.",
        "An extension of the API is registered and does not answer: {what}",
        ("Ask your platform team to mend or remove the extension (kubectl get apiservices).",),
    ),
    (
        "NamespaceDeletionContentFailure",
        "content-not-deleted",
        "Namespace {name} cannot be emptied: deleting something in it fails: {what}",
        "The cluster tries again by itself.",
        ("Show this to your platform team.",),
    ),
    (
        "NamespaceFinalizersRemaining",
        "finalizers-remain",
        "Namespace {name} waits for finalizers: {what}",
        "A controller must say that it has cleaned up before the object may go.",
        ("Check that the controller that owns the finalizer runs.", "An admin may release it after a stated wait."),
    ),
    (
        "NamespaceContentRemaining",
        "content-remains",
        "Namespace {name} still holds: {what}",
        "They are being deleted.",
        ("Wait; this usually takes seconds.",),
    ),
)


def _remaining(message: str) -> str:
    """``Some content in the namespace has finalizers remaining: a in 1 resource instances`` without its start."""
    return _sentence(re.sub(r"^Some (?:content|resources) [^:]*: ", "", message))


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _sentence(text: str) -> str:
    short = " ".join(text.split())[:300]
    return short if not short or short.endswith(".") else f"{short}."
