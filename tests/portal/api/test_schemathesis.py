"""Schemathesis reads the OpenAPI document and sends what it announces, and what it does not, to the WSGI application.

No request may end in a 5xx, and every answer must be one that the document names: status, media type, headers, body.
Requests that break the document must be refused. Rules that no schema can say (a name that exists) make valid bodies
be refused, so acceptance is asked by the walk in ``test_walk`` instead.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import schemathesis
from _pytest.mark import ParameterSet
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, settings
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.specs.openapi.checks import positive_data_acceptance

from governance.models import Quota
from provisioning.models import Change, Cluster, Environment, Run
from tests.portal.api.client import document, token_for

pytestmark = pytest.mark.django_db

described = schemathesis.openapi.from_dict(document())
load_all_checks()
described.app = get_wsgi_application()
# An edit without If-Match is answered with 428, as the document says (RFC 6585).
header_check = described.config.checks.missing_required_header
header_check.expected_statuses = [*(header_check.expected_statuses or ()), 428]
# What is too long may be so by itself, or make the whole body too long.
rejection = described.config.checks.negative_data_rejection
rejection.expected_statuses = [*(rejection.expected_statuses or ()), 413]

STREAMS = ["/api/v1/backstage/templates.yaml", "/api/v1/backstage/catalog-info.yaml"]
"""Answers of several YAML documents, which a reader of one document cannot take; they have tests of their own."""

THERE = {
    "team": "payments",
    "username": "viewer",
    "system": "checkout",
    "component": "checkout-api",
    "capability": "postgres",
    "version": "1.0.0",
    "stage": "dev",
    "policy": "prod-needs-a-maintainer",
}

bounded = settings(
    max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)


@pytest.fixture
def token(organisation, waiting) -> str:
    """An admin's token; a change waits, and quota is no reason to refuse."""
    Quota.objects.update(environments=1000, cpu=1000, memory_gib=1000, storage_gib=10_000)
    return token_for(organisation.admin)


def lead_somewhere(case) -> None:
    """Put names of what exists into the address of a case that is meant to be right."""
    if case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    name = {"name": Environment.objects.order_by("state")[0].name, "cluster": Cluster.objects.latest("id").name}
    ids = {"change_id": Change.objects.latest("id").pk, "run_id": getattr(Run.objects.first(), "pk", 1)}
    real = THERE | name | ids
    case.path_parameters = {key: real.get(key, value) for key, value in (case.path_parameters or {}).items()}


def operations(chosen: BaseSchema) -> list[ParameterSet]:
    return [pytest.param(found.ok(), id=found.ok().label) for found in chosen.get_all_operations()]


def send_all(operation: APIOperation, sent: Callable[[Case], None]) -> None:
    """Schemathesis' own decorator makes all cases of all operations as tests are collected, 15 s of every worker."""
    build_operation_test(
        config=described.config,
        operation=operation,
        test_func=bounded(sent),
        given_kwargs={},
        feedback=NO_FEEDBACK,
    )()


@pytest.mark.parametrize("operation", operations(described.include(method="GET").exclude(path=STREAMS)))
def test_it_reads_as_the_document_says(operation, token, living):
    def sent(case: Case) -> None:
        lead_somewhere(case)
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, excluded_checks=[positive_data_acceptance])

    send_all(operation, sent)


@pytest.mark.parametrize("operation", operations(described.exclude(method="GET")))
def test_it_writes_as_the_document_says(operation, token):
    def sent(case: Case) -> None:
        lead_somewhere(case)
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, excluded_checks=[positive_data_acceptance])

    send_all(operation, sent)
