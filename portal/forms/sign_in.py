"""Forms of signing in through providers: the provider itself, and a rule that a group gives a role."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms

from governance.domain.group_rule import LONGEST_GROUP, Rule
from governance.domain.oidc import MOST_SESSION_HOURS, ProviderWish
from governance.models import SignInProvider
from idp.catalog.names import ROLES
from idp.kernel import vault
from idp.kernel.errors import PlatformFault
from portal.forms.plain import PlainForm

SCOPES = "openid profile email"


class ProviderForm(PlainForm):
    """``sealed`` carries a secret that was typed, encrypted, from the look to the saving; it is never shown again."""

    name = forms.SlugField(label="Name", max_length=30, help_text="Lower-case letters, digits and dashes.")
    title = forms.CharField(label="Button", max_length=60, help_text="What follows “Sign in with”, such as Corp.")
    issuer = forms.CharField(
        label="Issuer",
        max_length=300,
        help_text="As the provider names itself, such as https://login.example.com/realms/corp.",
    )
    client_id = forms.CharField(label="Client ID", max_length=255)
    secret = forms.CharField(
        label="Client secret",
        required=False,
        max_length=1_000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Kept encrypted and never shown again. Once there is one, empty keeps it.",
    )
    sealed = forms.CharField(required=False, max_length=3_000, widget=forms.HiddenInput)
    scopes = forms.CharField(label="Scopes", max_length=400, help_text="With spaces between.")
    group_claim = forms.CharField(
        label="Claim with groups",
        required=False,
        max_length=120,
        help_text="Such as groups or realm_access.roles. Empty: groups are not read.",
    )
    link_claim = forms.CharField(
        label="Claim with the SCIM name",
        required=False,
        max_length=120,
        help_text="Finds people whom SCIM made, by user name or external ID, such as preferred_username or oid.",
    )
    missing_is_none = forms.BooleanField(
        label="Without the claim, one is in no group",
        required=False,
        help_text="Keycloak, Entra ID and Okta leave it out of who is in none. Off, such a person keeps their roles.",
    )
    may_create = forms.BooleanField(
        label="Make an account for whoever signs in first",
        required=False,
        help_text="Without a role in any team, but for those that their groups give.",
    )
    session_hours = forms.IntegerField(
        label="Hours until one signs in there again",
        required=False,
        min_value=0,
        max_value=MOST_SESSION_HOURS,
        help_text="So long, at most, somebody stays here whom the provider has switched off. Empty: two weeks.",
    )
    active = forms.BooleanField(label="Offer it on the sign-in page", required=False)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        sealed = given.get("sealed", "")
        try:
            given["sealed"] = vault.decrypt(sealed) if sealed else ""
        except PlatformFault:
            self.add_error("secret", "Type the client secret again.")
        return given

    def wish(self) -> ProviderWish:
        given = self.cleaned_data
        return ProviderWish(
            title=given["title"].strip(),
            issuer=given["issuer"].strip(),
            client_id=given["client_id"].strip(),
            secret=given["secret"] or given["sealed"] or None,
            scopes=tuple(given["scopes"].split()),
            group_claim=given["group_claim"].strip(),
            missing_is_none=given["missing_is_none"],
            link_claim=given["link_claim"].strip(),
            may_create=given["may_create"],
            session_hours=given["session_hours"] or 0,
            active=given["active"],
        )


def initial_of(row: SignInProvider | None) -> dict[str, Any]:
    if row is None:
        usual = {"scopes": SCOPES, "group_claim": "groups", "missing_is_none": True, "session_hours": 12}
        return {**usual, "active": True}
    told = ("name", "title", "issuer", "client_id", "group_claim", "missing_is_none", "link_claim", "may_create")
    given = {name: getattr(row, name) for name in (*told, "active")}
    return given | {"scopes": " ".join(row.scopes), "session_hours": row.session_hours or None}


class GroupRuleForm(PlainForm):
    source = forms.ChoiceField(label="From")
    group = forms.CharField(
        label="Group", max_length=LONGEST_GROUP, strip=False, help_text="Exactly as the provider sends it."
    )
    team = forms.ChoiceField(label="Team")
    role = forms.ChoiceField(label="Role", choices=[(role, role.capitalize()) for role in ROLES])

    def __init__(
        self, *args: Any, sources: Sequence[tuple[str, str]], teams: Iterable[tuple[str, str]], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.fields["source"].choices = sources  # type: ignore[attr-defined]
        self.fields["team"].choices = [("", "Choose a team"), *teams]  # type: ignore[attr-defined]

    def rule(self) -> Rule:
        given = self.cleaned_data
        return Rule(given["source"], given["group"], given["team"], given["role"])
