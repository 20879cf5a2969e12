"""Forms by which an admin keeps sources of catalogs and uploads files."""

from __future__ import annotations

from typing import Any

from django import forms

from governance.models import CatalogSource
from governance.services.backstage_runs import MOST_FILES
from idp.catalog.models import Team
from portal.forms.plain import PlainForm

KINDS = (
    ("upload", "Files that are uploaded"),
    ("url", "A file at an address"),
    ("git", "A Git repository"),
    ("backstage", "A running Backstage"),
)
GROUPS = (("link", "Keep them as data"), ("create", "Make a team of each"))
USERS = (("link", "Keep them as data"), ("create", "Make an account, switched off"))
LOOSE = (("keep", "Keep them as data"), ("own", "Give each a system"))
EVERY = (
    (0, "Never"),
    (15, "Every 15 minutes"),
    (60, "Every hour"),
    (360, "Every 6 hours"),
    (1440, "Every day"),
)


class SourceForm(PlainForm):
    """What an address may be is the service's to say."""

    name = forms.SlugField(label="Name", max_length=30, help_text="Lower-case letters, digits and dashes.")
    kind = forms.ChoiceField(label="What it is", choices=KINDS)
    url = forms.CharField(
        label="Address",
        required=False,
        max_length=2_000,
        help_text="Of the file, of the repository (https or ssh), or of Backstage's backend.",
    )
    branch = forms.CharField(label="Branch", required=False, max_length=200, help_text="Empty: the default one.")
    pattern = forms.CharField(
        label="Files", required=False, max_length=200, help_text="Empty: **/catalog-info.y*ml, in every folder."
    )
    username = forms.CharField(
        label="User name", required=False, max_length=100, help_text="Where the Git server wants one beside the token."
    )
    secret = forms.CharField(
        label="Token or key",
        required=False,
        strip=False,
        max_length=20_000,
        help_text="A token, or a private key for ssh. Kept encrypted and never shown. Empty: what is kept stays.",
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"}),
    )
    every = forms.TypedChoiceField(
        label="Import by itself", choices=EVERY, coerce=int, empty_value=None, required=False
    )
    owner = forms.ChoiceField(
        label="Systems of an unknown owner",
        required=False,
        help_text="Or the team that gets them.",
    )
    groups = forms.ChoiceField(label="Groups that are no team here", choices=GROUPS)
    users = forms.ChoiceField(
        label="People without an account", choices=USERS, help_text="An import lets nobody sign in and gives no role."
    )
    loose = forms.ChoiceField(label="Components without a system", choices=LOOSE)

    def __init__(self, *args: Any, source: CatalogSource | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kept_kind = source.kind if source else ""
        teams = Team.objects.filter(archived_at=None).order_by("slug").values_list("slug", "name")
        owner = self.fields["owner"]
        assert isinstance(owner, forms.ChoiceField)
        owner.choices = [("", "Keep them as data"), *teams]
        every = self.fields["every"]
        assert isinstance(every, forms.TypedChoiceField)
        if source is not None:
            del self.fields["name"], self.fields["kind"]
            if source.every not in dict(EVERY):
                every.choices = [*EVERY, (source.every, f"Every {source.every} minutes")]

    def asked(self) -> dict[str, Any]:
        """As the service takes it: an empty secret leaves what is kept, and fields that the kind has not are empty."""
        found = dict(self.cleaned_data)
        kind = found.get("kind", self.kept_kind)
        if kind != "git":
            found |= {"branch": "", "pattern": "", "username": ""}
        if kind == "upload":
            found |= {"url": "", "secret": "", "every": 0}
        found["secret"] = found["secret"] or None
        return found


class ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        listed = data if isinstance(data, (list, tuple)) else [data]
        if not listed:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        if len(listed) > MOST_FILES:
            raise forms.ValidationError(f"Choose at most {MOST_FILES} files.")
        return [super(FilesField, self).clean(one, initial) for one in listed]


class UploadForm(PlainForm):
    documents = FilesField(
        label="Files",
        allow_empty_file=True,
        help_text="All files of this source. What is not among them any more is marked, and never deleted.",
        error_messages={"required": "Choose one or more files."},
    )
