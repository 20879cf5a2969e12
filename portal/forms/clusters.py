"""The forms by which an admin registers a cluster or changes what is said of it."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from portal.forms.catalog import SlugField
from portal.forms.plain import PlainForm
from provisioning.models import Cluster
from provisioning.services.clusters import PRICES

DRIVER_WORDS: Final = (
    ("kubernetes", "Kubernetes, reached by a kubeconfig"),
    ("sandbox", "Sandbox, simulated on this machine"),
)
UNTOLD: Final = "Empty where it is not known."


class LabelsField(forms.CharField):
    """Labels as one line, ``region=eu, tier=gold``; the service says what is wrong with one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=2000, **options)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        parts = [one.strip() for one in text.split(",") if one.strip()]
        return {key.strip(): told.strip() for key, _, told in (one.partition("=") for one in parts)}

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return ", ".join(f"{key}={told}" for key, told in sorted(value.items()))
        return value


def _amount(label: str, hint: str = "") -> forms.DecimalField:
    return forms.DecimalField(label=label, required=False, min_value=0, help_text=hint)


class ClusterForm(PlainForm):
    """``existing`` leaves out what is fixed: the name and the driver. A kubeconfig is taken and never shown."""

    name = SlugField(label="Name")
    title = forms.CharField(label="Title", max_length=80, help_text="What people read, such as “Frankfurt”.")
    driver = forms.ChoiceField(label="Kind", choices=DRIVER_WORDS)
    kubeconfig = forms.CharField(
        label="Kubeconfig",
        required=False,
        max_length=200_000,
        strip=False,
        help_text="Of an account made for Slipway. It is tried first, stored encrypted and never shown again.",
        widget=forms.Textarea(
            attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false", "placeholder": "apiVersion: v1"}
        ),
    )
    labels = LabelsField(label="Labels", help_text="Stages choose by them: region=eu, tier=gold.")
    capacity_cpu = _amount("CPU", UNTOLD)
    capacity_memory_gib = _amount("Memory", UNTOLD)
    capacity_storage_gib = _amount("Storage", UNTOLD)
    price_cpu = _amount("A core")
    price_memory_gib = _amount("A GiB of memory")
    price_storage_gib = _amount("A GiB of storage")

    def __init__(self, *args: Any, existing: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if existing:
            del self.fields["name"], self.fields["driver"]
            self.fields["kubeconfig"].label = "New kubeconfig"
            self.fields["kubeconfig"].help_text = "Empty keeps the one that is stored."

    @staticmethod
    def shown(cluster: Cluster) -> dict[str, Any]:
        """What the form begins with for a cluster that is there."""
        amounts = {
            f"{prefix}_{key}": _plain(getattr(cluster, f"{prefix}_{key}"))
            for prefix in ("capacity", "price")
            for key in PRICES
        }
        return {"title": cluster.title, "labels": cluster.labels, **amounts}

    def sent(self) -> dict[str, Any]:
        """What the services take; capacities left empty are no longer known, prices left empty are zero."""
        data = self.cleaned_data
        kept: dict[str, Any] = {
            key: data[key] for key in ("name", "title", "driver", "kubeconfig", "labels") if key in data
        }
        return {
            **kept,
            "capacity": {key: data[f"capacity_{key}"] for key in PRICES},
            "prices": {key: data[f"price_{key}"] or 0 for key in PRICES},
        }


def _plain(value: Any) -> str:
    """As one would type it: 24, not 24.000."""
    return "" if value is None else f"{value:f}".rstrip("0").rstrip(".") or "0"
