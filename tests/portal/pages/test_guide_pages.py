"""Guides in the portal, and in its search."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from provisioning.models import SearchEntry
from provisioning.selectors.searching import search
from provisioning.services.guide_index import guides_index
from provisioning.services.search_words import search_words_gather
from tests.personas import Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(organisation: Organisation) -> Client:
    signed_in = Client()
    signed_in.force_login(organisation.people["viewer"])
    return signed_in


def test_the_list_names_every_group(client: Client) -> None:
    text = client.get("/docs/").content.decode()
    for group in ("Every day", "From elsewhere", "Rules and limits", "Running it", "Why it is built so"):
        assert group in text
    assert reverse("guide", args=["adr/0003-one-run-at-a-time"]) in text


def test_a_guide_shows_its_sections_code_and_pictures(client: Client) -> None:
    text = client.get("/docs/score/").content.decode()
    assert '<a class="row-title" href="#rules">Rules</a>' in text
    assert 'data-copies="code-1"' in text
    picture = client.get("/docs/pictures/score.png")
    assert picture["Content-Type"] == "image/png"
    assert b"".join(picture.streaming_content).startswith(b"\x89PNG")


@pytest.mark.parametrize("path", ["/docs/nothing/", "/docs/../README/", "/docs/pictures/nothing.png", "/docs/adr/"])
def test_no_other_file_is_shown(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_search_finds_guides_and_mends_their_words(organisation: Organisation) -> None:
    assert guides_index() == SearchEntry.objects.filter(kind="doc").count() > 100
    search_words_gather()
    rights = organisation.rights("stranger")
    found = search(rights, "troubleshooting").entries[0]
    assert (found.kind, found.path) == ("doc", reverse("guide", args=["troubleshooting"]))
    found = search(rights, "break-glas").entries[0]
    assert found.path.startswith("/docs/freezes/#")
    assert search(rights, "kuberntes").instead == ("kubernetes",)


def test_a_newer_guide_takes_the_place_of_the_older(organisation: Organisation) -> None:
    guides_index()
    assert guides_index() == 0
    SearchEntry.objects.filter(kind="doc", name="score").delete()
    SearchEntry.objects.create(kind="doc", object_id=7, name="gone", title="Gone", key="gone", words="gone", path="/")
    assert guides_index() == 1
    assert not SearchEntry.objects.filter(kind="doc", object_id=7).exists()
    assert SearchEntry.objects.filter(kind="doc", name="score").exists()
