"""What Slipway keeps of SCIM's User and Group (RFC 7643), as one table, which ``/Schemas`` shows.

Documents are read by it: in ``domain.scim_patch``, the services and the faces. What a client sends beyond it is left
out without a word, because every directory sends attributes that somebody else needs. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from governance.domain.scim_filter import Path
from idp.kernel.errors import FieldError, InvalidInput

USER_URN: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_URN: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
LONGEST: Final = 500
MOST_VALUES: Final = 20
MOST_MEMBERS: Final = 20_000
_MAIL: Final = re.compile(r"[^\s@<>\"(),:;\[\]\\]+@[^\s@<>\"(),:;\[\]\\]+\.?[^\s@<>\"(),:;\[\]\\.]+")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute, with the properties of RFC 7643, 2.2. ``most``: elements when there may be several."""

    name: str
    about: str
    kind: str = "string"
    several: bool = False
    required: bool = False
    exact: bool = False
    writable: bool = True
    unique: bool = False
    words: tuple[str, ...] = ()
    parts: tuple[Attribute, ...] = ()
    longest: int = LONGEST
    most: int = MOST_VALUES

    def part(self, name: str) -> Attribute | None:
        return next((one for one in self.parts if one.name.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of resource; ``path`` is its address below ``/scim/v2``."""

    name: str
    path: str
    urn: str
    about: str
    attributes: tuple[Attribute, ...]

    def find(self, path: Path) -> Attribute | None:
        """The attribute that ``path`` begins with; None for what is not kept, such as another schema's."""
        if path.urn and path.urn != self.urn.lower():
            return None
        return next((one for one in self.attributes if one.name.lower() == path.name), None)


USER: Final = Resource(
    "User",
    "Users",
    USER_URN,
    "A person",
    (
        Attribute("userName", "The name the directory knows the person by.", required=True, unique=True, longest=256),
        Attribute(
            "name",
            "The parts of the person's name.",
            kind="complex",
            parts=(
                Attribute("formatted", "The whole name."),
                Attribute("familyName", "Family name."),
                Attribute("givenName", "Given name."),
                Attribute("middleName", "Middle names."),
                Attribute("honorificPrefix", "Such as Dr."),
                Attribute("honorificSuffix", "Such as III."),
            ),
        ),
        Attribute("displayName", "The name that is shown."),
        Attribute("title", "What the person does."),
        Attribute("active", "Whether the person may sign in.", kind="boolean"),
        Attribute(
            "emails",
            "Mail addresses; notices go to the primary one, else to that of work, else to the first.",
            kind="complex",
            several=True,
            parts=(
                Attribute("value", "The address.", longest=254),
                Attribute("display", "How the address is shown."),
                Attribute("type", "What it is for.", words=("work", "home", "other")),
                Attribute("primary", "Whether it is the one to write to.", kind="boolean"),
            ),
        ),
        Attribute(
            "groups",
            "The groups that the person is in; written through the groups.",
            kind="complex",
            several=True,
            writable=False,
            parts=(
                Attribute("value", "Id of the group.", writable=False),
                Attribute("$ref", "Address of the group.", kind="reference", writable=False),
                Attribute("display", "Name of the group.", writable=False),
            ),
        ),
    ),
)
GROUP: Final = Resource(
    "Group",
    "Groups",
    GROUP_URN,
    "People who get roles in teams by rules",
    (
        Attribute("displayName", "The name that rules mean.", required=True, unique=True, longest=256),
        Attribute(
            "members",
            "The people in it.",
            kind="complex",
            several=True,
            most=MOST_MEMBERS,
            parts=(
                Attribute("value", "Id of the person."),
                Attribute("$ref", "Address of the person.", kind="reference", writable=False),
                Attribute("type", "User; groups have no groups as members.", words=("User",)),
                Attribute("display", "The person's userName.", writable=False),
            ),
        ),
    ),
)
RESOURCES: Final = (USER, GROUP)
EXTERNAL_ID: Final = Attribute("externalId", "The directory's own id.", exact=True, longest=256)
OF_THE_SERVER: Final = ("id", "meta", "schemas")


def clean(resource: Resource, sent: Mapping[str, Any]) -> Document:
    """What is kept of a whole resource as it was sent: known attributes by their own names.

    What the server says is left out, and so is what is null. InvalidInput (``invalidValue``) names each wrong value.
    """
    found: Document = {}
    for key, value in sent.items():
        attribute = attribute_at(resource, Path(str(key).lower()))
        if attribute is not None and attribute.writable and value is not None:
            cleaned = value_of(attribute, value)
            if cleaned not in (None, "", [], {}):
                found[attribute.name] = cleaned
    return complete(resource, found)


def complete(resource: Resource, document: Document) -> Document:
    """``document`` when it has what is required; InvalidInput otherwise."""
    for one in resource.attributes:
        if one.required and not document.get(one.name):
            raise _wrong(one.name, f"{one.name} is required and is never empty.")
    return document


def attribute_at(resource: Resource, path: Path) -> Attribute | None:
    """As ``Resource.find``, with what every resource has."""
    if path.name == EXTERNAL_ID.name.lower() and (not path.urn or path.urn == resource.urn.lower()):
        return EXTERNAL_ID
    return resource.find(path)


def value_of(attribute: Attribute, value: Any) -> Any:
    """``value`` as it is kept. A list with one element stands for the element where there is only one, and the other
    way round; truth may be the text “True” or “False”."""
    if not attribute.several:
        return single_of(attribute, value)
    elements = value if isinstance(value, list) else [value]
    if len(elements) > attribute.most:
        raise _wrong(attribute.name, f"{attribute.name} has more than {attribute.most} values.")
    found = [one for one in (single_of(attribute, one) for one in elements) if one]
    return one_primary(unrepeated(found))


def single_of(attribute: Attribute, value: Any) -> Any:
    """One value of an attribute; None for what is null or, of a complex one, holds nothing that is kept."""
    if isinstance(value, list):
        if len(value) != 1:
            raise _wrong(attribute.name, f"{attribute.name} takes one value.")
        value = value[0]
    if value is None:
        return None
    if attribute.kind == "complex":
        return _complex_of(attribute, value)
    if isinstance(value, Mapping):  # some clients write {"value": "False"} for a plain attribute
        value = next((inner for key, inner in value.items() if str(key).lower() == "value"), value)
    if attribute.kind == "boolean":
        return _truth(attribute, value)
    return _text(attribute, value)


def unrepeated(elements: Iterable[Document]) -> list[Document]:
    """Without elements that say the same twice: the same value, and the same type where there is one."""
    found: dict[Any, Document] = {}
    for one in elements:
        key = (str(one.get("value", "")).casefold(), one.get("type"))
        found[key] = found.get(key, {}) | one
    return list(found.values())


def one_primary(elements: list[Document]) -> list[Document]:
    """At most one element is primary: the last that says so."""
    primary = [place for place, one in enumerate(elements) if one.get("primary") is True]
    if len(primary) < 2:
        return elements
    return [one | {"primary": False} if place in primary[:-1] else one for place, one in enumerate(elements)]


def folded(text: str) -> str:
    """``text`` as it is compared where case does not count; at most 300 letters."""
    return text.casefold()[:300]


def account_email(document: Mapping[str, Any]) -> str:
    """The address that notices go to; empty for none."""
    emails = [one for one in document.get("emails", ()) if one.get("value")]
    chosen = next((one for one in emails if one.get("primary") is True), None)
    chosen = chosen or next((one for one in emails if one.get("type") == "work"), None)
    return str((chosen or emails[0])["value"]) if emails else ""


def shown_name(document: Mapping[str, Any]) -> str:
    """The name that pages show; at most 120 letters, empty when the directory says none."""
    name = document.get("name", {})
    parts = " ".join(part for part in (name.get("givenName", ""), name.get("familyName", "")) if part)
    return str(document.get("displayName") or name.get("formatted") or parts)[:120]


def account_name(user_name: str) -> str:
    """The username of an account for a ``userName``: what an address of a page cannot hold becomes a dash."""
    return (re.sub(r"[^\w.@+-]+", "-", user_name).strip("-") or "person")[:140]


def _complex_of(attribute: Attribute, value: Any) -> Document | None:
    if isinstance(value, str) and attribute.part("value") is not None:
        value = {"value": value}
    if not isinstance(value, Mapping):
        raise _wrong(attribute.name, f"{attribute.name} is an object.")
    found: Document = {}
    for key, inner in value.items():
        part = attribute.part(str(key))
        if part is not None and part.writable and inner is not None:
            found[part.name] = single_of(part, inner)
    if attribute.several and not found.get("value"):
        return None
    if attribute.name == "emails" and not _MAIL.fullmatch(found["value"]):
        raise _wrong("emails.value", "A mail address looks like ada@example.com.")
    return found


def _truth(attribute: Attribute, value: Any) -> bool:
    word = str(value).lower() if isinstance(value, str | bool) else ""
    if word not in ("true", "false"):
        raise _wrong(attribute.name, f"{attribute.name} is true or false.")
    return word == "true"


def _text(attribute: Attribute, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(attribute.name, f"{attribute.name} is a text.")
    text = str(value).strip()
    if len(text) > attribute.longest:
        raise _wrong(attribute.name, f"{attribute.name} has at most {attribute.longest} letters.")
    return text


def _wrong(path: str, message: str) -> InvalidInput:
    return InvalidInput(message, code="invalidValue", errors=[FieldError(path, message)])
