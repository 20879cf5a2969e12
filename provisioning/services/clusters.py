"""Registering clusters. A kubeconfig is checked, encrypted and never shown again."""

from __future__ import annotations

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
from provisioning.drivers import open_driver
from provisioning.models import Cluster
from provisioning.models.stage import DRIVERS
from provisioning.selectors.clusters import driver_settings
from provisioning.services.cluster_offers import offer_store

PRICES = ("cpu", "memory_gib", "storage_gib")


def cluster_register(
    actor: Actor,
    *,
    name: str,
    title: str,
    driver: str,
    kubeconfig: str = "",
    prices: dict[str, Any] | None = None,
    now: datetime,
) -> Cluster:
    """Register a cluster after reaching it. Admins only. Prices are per month: a core, a GiB, a GiB of storage.

    Raises InvalidInput when a field or the kubeconfig is not right or the cluster refuses it, Transient when it
    does not answer; nothing is stored then.
    """
    rights_of(actor).require_admin()
    amounts = _checked(name, title, driver, prices or {})
    info, server = _reach(driver, kubeconfig)
    try:
        with transaction.atomic():
            cluster = Cluster.objects.create(
                name=name,
                title=title.strip(),
                driver=driver,
                server=server,
                kubernetes_version=info.version[:40],
                credentials=encrypt(kubeconfig) if driver == "kubernetes" else "",
                reached_at=now,
                created_at=now,
                **amounts,
            )
            offer_store(cluster, info, now=now)
            _audit(actor, cluster, "cluster.register", now=now)
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
    now: datetime,
) -> Cluster:
    """Change title, prices or credentials; what is left out stays. New credentials are tried first."""
    rights_of(actor).require_admin()
    cluster = Cluster.objects.filter(name=name).first()
    if cluster is None:
        raise NotFound(f"There is no cluster “{name}”.")
    held = {key: getattr(cluster, f"price_{key}") for key in PRICES}
    amounts = _checked(name, cluster.title if title is None else title, cluster.driver, {**held, **(prices or {})})
    info: ClusterInfo | None = None
    fields: dict[str, Any] = {**(amounts if prices else {}), **({"title": title.strip()} if title is not None else {})}
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
        _audit(actor, cluster, "cluster.update", now=now)
    cluster.refresh_from_db()
    return cluster


def cluster_check(actor: Actor, cluster: Cluster, *, now: datetime) -> ClusterInfo:
    """Reach the cluster with the credentials that are stored, and keep what it has."""
    rights_of(actor).require_admin()
    info = _probe(cluster.driver, driver_settings(cluster))
    offer_store(cluster, info, now=now)
    return info


def _checked(name: str, title: str, driver: str, prices: dict[str, Any]) -> dict[str, Decimal]:
    errors = [] if is_slug(name) else [FieldError("name", SLUG_RULE)]
    if not title.strip() or len(title) > 80:
        errors.append(FieldError("title", "Write a title of at most 80 characters."))
    if driver not in DRIVERS:
        errors.append(FieldError("driver", f"Choose one of {', '.join(DRIVERS)}."))
    amounts = {}
    for key in PRICES:
        try:
            amounts[f"price_{key}"] = Decimal(str(prices.get(key, 0)))
        except ArithmeticError:
            amounts[f"price_{key}"] = Decimal(-1)
        if not 0 <= amounts[f"price_{key}"] < 1_000_000:
            errors.append(FieldError(f"prices.{key}", "Write a price a month of zero or more, such as 18.50."))
    if errors:
        raise InvalidInput("The cluster was not stored.", errors=errors)
    return amounts


def _reach(driver: str, kubeconfig: str) -> tuple[ClusterInfo, str]:
    """What answers with these credentials, and its address."""
    if driver == "sandbox":
        return _probe(driver, driver_settings(Cluster(driver="sandbox"))), ""
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


def _audit(actor: Actor, cluster: Cluster, action: str, *, now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="cluster",
        object_id=str(cluster.pk),
        object_label=cluster.name,
        data={"driver": cluster.driver, "server": cluster.server},
        now=now,
    )
