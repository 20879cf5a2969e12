"""The resource graph: nothing overlaps, lines run left to right, the same input gives the same picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.drawing.graph import GAP_X, GAP_Y, HEIGHT, Node, graph, node_of
from portal.drawing.layering import Waypoint, layout

SIZE = {"box": HEIGHT, "gap": GAP_Y}

COLUMNS = {
    "a chain": ("a b c", [("a", "b"), ("b", "c")], {"a": 0, "b": 1, "c": 2}),
    "a shortcut keeps the long way": ("a b c", [("a", "b"), ("b", "c"), ("a", "c")], {"a": 0, "b": 1, "c": 2}),
    "a late user stands beside what it uses": (
        "shop web api worker db receipts",
        [("shop", "web"), ("shop", "api"), ("api", "db"), ("worker", "db"), ("worker", "receipts")],
        {"shop": 0, "web": 1, "api": 1, "worker": 1, "db": 2, "receipts": 2},
    ),
    "nothing tied fills rows": ("a b c d", [], {"a": 0, "b": 1, "c": 2, "d": 0}),
    "loops and strangers are left out": ("a b", [("a", "a"), ("a", "x"), ("a", "b")], {"a": 0, "b": 1}),
    "a cycle is cut where it closes": ("a b c", [("a", "b"), ("b", "c"), ("c", "a")], {"a": 0, "b": 1, "c": 2}),
    "nothing at all": ("", [], {}),
}


@pytest.mark.parametrize(("nodes", "edges", "columns"), COLUMNS.values(), ids=COLUMNS.keys())
def test_it_puts_nodes_in_columns(nodes, edges, columns):
    assert layout(nodes.split(), edges, **SIZE).columns == columns


def test_it_leads_a_long_line_between_the_boxes():
    placed = layout(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")], **SIZE)
    lane = placed.centres[Waypoint("a", "c", 1)]
    assert abs(lane - placed.centres["b"]) >= HEIGHT / 2 + GAP_Y


def test_it_uncrosses_what_can_be_uncrossed():
    placed = layout(["a", "b", "x", "y"], [("a", "y"), ("b", "x")], **SIZE)
    assert (placed.centres["a"] < placed.centres["b"]) == (placed.centres["y"] < placed.centres["x"])


names = st.lists(st.sampled_from("abcdefghij"), min_size=0, max_size=8, unique=True)
pairs = st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from("abcdefghij")), max_size=16)


@settings(deadline=None)
@given(names, pairs)
def test_it_never_lets_boxes_touch_nor_lines_run_back(nodes, edges):
    placed = layout(nodes, edges, **SIZE)
    assert set(placed.columns) == set(nodes)
    assert all(placed.columns[a] < placed.columns[b] for a, b in placed.edges)
    by_column: dict[int, list[float]] = {}
    for node in nodes:
        by_column.setdefault(placed.columns[node], []).append(placed.centres[node])
    for centres in by_column.values():
        centres.sort()
        assert all(lower - upper >= HEIGHT + GAP_Y - 0.01 for upper, lower in pairwise(centres))
    assert all(HEIGHT / 2 - 0.01 <= placed.centres[n] <= placed.height - HEIGHT / 2 + 0.01 for n in nodes)
    assert layout(nodes, edges, **SIZE) == placed


SHOP = Node("shop", "shop", "route 1.2.0", "world", "ready", "/environments/checkout/prod/#shop")
DB = Node("db", "db", "postgres 1.1.2", "database", "drifted")


def drawn(*nodes: Node, edges=()) -> ET.Element:
    return ET.fromstring(graph(nodes, edges, "Resources", sprite="/static/icons.svg"))


def test_it_draws_each_node_as_a_link_with_name_kind_and_word():
    link = drawn(SHOP)[0]
    assert (link.tag, link.get("href"), link.get("class")) == ("a", SHOP.href, "node ok")
    assert [text.text for text in link.iter("text")] == ["shop", "route 1.2.0", "Ready"]
    assert [use.get("href") for use in link.iter("use")] == ["/static/icons.svg#world", "/static/icons.svg#s-ready"]


def test_it_draws_a_line_from_user_to_used():
    svg = drawn(SHOP, DB, edges=[("shop", "db")])
    edge, tip = svg[0], svg[1]
    assert (edge.get("class"), tip.get("class")) == ("edge", "tip")
    start = float(edge.get("d", "").removeprefix("M").split(" ")[0])
    end = float(tip.get("d", "").removeprefix("M").split(" ")[0])
    assert end - start == GAP_X


def test_it_shortens_what_is_too_long_and_keeps_it_on_hover():
    long = "a-very-long-name-of-a-resource-indeed"
    text = next(drawn(Node("x", long)).iter("text"))
    assert (text.text or "").endswith("…")
    assert text.findtext("title") == long


def test_it_escapes_what_it_is_told():
    made = graph([Node("x", "<b>", '"', "box", "ready", '/x"><script>')], [], "<i>", sprite="/s.svg")
    assert not [given for given in ("<b>", "<script>", "<i>") if given in made]
    ET.fromstring(made)


def test_it_draws_an_icon_it_does_not_know_as_a_box():
    assert "#box" in graph([Node("x", "x", icon="unicorn")], [], "x", sprite="/s.svg")


def test_it_takes_mappings_too():
    assert node_of({"id": "db", "title": "db"}) == Node("db", "db")
    assert node_of(SHOP) is SHOP


def test_it_draws_an_environment_without_resources():
    assert drawn().get("width") == "2"
