"""Registering clusters. A kubeconfig is checked, encrypted and never shown again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.db import IntegrityError, transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.catalog.names import SLUG_RULE, is_slug
from idp.kernel.actor import Actor
from idp.kernel.documents import load_yaml
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, Transient
from idp.kernel.vault import encrypt
from provisioning.domain.driver import ClusterInfo, DriverError, TemporaryError
from provisioning.domain.placement import label_problem
from provisioning.drivers import open_driver
from provisioning.models import Cluster, ClusterOffer, ClusterWatch, Orphan
from provisioning.models.stage import DRIVERS
from provisioning.selectors.clusters import driver_settings
from provisioning.selectors.placing import cluster_blockers
from provisioning.services.cluster_offers import offer_store

REASON_LENGTH = 200
PRICES = ("cpu", "memory_gib", "storage_gib")


def cluster_register(
    actor: Actor,
    *,
    name: str,
    title: str,
    driver: str,
    kubeconfig: str = "",
    prices: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
    capacity: dict[str, Any] | None = None,
    now: datetime,
) -> Cluster:
    """Register a cluster after reaching it. Admins only. Prices are per month: a core, a GiB, a GiB of storage.

    ``capacity`` has the same keys; what is missing or None counts as not known. Each sandbox has a store of its own.

    Raises InvalidInput when a field or the kubeconfig is not right or the cluster refuses it, Transient when it
    does not answer; nothing is stored then.
    """
    rights_of(actor).require_admin()
    amounts = _checked(name, title, driver, prices or {}, labels or {}, capacity or {})
    store = name if driver == "sandbox" and Cluster.objects.filter(driver="sandbox").exists() else ""
    info, server = _reach(driver, kubeconfig, store)
    try:
        with transaction.atomic():
            cluster = Cluster.objects.create(
                name=name,
                title=title.strip(),
                driver=driver,
                labels=dict(labels or {}),
                store=store,
                server=server,
                kubernetes_version=info.version[:40],
                credentials=encrypt(kubeconfig) if driver == "kubernetes" else "",
                reached_at=now,
                created_at=now,
                **amounts,
            )
            offer_store(cluster, info, now=now)
            _audit(actor, cluster, "cluster.register", before=None, after=_written(cluster), now=now)
    except IntegrityError:
        raise Conflict(f"There is a cluster “{name}” already.", remedy="Choose another name.") from None
    return cluster


def cluster_update(
    actor: Actor,
    *,
    name: str,
    title: str | None = None,
    kubeconfig: str = "",
    prices: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
    capacity: dict[str, Any] | None = None,
    now: datetime,
) -> Cluster:
    """Change title, prices, labels, capacity or credentials; what is left out stays. New credentials are tried first.

    Environments that live there stay, whatever becomes of labels and capacity.
    """
    rights_of(actor).require_admin()
    cluster = _cluster(name)
    shown = cluster.title if title is None else title
    room = {**_held(cluster, "capacity"), **(capacity or {})}
    given = {**_held(cluster, "price"), **(prices or {})}
    amounts = _checked(name, shown, cluster.driver, given, cluster.labels if labels is None else labels, room)
    info: ClusterInfo | None = None
    fields: dict[str, Any] = {**amounts, "title": shown.strip()}
    if labels is not None:
        fields["labels"] = dict(labels)
    if kubeconfig:
        info, server = _reach(cluster.driver, kubeconfig)
        fields |= {
            "credentials": encrypt(kubeconfig),
            "server": server,
            "kubernetes_version": info.version[:40],
            "reached_at": now,
        }
    with transaction.atomic():
        changed = Cluster.objects.filter(pk=cluster.pk, version=cluster.version).update(
            version=cluster.version + 1, **fields
        )
        if changed != 1:
            raise Conflict("The cluster was changed at the same moment.", remedy="Read it again and redo your edit.")
        if info is not None:
            offer_store(cluster, info, now=now)
        before = _written(cluster)
        cluster.refresh_from_db()
        edit: dict[str, Any] = {"before": before, "after": _written(cluster), "access": "new" if kubeconfig else "kept"}
        _audit(actor, cluster, "cluster.update", now=now, **edit)
    return cluster


def cluster_check(actor: Actor, cluster: Cluster, *, now: datetime) -> ClusterInfo:
    """Reach the cluster with the credentials that are stored, and keep what it has."""
    rights_of(actor).require_admin()
    info = _probe(cluster.driver, driver_settings(cluster))
    with transaction.atomic():
        offer_store(cluster, info, now=now)
        _audit(actor, cluster, "cluster.check", now=now)
    return info


def cluster_cordon(actor: Actor, *, name: str, reason: str = "", now: datetime) -> Cluster:
    """Let the cluster take no new environment; those that live there stay and may change. Admins only."""
    rights_of(actor).require_admin()
    if len(reason.strip()) > REASON_LENGTH:
        told = f"Write at most {REASON_LENGTH} characters."
        raise InvalidInput("The cluster was not cordoned.", errors=[FieldError("reason", told)])
    return _turn(actor, name, "cluster.cordon", cordoned_at=now, cordon_reason=reason.strip(), now=now)


def cluster_uncordon(actor: Actor, *, name: str, now: datetime) -> Cluster:
    """Let the cluster take new environments again. Admins only."""
    rights_of(actor).require_admin()
    return _turn(actor, name, "cluster.uncordon", cordoned_at=None, cordon_reason="", now=now)


@transaction.atomic
def _turn(actor: Actor, name: str, action: str, *, now: datetime, **fields: Any) -> Cluster:
    cluster = Cluster.objects.select_for_update().filter(name=name).first() or _cluster(name)
    before = _written(cluster)
    Cluster.objects.filter(pk=cluster.pk).update(version=cluster.version + 1, **fields)
    cluster.refresh_from_db()
    _audit(actor, cluster, action, now=now, reason=cluster.cordon_reason, before=before, after=_written(cluster))
    return cluster


@transaction.atomic
def cluster_remove(actor: Actor, *, name: str, confirm: str, now: datetime) -> None:
    """Forget a cluster that nothing lives on and no stage names; Conflict lists what is in the way. Admins only.

    ``confirm`` is its name, typed again. Nothing is deleted on the cluster itself: what Slipway made there is gone
    with its environments. Its credentials are forgotten; the row stays, for what once lived there refers to it.
    """
    rights_of(actor).require_admin()
    cluster = Cluster.objects.select_for_update().filter(name=name).first() or _cluster(name)
    if confirm != name:
        told = f"Type “{name}” to confirm that it is removed."
        raise InvalidInput("The cluster was not removed.", errors=[FieldError("confirm", told)])
    if blockers := cluster_blockers(cluster):
        raise Conflict(
            f"{name} is not empty: {'; '.join(blockers)}.",
            code="cluster-not-empty",
            remedy="Cordon it, move away or delete what lives there, and give its stages another cluster.",
        )
    before = _written(cluster)
    Cluster.objects.filter(pk=cluster.pk).update(removed_at=now, credentials="", version=cluster.version + 1)
    ClusterOffer.objects.filter(cluster=cluster).delete()
    ClusterWatch.objects.filter(cluster=cluster).delete()
    # Nothing looks at it any more; what was left behind there stays in the audit log.
    Orphan.objects.filter(cluster=cluster, state="open").update(state="vanished", ended_at=now, ended_by=actor.user_id)
    _audit(actor, cluster, "cluster.remove", before=before, after=None, now=now)


def _cluster(name: str) -> Cluster:
    cluster = Cluster.objects.filter(name=name).first()
    if cluster is None:
        raise NotFound(f"There is no cluster “{name}”.")
    return cluster


def _held(cluster: Cluster, prefix: str) -> dict[str, Any]:
    return {key: getattr(cluster, f"{prefix}_{key}") for key in PRICES}


def _checked(
    name: str, title: str, driver: str, prices: Mapping[str, Any], labels: object, capacity: Mapping[str, Any]
) -> dict[str, Decimal | None]:
    errors = [] if is_slug(name) else [FieldError("name", SLUG_RULE)]
    if not title.strip() or len(title) > 80:
        errors.append(FieldError("title", "Write a title of at most 80 characters."))
    if driver not in DRIVERS:
        errors.append(FieldError("driver", f"Choose one of {', '.join(DRIVERS)}."))
    if wrong := label_problem(labels):
        errors.append(FieldError("labels", wrong))
    amounts: dict[str, Decimal | None] = {}
    for key in PRICES:
        amounts[f"price_{key}"] = price = _decimal(prices.get(key, 0))
        if price is None or not 0 <= price < 1_000_000:
            errors.append(FieldError(f"prices.{key}", "Write a price a month of zero or more, such as 18.50."))
        told = capacity.get(key)
        amounts[f"capacity_{key}"] = room = None if told is None else _decimal(told)
        if told is not None and (room is None or not 0 <= room < 1_000_000_000):
            errors.append(FieldError(f"capacity.{key}", "Write a number of zero or more, or leave it empty."))
    if errors:
        raise InvalidInput("The cluster was not stored.", errors=errors)
    return amounts


def _decimal(value: Any) -> Decimal | None:
    """None for what is no finite number."""
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def _reach(driver: str, kubeconfig: str, store: str = "") -> tuple[ClusterInfo, str]:
    """What answers with these credentials, and its address."""
    if driver == "sandbox":
        return _probe(driver, driver_settings(Cluster(driver="sandbox", store=store))), ""
    if not kubeconfig.strip():
        raise InvalidInput(
            "A Kubernetes cluster needs a kubeconfig.",
            errors=[
                FieldError("kubeconfig", "Paste the kubeconfig of an account made for Slipway (docs/kubernetes.md).")
            ],
        )
    document = _kubeconfig(kubeconfig)
    return _probe(driver, {"kubeconfig": document}), _server(document)


def _kubeconfig(text: str) -> Any:
    """The document. What is wrong with it is told by its line only: the words of a kubeconfig may be its secrets."""
    try:
        return load_yaml(text).data
    except InvalidInput as error:
        line = next((one.line for one in error.errors if one.line is not None), None)
        message = "The kubeconfig is not YAML that can be read" + (f", see its line {line}." if line else ".")
        raise InvalidInput(
            message,
            remedy="Paste it whole, as kubectl config view --raw --minify shows it.",
            errors=[FieldError("kubeconfig", message, line)],
        ) from None


def _server(document: Any) -> str:
    """The address that the current context leads to, without a name or password that may stand in it."""
    try:
        contexts = {one["name"]: one["context"]["cluster"] for one in document.get("contexts", [])}
        clusters = {one["name"]: one["cluster"]["server"] for one in document["clusters"]}
        name = contexts.get(document.get("current-context"), next(iter(clusters)))
        address = urlsplit(str(clusters[name]))
        return urlunsplit(address._replace(netloc=address.netloc.rpartition("@")[2]))[:200]
    except (AttributeError, KeyError, StopIteration, TypeError, ValueError):
        return ""


def _probe(driver: str, driver_options: dict[str, Any]) -> ClusterInfo:
    try:
        return open_driver(driver, driver_options).probe()
    except TemporaryError as error:
        raise Transient(
            f"The cluster does not answer: {error.message}",
            code="cluster-unreachable",
            remedy="Check the address in the kubeconfig and that this machine reaches it, then try again.",
        ) from None
    except DriverError as error:
        raise InvalidInput(
            f"The cluster refused: {error.message}",
            code=error.code,
            remedy=getattr(error, "remedy", "") or "Check the account in the kubeconfig and its rights.",
            errors=[FieldError("kubeconfig", error.message)],
        ) from None


def _written(cluster: Cluster) -> dict[str, Any]:
    """What people may edit of a cluster, without its credentials: one side of an edit in the audit log."""
    return {
        "title": cluster.title,
        "server": cluster.server,
        "labels": cluster.labels,
        "prices": {key: _plain(value) for key, value in _held(cluster, "price").items()},
        "capacity": {key: _plain(value) for key, value in _held(cluster, "capacity").items()},
        "cordoned": cluster.cordoned_at is not None,
    }


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else str(value.normalize())


def _audit(actor: Actor, cluster: Cluster, action: str, *, now: datetime, reason: str = "", **told: Any) -> None:
    audit_append(
        actor,
        action=action,
        object_type="cluster",
        object_id=str(cluster.pk),
        object_label=cluster.name,
        data={"driver": cluster.driver, "server": cluster.server, **({"reason": reason} if reason else {}), **told},
        now=now,
    )
