"""Deploying an image to an environment: a one-line change, for pipelines."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from portal.api import paths
from portal.api.answers import created
from portal.api.changes import CHANGES_JOINED, UNSHOWN, change_row
from portal.api.endpoint import Endpoint
from portal.api.operation import operation
from portal.api.shapes import changes as change_shapes
from portal.api.shapes import deploying as shapes
from provisioning.models import Change
from provisioning.services.deploying import images_deploy


class Deploy(Endpoint):
    @operation(
        "environments_deploy",
        "Deploy images",
        area="Changes",
        answers={202: change_shapes.CHANGE},
        body=shapes.DEPLOY,
        scope="change",
        problems=(409,),
        about="Changes the images of components in an environment, and nothing else. The same call again answers with "
        "the change that it led to.",
    )
    def post(self, request: Request, system: str, name: str) -> HttpResponse:
        change = images_deploy(self.actor, system=system, environment=name, now=clock.now(), **self.sent)
        row = change_row(Change.objects.select_related(*CHANGES_JOINED).defer(*UNSHOWN).get(pk=change.pk))
        return created(row, paths.change(change.pk), status=202)
