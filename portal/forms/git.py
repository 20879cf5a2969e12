"""Forms by which maintainers keep sources of files in Git."""

from __future__ import annotations

from typing import Any

from django import forms

from governance.access import Rights
from idp.catalog.models import System, Team
from portal.forms.plain import PlainForm
from provisioning.models import GitSource
from provisioning.services.git_ownership import MOST_WHY

EVERY = (
    (0, "Never by itself"),
    (1, "Every minute"),
    (5, "Every 5 minutes"),
    (15, "Every 15 minutes"),
    (60, "Every hour"),
    (1440, "Every day"),
)


class GitSourceForm(PlainForm):
    """What an address may be, and who may say what, is the service's to say."""

    name = forms.SlugField(label="Name", max_length=30, help_text="Lower-case letters, digits and dashes.")
    team = forms.ChoiceField(
        label="Team", help_text="It applies what a developer of this team could ask for, and no more."
    )
    url = forms.CharField(
        label="Repository", max_length=2_000, help_text="Over https or ssh: https://git.example/team/infra.git"
    )
    branch = forms.CharField(label="Branch", required=False, max_length=200, help_text="The default one when empty.")
    pattern = forms.CharField(
        label="Files", required=False, max_length=200, help_text="Such as envs/**/*.yaml; all YAML files when empty."
    )
    systems = forms.MultipleChoiceField(label="Only these systems", required=False)
    username = forms.CharField(label="User name", required=False, max_length=100, help_text="Sent with a token.")
    secret = forms.CharField(
        label="Token or key",
        required=False,
        strip=False,
        max_length=20_000,
        help_text="A token, or a private key for ssh. Kept encrypted and never shown; left empty it stays as it is.",
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"}),
    )
    every = forms.TypedChoiceField(label="Look for commits", choices=EVERY, coerce=int, empty_value=None)
    owns = forms.BooleanField(
        label="Git owns its environments",
        required=False,
        help_text="Elsewhere, edits of them are refused with a patch to apply in Git.",
    )
    prune = forms.BooleanField(
        label="Delete what leaves the files",
        required=False,
        help_text="Never what holds data: that is deleted on its own page, which asks.",
    )
    governs = forms.BooleanField(
        label="Apply contracts, policies and approval routes too",
        required=False,
        help_text="Whoever may push to the repository then says what everybody may do.",
    )

    def __init__(self, *args: Any, rights: Rights, source: GitSource | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        if source is not None:
            self.of_team = source.team.slug
            del self.fields["name"], self.fields["team"]
        else:
            self.of_team = self._offer_teams(managed(rights))
        systems: Any = self.fields["systems"]
        systems.choices = system_choices(self.of_team)
        every = self.fields["every"]
        assert isinstance(every, forms.TypedChoiceField)
        if source is not None and source.every not in dict(EVERY):
            every.choices = [*EVERY, (source.every, f"Every {source.every} minutes")]
        if not rights.may_administer():
            del self.fields["governs"]

    def _offer_teams(self, teams: list[tuple[str, str]]) -> str:
        """The team that is chosen, where there is one: its systems can be picked."""
        field: Any = self.fields["team"]
        field.choices = [("", "Choose a team"), *teams]
        if len(teams) == 1:
            field.initial = teams[0][0]
        chosen = str(self["team"].value() or "")
        return chosen if chosen in dict(teams) else ""

    @property
    def system_options(self) -> list[dict[str, Any]]:
        field: Any = self.fields["systems"]
        chosen = self["systems"].value() or []
        return [{"value": value, "label": label, "selected": value in chosen} for value, label in field.choices]

    def asked(self) -> dict[str, Any]:
        """As the service takes it: an empty secret leaves what is kept."""
        found = dict(self.cleaned_data)
        found["secret"] = found["secret"] or None
        return found


def system_choices(team: str) -> list[tuple[str, str]]:
    """Systems of a team, by name; none, and no query, without one."""
    rows = System.objects.filter(team__slug=team).order_by("name", "slug") if team else System.objects.none()
    return list(rows.values_list("slug", "name"))


def managed(rights: Rights) -> list[tuple[str, str]]:
    """Teams for which the person may keep sources."""
    teams = Team.objects.filter(archived_at=None).order_by("slug")
    return [(one.slug, one.name) for one in teams if rights.may_manage(one)]


class ReleaseForm(PlainForm):
    reason = forms.CharField(
        label="Why",
        max_length=MOST_WHY,
        help_text="People who work in Git read it.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
