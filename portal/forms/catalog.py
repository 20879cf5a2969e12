"""Forms for systems, components and teams."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from idp.catalog.models import Team
from idp.catalog.names import COMPONENT_TYPES, ROLES, SLUG, SLUG_RULE
from portal.forms.plain import PlainForm

TYPE_WORDS = {"service": "Service", "website": "Website", "job": "Job", "library": "Library"}
ROLE_WORDS = {
    "viewer": "Viewer: sees restricted systems",
    "developer": "Developer: asks for changes",
    "maintainer": "Maintainer: approves and manages",
}


class SlugField(forms.RegexField):
    """A name that becomes part of addresses and namespaces; it cannot be changed later."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("help_text", SLUG_RULE + " It cannot be changed later.")
        super().__init__(regex=SLUG, max_length=30, error_messages={"invalid": SLUG_RULE}, **options)


class SystemForm(PlainForm):
    """For a new system ``teams`` are those the person may manage; for an existing one name and team stay fixed."""

    slug = SlugField(label="Name in addresses")
    name = forms.CharField(label="Title", max_length=80)
    team = forms.ChoiceField(label="Team", help_text="Owns it, pays for it from its quota, and approves its changes.")
    description = forms.CharField(
        label="What it does", max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    restricted = forms.BooleanField(
        label="Restricted",
        required=False,
        help_text="Only the team, platform admins and auditors see it and its environments.",
    )

    def __init__(self, *args: Any, teams: Iterable[Team] = (), existing: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if existing:
            del self.fields["slug"], self.fields["team"]
        else:
            self.fields["team"].choices = [(team.slug, team.name) for team in teams]  # type: ignore[attr-defined]


class ComponentForm(PlainForm):
    """One component. Links are lines, needs are names, because both are typed faster than clicked."""

    slug = SlugField(label="Name in addresses")
    name = forms.CharField(label="Title", max_length=80)
    type = forms.ChoiceField(label="Type", choices=[(one, TYPE_WORDS[one]) for one in COMPONENT_TYPES])
    description = forms.CharField(
        label="What it does", max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    repository = forms.URLField(
        label="Source", required=False, help_text="Address of its repository.", assume_scheme="https"
    )
    links = forms.CharField(
        label="Links",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "Runbook https://wiki.example/runbook"}),
        help_text="One a line: a title, then the address.",
    )
    depends_on = forms.CharField(
        label="Needs",
        required=False,
        help_text="Names of components it cannot run without, separated by commas.",
    )

    def __init__(self, *args: Any, existing: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if existing:
            del self.fields["slug"]

    def clean_links(self) -> list[dict[str, str]]:
        """``[{"title", "url"}]``; each line ends with an http or https address."""
        return [
            self._link(line, number)
            for number, line in enumerate(self.cleaned_data["links"].splitlines(), 1)
            if line.strip()
        ]

    def _link(self, line: str, number: int) -> dict[str, str]:
        title, _, url = line.strip().rpartition(" ")
        if not title.strip() or not url.startswith(("https://", "http://")):
            raise forms.ValidationError(f"Line {number} is a title, a space, and an address that begins with https://.")
        return {"title": title.strip(), "url": url}

    def clean_depends_on(self) -> list[str]:
        return list(dict.fromkeys(self.cleaned_data["depends_on"].replace(",", " ").split()))


def links_as_text(links: Iterable[dict[str, str]]) -> str:
    """The lines that ``ComponentForm`` reads back."""
    return "\n".join(f"{one.get('title', '')} {one.get('url', '')}".strip() for one in links)


class TeamForm(PlainForm):
    slug = SlugField(label="Name in addresses")
    name = forms.CharField(label="Title", max_length=80)
    description = forms.CharField(
        label="What it takes care of", max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, existing: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if existing:
            del self.fields["slug"]


class MemberForm(PlainForm):
    user = forms.CharField(label="Name", max_length=150, help_text="The name the person signs in with.")
    role = forms.ChoiceField(label="Role", choices=[(one, ROLE_WORDS[one]) for one in ROLES], initial="developer")
