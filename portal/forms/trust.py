"""The form of a trust rule: what an admin types, and what is looked at before it is saved."""

from __future__ import annotations

import re
from typing import Any, Final

from django import forms

from governance.domain.workload import MOST_MINUTES, SCOPES
from governance.models import TrustRule
from governance.services.service_accounts import belongs_to_git
from governance.services.trust_rules import TrustWish
from idp.catalog.models import User
from portal.forms.plain import PlainForm

ISSUERS: Final = ("https://token.actions.githubusercontent.com", "https://gitlab.com")


class TrustForm(PlainForm):
    """``try_subject`` is not kept: it is a subject to hold the rule against."""

    name = forms.SlugField(label="Name", max_length=50, help_text="Lower-case letters, digits and dashes.")
    issuer = forms.CharField(label="Issuer", max_length=300, help_text=f"Such as {ISSUERS[0]} or {ISSUERS[1]}.")
    audience = forms.CharField(
        label="Audience",
        max_length=200,
        help_text="What pipelines name when they ask for their token; best this address.",
    )
    subject = forms.CharField(
        label="Subject",
        max_length=500,
        help_text="Such as repo:acme/checkout:ref:refs/heads/main. A * stands for any characters.",
    )
    claims = forms.CharField(
        label="Further claims",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One on each line, such as environment=production.",
    )
    account = forms.ChoiceField(
        label="Acts as",
        help_text="A service account of a team.",
        error_messages={"required": "Choose a service account."},
    )
    systems = forms.CharField(
        label="Systems",
        required=False,
        max_length=600,
        help_text="Names separated by spaces. Empty: all that the account may.",
    )
    scopes = forms.ChoiceField(
        label="May", choices=[(" ".join(SCOPES), "Read and ask for changes"), ("read", "Only read")]
    )
    minutes = forms.IntegerField(
        label="Minutes", min_value=1, max_value=MOST_MINUTES, help_text="How long a token lasts."
    )
    active = forms.BooleanField(label="Trust these pipelines", required=False)
    try_subject = forms.CharField(
        label="Would this subject match?",
        required=False,
        max_length=500,
        help_text="Only tried, not kept.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        accounts = User.objects.filter(is_active=True).exclude(service_of=None).select_related("service_of")
        able = [one for one in accounts.order_by("username") if not belongs_to_git(one)]
        choices = [
            (one.username, f"{one.username} ({one.service_of.slug})")  # type: ignore[union-attr]
            for one in able
        ]
        self.fields["account"].choices = choices or [("", "There is none yet")]  # type: ignore[attr-defined]
        if not choices:
            self.fields["account"].help_text = "Make one first, under Service accounts on the page of its team."

    def clean_claims(self) -> dict[str, str]:
        lines = [one.strip() for one in self.cleaned_data["claims"].splitlines() if one.strip()]
        if any("=" not in one for one in lines):
            raise forms.ValidationError("Write name=value on each line.")
        return {name.strip(): value.strip() for name, _, value in (one.partition("=") for one in lines)}

    def wish(self) -> TrustWish:
        given = self.cleaned_data
        return TrustWish(
            issuer=given["issuer"].strip(),
            audience=given["audience"].strip(),
            subject=given["subject"].strip(),
            account=given["account"],
            claims=given["claims"],
            scopes=tuple(given["scopes"].split()),
            systems=tuple(re.findall(r"[^\s,]+", given["systems"])),
            minutes=given["minutes"],
            active=given["active"],
        )


def initial_of(row: TrustRule | None, audience: str) -> dict[str, Any]:
    """What the form begins with. ``audience`` is proposed for a new rule."""
    if row is None:
        return {
            "issuer": ISSUERS[0],
            "audience": audience,
            "scopes": " ".join(SCOPES),
            "minutes": MOST_MINUTES,
            "active": True,
        }
    return {
        "name": row.name,
        "issuer": row.issuer,
        "audience": row.audience,
        "subject": row.subject,
        "claims": "\n".join(f"{name}={value}" for name, value in row.claims.items()),
        "account": row.account.username,
        "systems": " ".join(row.systems),
        "scopes": " ".join(one for one in SCOPES if one in row.scopes),
        "minutes": row.minutes,
        "active": row.active,
    }
