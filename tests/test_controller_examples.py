"""The examples of how controllers are run start what the documentation says, and name a command that exists."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(settings.BASE_DIR)
COMMAND = ".venv/bin/python manage.py slipway_controller"


def of_systemd() -> str:
    lines = (ROOT / "deploy/systemd/slipway-controller.service").read_text().splitlines()
    return next(line for line in lines if line.startswith("ExecStart=")).removeprefix("ExecStart=/opt/slipway/")


def of_kubernetes() -> str:
    deployment = yaml.safe_load((ROOT / "deploy/kubernetes/controller.yaml").read_text())
    return " ".join(deployment["spec"]["template"]["spec"]["containers"][0]["command"])


@pytest.mark.parametrize("command", [of_systemd, of_kubernetes], ids=["systemd", "kubernetes"])
def test_they_start_the_controller_as_documented(command):
    assert command() == COMMAND
    assert f"`{COMMAND}`" in (ROOT / "docs/running.md").read_text()
    assert "slipway_controller" in get_commands()


def test_the_deployment_is_one_that_the_published_schemas_accept():
    from provisioning.domain.kubernetes_schema import validate_object

    assert validate_object(yaml.safe_load((ROOT / "deploy/kubernetes/controller.yaml").read_text())) == []
