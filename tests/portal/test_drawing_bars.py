"""Bars say in words what they show, keep inside their box, and escape what they are told."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from portal.drawing import bars


def rects(svg: str) -> list[tuple[str, float, float]]:
    return [(r.get("class", ""), float(r.get("x", 0)), float(r.get("width", 0))) for r in ET.fromstring(svg)]


def test_it_draws_used_held_and_asked_beside_each_other():
    drawn = rects(bars.quota_bar(20, 5, 10, 50, "CPU"))
    assert [(cls, x) for cls, x, _ in drawn] == [("used", 0), ("held", 40), ("asked", 50)]
    assert [round(width + bars.GAP, 2) for *_, width in drawn] == [40, 10, 20]


LABELS = {
    "all parts": ((26.5, 1.5, 3.25, 40, "CPU"), {}, "CPU: 26.5 used, 1.5 held, 3.25 asked, 8.75 left of 40"),
    "what is nothing is not said": ((9, 0, 0, 12, "Environments"), {}, "Environments: 9 used, 3 left of 12"),
    "a unit": ((68, None, 2, 96, "Memory"), {"unit": "GiB"}, "Memory: 68 used, 2 asked, 26 left of 96 GiB"),
    "money": ((835.2, 0, 17.4, 1200, "Cost"), {"currency": "EUR"},
              "Cost: €835.20 used, €17.40 asked, €347.40 left of €1,200.00"),
    "too much": ((10, 0, 5, 12, "Pods"), {}, "Pods: 10 used, 5 asked, 3 too much of 12"),
    "no limit": ((10, 0, 0, None, "Pods"), {}, "Pods: 10 used"),
}  # fmt: skip


@pytest.mark.parametrize(("figures", "options", "label"), LABELS.values(), ids=LABELS.keys())
def test_it_says_its_figures(figures, options, label):
    assert ET.fromstring(bars.quota_bar(*figures, **options)).get("aria-label") == label


OVER = {
    "asked too much": ((10, 0, 5, 12), "over"),
    "used too much": ((15, 0, 0, 12), "over"),
    "fits": ((10, 0, 2, 12), "asked"),
}


@pytest.mark.parametrize(("figures", "cls"), OVER.values(), ids=OVER.keys())
def test_it_draws_red_what_goes_over(figures, cls):
    drawn = rects(bars.quota_bar(*figures, "Pods"))
    assert drawn[-1][0] == cls
    assert all(x + width <= 100.01 for _, x, width in drawn)


def test_it_draws_nothing_of_nothing():
    assert rects(bars.quota_bar(0, 0, 0, 0, "Pods")) == []


def test_it_escapes_the_label():
    assert "&lt;b&gt;&quot;" in bars.quota_bar(1, 0, 0, 2, '<b>"')


def test_it_gives_the_fifth_owner_the_fourth_colour():
    owners = [(name, 1) for name in "abcdef"]
    drawn = bars.owner_bar(owners, 10, "CPU", held=2)
    assert [cls for cls, *_ in rects(drawn)] == ["q1", "q2", "q3", "q4", "q4", "q4", "asked"]
    assert ET.fromstring(drawn).get("aria-label") == "CPU: a 1, b 1, c 1, d 1, e 1, f 1, held 2, of 10"


def test_it_has_swatches_of_its_own_classes_only():
    assert 'class="held"' in bars.swatch("held")
    with pytest.raises(KeyError):
        bars.swatch("pink")


STEPS = {
    "done": ((3, 6, 100, "done"), ("done", 3, 6)),
    "at work": ((57, 43, 100, "running"), ("doing", 57, 43)),
    "failed": ((57, 10, 100, "failed"), ("broke", 57, 10)),
    "too short to see": ((5, 0, 100, "done"), ("done", 5, 0.8)),
    "never beyond the end": ((99.9, 5, 100, "running"), ("doing", 95, 5)),
}


@pytest.mark.parametrize(("given", "bar"), STEPS.values(), ids=STEPS.keys())
def test_it_shows_when_a_step_was_at_work(given, bar):
    assert rects(bars.run_bar(*given))[1] == bar


IDLE = {
    "not begun": (None, None, 100, "next"),
    "no start": (None, 3, 100, "running"),
    "skipped": (3, 0, 100, "skipped"),
}


@pytest.mark.parametrize("given", IDLE.values(), ids=IDLE.keys())
def test_it_shows_the_track_alone_for_a_step_that_did_nothing(given):
    assert [cls for cls, *_ in rects(bars.run_bar(*given))] == ["track"]


def test_it_survives_a_run_without_length():
    assert ET.fromstring(bars.run_bar(0, 0, 0, "done")).get("viewBox") == "0 0 1 12"


def test_it_draws_a_sparkline_from_zero():
    line = ET.fromstring(bars.sparkline([0, 5, 10], "Runs"))[0]
    assert line.get("points") == "0,18 36,10 72,2"
    assert bars.sparkline([], "Runs").count("circle") == 0
