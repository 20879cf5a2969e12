"""Which guide tells how the work of a page is done: one table behind the link in the top bar.

Asked by ``portal.pages.shell`` for every page. It knows names of addresses only: no query, nothing about the person.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from django.urls import reverse

# What the name of an address begins with, and the guide, with the section that fits. The longest beginning counts.
GUIDE_OF: Final = (
    ("account-notices", "notifications"),
    ("account-slack", "chat#approving-in-slack"),
    ("agent", "mcp"),
    ("approval-route", "approvals"),
    ("audit", "audit"),
    ("backstage", "backstage"),
    ("campaign", "campaigns"),
    ("capability-new", "contracts"),
    ("cluster", "clusters"),
    ("command-line", "cli#sign-in"),
    ("contract-", "contracts"),
    ("costs", "quotas#prices-and-costs"),
    ("environment-drift", "drift"),
    ("environment-new", "environments"),
    ("environment-score", "score"),
    ("environment-sharing", "sharing"),
    ("environment-sleep", "environments#sleep"),
    ("files", "files"),
    ("freeze", "freezes"),
    ("git-", "git-sync"),
    ("group", "administration#people-groups-teams"),
    ("group-rules", "sign-in#roles-from-groups"),
    ("hand-over", "scim#handing-accounts-over"),
    ("hosts", "contracts"),
    ("links", "observability#links"),
    ("local-sign-in", "sign-in"),
    ("notices", "notifications"),
    ("orphan", "clusters"),
    ("ownership", "administration#ownership"),
    ("people", "administration#people-groups-teams"),
    ("person", "administration#people-groups-teams"),
    ("polic", "policies"),
    ("provisioning", "scim"),
    ("quota", "quotas"),
    ("rubber-stamps", "approvals"),
    ("score-rule", "score#rules"),
    ("search", "search"),
    ("second-factor", "second-factor"),
    ("service-account", "ci"),
    ("sign-in-provider", "sign-in"),
    ("slack-app", "chat#approving-in-slack"),
    ("stage", "environments#what-a-stage-says"),
    ("stand-in", "approvals"),
    ("team", "administration#people-groups-teams"),
    ("train", "promotion#trains-several-systems-at-once"),
    ("trust-rule", "ci#trusting-a-pipeline"),
    ("ways-in", "sign-in"),
    ("webhook", "webhooks"),
)


@lru_cache(maxsize=512)
def guide_url(url_name: str) -> str:
    """Where the guide of a page is, empty where it has none."""
    fitting = [(begins, guide) for begins, guide in GUIDE_OF if url_name.startswith(begins)]
    if not fitting:
        return ""
    name, _, section = max(fitting, key=lambda one: len(one[0]))[1].partition("#")
    return reverse("guide", args=[name]) + (f"#{section}" if section else "")
