"""Schemathesis reads the OpenAPI document and sends what it announces, and what it does not, to the WSGI application.

No request may end in a 5xx, and every answer must be one that the document names: status, media type, headers, body.
Requests that break the document must be refused. Rules that no schema can say (a name that exists) make valid bodies
be refused, so acceptance is asked by the walk in ``test_walk`` instead.
"""

from __future__ import annotations

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from governance.models import Quota
from provisioning.models import Change, Cluster, Environment, Run
from tests.portal.api.client import document, token_for

pytestmark = pytest.mark.django_db

described = schemathesis.openapi.from_dict(document())
described.app = get_wsgi_application()
# An edit without If-Match is answered with 428, as the document says (RFC 6585).
header_check = described.config.checks.missing_required_header
header_check.expected_statuses = [*(header_check.expected_statuses or ()), 428]

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


@described.include(method="GET").exclude(path=STREAMS).parametrize()
@bounded
def test_it_reads_as_the_document_says(case, token, living):
    lead_somewhere(case)
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, excluded_checks=[positive_data_acceptance])


@described.exclude(method="GET").parametrize()
@bounded
def test_it_writes_as_the_document_says(case, token):
    lead_somewhere(case)
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, excluded_checks=[positive_data_acceptance])
