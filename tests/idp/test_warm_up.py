"""Warming up: everything is loaded before the first request, without a database."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from django.template.loader import get_template
from django.urls import get_resolver

from idp import warm_up as warming
from idp.warm_up import warm_up


@pytest.fixture
def thawed() -> Iterator[None]:
    """What is set aside here is searched again by the tests that follow."""
    yield
    gc.unfreeze()


def test_it_loads_all_pages_without_a_database_and_sets_them_aside(thawed: None) -> None:
    warm_up()
    assert gc.get_freeze_count() > 100_000
    assert get_resolver()._populated  # type: ignore[attr-defined]


def test_it_finds_the_templates_of_pages() -> None:
    names = warming._template_names()
    assert "base.html" in names
    assert "home/home.html" in names
    assert all(get_template(name) for name in names)
