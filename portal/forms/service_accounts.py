"""Forms of a team's service accounts and of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from idp.catalog.models import User
from portal.forms.account import TokenForm
from portal.forms.plain import PlainForm


class ServiceAccountForm(PlainForm):
    username = forms.CharField(
        label="Name", max_length=150, help_text="What signs its work with it, for example payments-ci."
    )


class ServiceTokenForm(TokenForm):
    """A token of one of the accounts; only admins are asked whether it acts for people."""

    account = forms.ChoiceField(label="Of", error_messages={"required": "Choose a service account."})
    for_people = forms.BooleanField(
        label="Asks for the people that its program names, with their rights",
        required=False,
        help_text="For Backstage and the like. It reads and asks for changes only, and both are in the audit log.",
    )

    def __init__(self, *args: Any, accounts: Sequence[User], may_act: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].choices = [(one.username, one.username) for one in accounts]  # type: ignore[attr-defined]
        if not may_act:
            del self.fields["for_people"]
