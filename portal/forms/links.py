"""The form by which an admin writes a link of a stage."""

from __future__ import annotations

from django import forms

from portal.forms.plain import PlainForm
from provisioning.domain.links import KINDS, LONGEST_NAME, LONGEST_URL


class LinkForm(PlainForm):
    """Whether the template gives an address is the service's to say; a name that exists is changed."""

    name = forms.CharField(
        label="Name",
        max_length=LONGEST_NAME,
        help_text="What people read. A name that the stage has already is changed.",
        widget=forms.TextInput(attrs={"placeholder": "Logs in Loki", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label="Kind", choices=tuple(KINDS.items()))
    url = forms.CharField(
        label="Address",
        max_length=LONGEST_URL,
        help_text="Begins with https. What reads resource or component gives each workload a link of its own.",
        widget=forms.Textarea(
            attrs={
                "rows": 3,
                "spellcheck": "false",
                "placeholder": "https://grafana.example/d/workload?var-namespace=${environment.namespace}",
            }
        ),
    )
