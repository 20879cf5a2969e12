"""The form of a stage, for people who do not read YAML. Translates; the service decides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django import forms

from portal.forms.catalog import SlugField
from portal.forms.clusters import LabelsField
from portal.forms.plain import PlainForm
from provisioning.domain.sleep_schedule import MAX_IDLE_HOURS
from provisioning.models import Stage
from provisioning.services.stages import MAX_DAYS, MAX_SOAK_MINUTES

DRIFT_WORDS: Final = (
    ("report", "Tell its owners, who decide"),
    ("correct", "Put it back at once"),
)
NOWHERE: Final = ("", "Nowhere: it is where things begin")


def _number(label: str, hint: str, *, most: int, least: int = 1) -> forms.IntegerField:
    """A whole number that may be left empty; the sentence is the same for all that is wrong with it."""
    told = f"Write a whole number from {least} to {most:,}, or leave it empty."
    said = {"invalid": told, "min_value": told, "max_value": told}
    return forms.IntegerField(
        label=label, required=False, min_value=least, max_value=most, help_text=hint, error_messages=said
    )


class StageForm(PlainForm):
    """``stages`` and ``clusters`` are names to choose from; an existing stage keeps its name."""

    name = SlugField(label="Name")
    title = forms.CharField(label="Title", max_length=80, help_text="What people read, such as “Production”.")
    summary = forms.CharField(label="In one sentence", max_length=200, required=False)
    order = forms.IntegerField(label="Place", min_value=0, max_value=999, help_text="Lower numbers stand further left.")
    promotes_from = forms.ChoiceField(label="Takes promotions from", required=False)
    soak_minutes = _number(
        "Soak time", "How long a set must have run Ready there before it may come here.", most=MAX_SOAK_MINUTES, least=0
    )
    production = forms.BooleanField(
        label="It is production",
        required=False,
        help_text="Never expires, never sleeps by itself, and teams only look at its namespaces.",
    )
    default_days = _number("Usual life", "Empty: as long as nobody deletes it.", most=MAX_DAYS)
    max_days = _number("Longest life", "Empty: no limit. Beyond it a maintainer is asked.", most=MAX_DAYS)
    idle_hours = _number("Falls asleep when unused for", "Empty: never by itself.", most=MAX_IDLE_HOURS)
    drift_mode = forms.ChoiceField(label="What happens to drift", choices=DRIFT_WORDS)
    cluster = forms.ChoiceField(label="Cluster", help_text="Where new environments go.")
    cluster_labels = LabelsField(
        label="Or the emptiest cluster with", help_text="Labels such as region=eu. Empty: always the cluster above."
    )

    def __init__(
        self, *args: Any, stages: Iterable[str], clusters: Iterable[str], existing: bool = False, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.fields["promotes_from"].choices = [NOWHERE, *((one, one) for one in stages)]  # type: ignore[attr-defined]
        self.fields["cluster"].choices = [(one, one) for one in clusters]  # type: ignore[attr-defined]
        if existing:
            del self.fields["name"]

    def sent(self) -> dict[str, Any]:
        """What was sent, by the names of the service; clusters and stages by their names."""
        data = dict(self.cleaned_data)
        data["soak_minutes"] = data["soak_minutes"] or 0
        data["promotes_from"] = data["promotes_from"] or None
        return data


def initial(stage: Stage, written: dict[str, Any]) -> dict[str, Any]:
    """What the form begins with for a stage that is there; ``written`` as of ``stage_written``."""
    return {**written, "name": stage.name, "promotes_from": written["promotes_from"] or ""}
