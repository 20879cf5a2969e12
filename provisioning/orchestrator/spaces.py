"""Namespaces as runs enter and leave them: an environment's own goes with it, a shared one with its last environment.

Called by the steps of guardrails. What is shared is applied under the namespace's own labels, so that no environment's
deletion takes it along.
"""

from __future__ import annotations

from typing import Final, Protocol

from provisioning.domain.driver import Driver, ObjectRef, Scope
from provisioning.domain.guardrails import own_refs, shared_guardrails
from provisioning.domain.isolation import SHARED, prefix_of, shared_scope
from provisioning.domain.run import Wait
from provisioning.models import Cluster, Environment
from provisioning.orchestrator.reach import driver_for
from provisioning.orchestrator.waiting import LOOK_AGAIN
from provisioning.services.shared_namespaces import Sum, shared_closed, shared_is_current, shared_join, shared_leave

AT_ONCE: Final = 0.2
"""Seconds until the quota is set again, when somebody else came or went while it was set."""


class Inside(Protocol):
    """What is needed of a run's context."""

    environment: Environment
    scope: Scope


def joined(context: Inside) -> Wait | None:
    """Make the shared namespace of the environment and bring its quota up to date; None when that is done, or when
    it has a namespace of its own.
    """
    environment = context.environment
    if environment.isolation != SHARED:
        return None
    total = shared_join(environment.cluster, environment.namespace)
    if total is None:
        return Wait(LOOK_AGAIN, f"Namespace {environment.namespace} is being deleted; it is made anew after that")
    return _sized(context, driver_for(environment.cluster), environment.cluster, environment.namespace, total)


def space_left(context: Inside, cluster: Cluster, namespace: str, isolation: str) -> Wait | None:
    """Delete the namespace, or of one that is shared what is the environment's own; the last one deletes it. None when
    that is done.
    """
    driver = driver_for(cluster)
    if isolation != SHARED:
        return _gone(driver, [ObjectRef("v1", "Namespace", "", namespace)], context.scope)
    scope = context.scope
    prefix = prefix_of(isolation, system=scope.system, environment=scope.environment)
    if waiting := _gone(driver, own_refs(namespace=namespace, scope=scope, prefix=prefix), scope):
        return waiting
    total = shared_leave(cluster, namespace, environment_id=context.environment.pk)
    if total is not None:
        return _sized(context, driver, cluster, namespace, total)
    stage = shared_scope(context.environment.stage.name)
    if waiting := _gone(driver, [ObjectRef("v1", "Namespace", "", namespace)], stage):
        return waiting
    shared_closed(cluster, namespace)
    return None


def _sized(context: Inside, driver: Driver, cluster: Cluster, namespace: str, total: Sum) -> Wait | None:
    """Apply what is shared with the quota of ``total``, unless a newer sum may have been overwritten by that."""
    scope = shared_scope(context.environment.stage.name)
    wanted = shared_guardrails(namespace=namespace, scope=scope, usage=total.usage, environments=total.environments)
    driver.apply(wanted, scope)
    if shared_is_current(cluster, namespace, total.serial):
        return None
    return Wait(AT_ONCE, "Another environment came or went; the quota of the namespace is set again")


def _gone(driver: Driver, refs: list[ObjectRef], scope: Scope) -> Wait | None:
    left = [one for one in driver.delete(refs, scope) if not one.gone]
    if not left:
        return None
    held = f", held by {', '.join(left[0].finalizers)}" if left[0].finalizers else ""
    return Wait(LOOK_AGAIN, f"{left[0].ref} is being deleted{held}")
