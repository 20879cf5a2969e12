"""Forms of agents: what somebody lets one do, and at which stages admins let agents go without a signature."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from django import forms

from governance.access import REQUEST_CHANGE, Rights
from idp.catalog.models import System, Team
from portal.forms.plain import PlainForm
from provisioning.domain.agent import KINDS
from provisioning.models import Agent, Stage
from provisioning.services.agents import AgentWish

DAYS: Final = ((1, "1 day"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year"))
MOST_SYSTEMS: Final = 500
USUAL_KINDS: Final = ("create", "update", "upgrade", "extend", "sleep", "wake")


class DaysForm(PlainForm):
    """How long a new token lasts."""

    days = forms.TypedChoiceField(label="Its token lasts", choices=DAYS, coerce=int, initial=30)


class AgentForm(PlainForm):
    """``agent`` is the one that is edited: its name stays, and its token has a form of its own."""

    name = forms.CharField(
        label="Name", max_length=40, help_text="Lower-case letters, digits and dashes, such as triage."
    )
    purpose = forms.CharField(label="What it is for", max_length=300, required=False)
    team = forms.ChoiceField(label="Team", help_text="It works on systems of this team, as far as you may.")
    systems = forms.MultipleChoiceField(
        label="Only these systems",
        required=False,
        error_messages={"invalid_choice": "There is no system “%(value)s” that you may see."},
    )
    kinds = forms.MultipleChoiceField(
        label="May ask for",
        choices=[(one, one) for one in KINDS],
        error_messages={"required": "Choose at least one."},
    )
    stages = forms.MultipleChoiceField(label="Only at these stages", required=False)
    monthly_cap = forms.DecimalField(
        label="May add a month",
        min_value=Decimal(0),
        max_value=Decimal(1_000_000),
        decimal_places=2,
        help_text="To the cost of a month, all of its changes together.",
    )
    days = forms.TypedChoiceField(label="Its token lasts", choices=DAYS, coerce=int, initial=30)

    def __init__(self, *args: Any, rights: Rights, agent: Agent | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        teams = list(_teams(rights))
        self.fields["team"].choices = [(one.slug, one.name) for one in teams]  # type: ignore[attr-defined]
        self._team_of = dict(_systems(rights, teams))
        held = dict.fromkeys(agent.systems, "Not there any more") if agent is not None else {}
        self._team_of = {**held, **self._team_of}
        self.fields["systems"].choices = [(slug, slug) for slug in self._team_of]  # type: ignore[attr-defined]
        stages = Stage.objects.order_by("order", "name").values_list("name", "title")
        self.fields["stages"].choices = [(name, title or name) for name, title in stages]  # type: ignore[attr-defined]
        if agent is not None:
            del self.fields["name"], self.fields["days"]

    @property
    def kind_options(self) -> list[dict[str, Any]]:
        return _options(self, "kinds", () if self.is_bound else USUAL_KINDS)

    @property
    def stage_options(self) -> list[dict[str, Any]]:
        return _options(self, "stages", ())

    @property
    def system_options(self) -> list[dict[str, Any]]:
        """What is chosen first; with the team of each, where there are several to choose from."""
        several = len(set(self._team_of.values())) > 1
        found = sorted(_options(self, "systems", ()), key=lambda one: not one["selected"])
        return [{**one, "hint": self._team_of[one["value"]] if several else ""} for one in found]

    def wish(self) -> AgentWish:
        given = self.cleaned_data
        return AgentWish(
            purpose=given["purpose"].strip(),
            team=given["team"],
            systems=tuple(given["systems"]),
            stages=tuple(given["stages"]),
            kinds=tuple(given["kinds"]),
            monthly_cap=given["monthly_cap"],
        )


class AgentRulesForm(PlainForm):
    """Stages at which agents' changes need no co-signature; those of production cannot be chosen."""

    unsigned = forms.MultipleChoiceField(label="Without a signature at", required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        stages = Stage.objects.filter(production=False).order_by("order", "name").values_list("name", "title")
        self.fields["unsigned"].choices = [(name, title or name) for name, title in stages]  # type: ignore[attr-defined]

    @property
    def stage_options(self) -> list[dict[str, Any]]:
        return _options(self, "unsigned", ())


def initial_of(agent: Agent) -> dict[str, Any]:
    """What the form of an agent begins with."""
    return {
        "purpose": agent.purpose,
        "team": agent.team.slug,
        "systems": agent.systems,
        "kinds": agent.kinds,
        "stages": agent.stages,
        "monthly_cap": agent.monthly_cap,
    }


def _teams(rights: Rights) -> Iterable[Team]:
    rows = Team.objects.order_by("name")
    if rights.is_admin:
        return rows
    return rows.filter(pk__in=[key for key, held in rights.teams.items() if REQUEST_CHANGE in held])


def _systems(rights: Rights, teams: list[Team]) -> Iterable[tuple[str, str]]:
    """(slug, name of its team) of what the person may see of these teams. One query."""
    rows = System.objects.filter(rights.sees(), team__in=teams).order_by("team__name", "slug")
    return rows.values_list("slug", "team__name")[:MOST_SYSTEMS]


def _options(form: forms.Form, name: str, usual: Iterable[str]) -> list[dict[str, Any]]:
    field: Any = form.fields[name]
    chosen = form[name].value() or list(usual)
    return [{"value": value, "label": label, "selected": value in chosen} for value, label in field.choices]
