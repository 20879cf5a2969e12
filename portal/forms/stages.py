"""The form of a stage, for people who do not read YAML. Translates; the service decides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django import forms

from portal.forms.catalog import SlugField
from portal.forms.clusters import LabelsField
from portal.forms.plain import PlainForm
from provisioning.models import Stage

DRIFT_WORDS: Final = (
    ("report", "Tell its owners, who decide"),
    ("correct", "Put it back at once"),
)
NOWHERE: Final = ("", "Nowhere: it is where things begin")


def _number(label: str, hint: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, help_text=hint)


class StageForm(PlainForm):
    """``stages`` and ``clusters`` are names to choose from; an existing stage keeps its name."""

    name = SlugField(label="Name")
    title = forms.CharField(label="Title", max_length=80, help_text="What people read, such as “Production”.")
    summary = forms.CharField(label="In one sentence", max_length=200, required=False)
    order = forms.IntegerField(label="Place", min_value=0, max_value=999, help_text="Lower numbers stand further left.")
    promotes_from = forms.ChoiceField(label="Takes promotions from", required=False)
    soak_minutes = _number("Soak time", "How long a set must have run Ready there before it may come here.")
    production = forms.BooleanField(
        label="It is production",
        required=False,
        help_text="Never expires, never sleeps by itself, and teams only look at its namespaces.",
    )
    default_days = _number("Usual life", "Empty: as long as nobody deletes it.")
    max_days = _number("Longest life", "Empty: no limit. Beyond it a maintainer is asked.")
    idle_hours = _number("Falls asleep when unused for", "Empty: never by itself.")
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
