"""What can be administered, by section: one table behind the page Administration.

Whoever adds a page for administrators adds a line to ``SECTIONS``. ``who`` only decides whether the line is shown; the
page itself asks for its right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from django.urls import reverse

from governance.access import MANAGE_TEAM, Rights

WHO: Final[Mapping[str, Callable[[Rights], bool]]] = MappingProxyType(
    {
        "admins": lambda rights: rights.may_administer(),
        "maintainers": lambda rights: (
            rights.may_administer() or any(MANAGE_TEAM in held for held in rights.teams.values())
        ),
        "auditors": lambda rights: rights.may_read_audit(),
        "everyone": lambda rights: rights.signed_in,
    }
)
PEOPLE, ACCESS, RULES, PLACES = "People and teams", "Access", "Rules", "Places"
DOORS, MONEY, RECORDS = "Ways in and out", "Quota and cost", "Records"


@dataclass(frozen=True, slots=True)
class Section:
    """One page: ``purpose`` is one line that says what is done there, ``who`` a key of ``WHO``."""

    title: str
    icon: str
    url_name: str
    purpose: str
    group: str
    who: str = "admins"

    @property
    def url(self) -> str:
        return reverse(self.url_name)


SECTIONS: Final = (
    Section("Approval routes", "users", "approval-routes", "Who must agree to a change, stage by stage.", RULES),
    Section(
        "Policies",
        "scale",
        "policies",
        "What every change must meet, and what each rule would have done.",
        RULES,
        "everyone",
    ),
    Section("Teams", "users", "teams", "Who owns what, and who is in which team with which role.", PEOPLE),
    Section(
        "Stages", "layers-linked", "stages", "How long environments live, what they ask for and where they go.", PLACES
    ),
    Section("People", "user", "people", "Who may sign in, their mail address, and what hangs on them.", PEOPLE),
    Section("Sign-in", "login", "sign-in-providers", "Which providers people sign in through.", ACCESS),
    Section("Local sign-in", "lock", "local-sign-in", "To whom passwords and passkeys of here are open.", ACCESS),
    Section("Second factor", "shield", "second-factor-rule", "Of whom a code or passkey is asked at sign-in.", ACCESS),
    Section("Group rules", "users", "group-rules", "Which groups of a provider give which role in a team.", ACCESS),
    Section("Provisioning", "cloud", "provisioning", "People and groups that your directory sends (SCIM).", ACCESS),
    Section("Agents", "robot", "agents", "Programs that act for people, what each may and did.", DOORS, "everyone"),
    Section("Groups", "users", "groups", "People whom policies and approval routes mean across teams.", PEOPLE),
    Section("Ownership", "shield-check", "ownership", "What waits for an owner, and transfers.", PEOPLE, "everyone"),
    Section("Clusters", "server-2", "clusters", "Where environments live, and what a month there costs.", PLACES),
    Section("Score rules", "file-code", "score-rules", "Which capability each part of a Score file becomes.", DOORS),
    Section(
        "Catalogs", "package-import", "backstage", "What comes from Backstage or files, and how it is linked.", DOORS
    ),
    Section(
        "Files in Git",
        "git-branch",
        "git-sources",
        "Which repositories say what environments are, and how each file stands.",
        DOORS,
        "maintainers",
    ),
    Section("Host names", "world", "hosts", "Which system holds which host name.", PLACES),
    Section("Orphans", "trash", "orphans", "Objects on clusters that belong to no environment.", PLACES),
    Section("Links", "link", "links", "Where dashboards, logs, traces and alerts of an environment are.", PLACES),
    Section(
        "Webhooks",
        "send",
        "webhooks",
        "Programs and chats that are told what happens, and did it arrive.",
        DOORS,
        "maintainers",
    ),
    Section("Pipelines", "git-branch", "trust-rules", "Which pipelines may act as which service account.", DOORS),
    Section("Slack", "message-circle", "slack-app", "Which app of Slack people may decide with.", DOORS),
    Section(
        "Upgrades", "stack-forward", "campaigns", "Moves everybody from one version of a capability to another.", RULES
    ),
    Section("Freezes", "snowflake", "freezes", "What is held still, for whom and until when.", RULES, "everyone"),
    Section(
        "Quotas", "gauge", "quotas", "What each team may take, who asks for more, and what is lent.", MONEY, "everyone"
    ),
    Section("Costs", "coin", "costs", "What each team, system and environment cost in a month.", MONEY, "everyone"),
    Section("Audit", "list-check", "audit", "Who did what, when and from where, and proof of it.", RECORDS, "auditors"),
)


def sections(rights: Rights) -> list[tuple[str, list[Section]]]:
    """The pages that the person may use, by group, both in the order of the tables. No query."""
    shown: dict[str, list[Section]] = {group: [] for group in (PEOPLE, ACCESS, RULES, PLACES, DOORS, MONEY, RECORDS)}
    for one in SECTIONS:
        if WHO[one.who](rights):
            shown[one.group].append(one)
    return [(group, pages) for group, pages in shown.items() if pages]


def has_sections(rights: Rights) -> bool:
    """Whether the page has anything for the person, so that the way there is shown. No query."""
    return any(WHO[one.who](rights) for one in SECTIONS)
