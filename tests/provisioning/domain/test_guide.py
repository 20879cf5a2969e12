"""A guide read: its title, its sections, their anchors, and what search keeps of it."""

from __future__ import annotations

import pytest

from provisioning.domain.guide import MARKDOWN, anchors, found_of, guide_of

GUIDE = """# Freezes

A freeze **holds still**. It ends by itself.

## What `holds`, and for whom?

![The page](pictures/freezes.png)

Everything [that runs](running.md). Nothing else.

```sh
secret-example
```

| what | how |
|---|---|
| one | alone |

### Break-glass

Two people.

## Twice

## Twice
"""


def test_it_reads_title_sections_and_first_sentences() -> None:
    guide = guide_of("freezes", GUIDE)
    assert (guide.title, guide.line) == ("Freezes", "A freeze holds still.")
    assert [(one.anchor, one.title, one.line) for one in guide.sections] == [
        ("what-holds-and-for-whom", "What holds, and for whom?", "Everything that runs."),
        ("twice", "Twice", ""),
        ("twice-1", "Twice", ""),
    ]
    assert "alone" in guide.sections[0].text
    assert "Break-glass Two people." in guide.sections[0].text
    assert "secret-example" not in guide.sections[0].text


@pytest.mark.parametrize(
    ("source", "title", "line"),
    [
        pytest.param("", "empty", "", id="empty"),
        pytest.param("Only words. More.", "empty", "Only words.", id="without headings"),
        pytest.param("## Part\n\nWords", "empty", "", id="without title"),
    ],
)
def test_it_reads_what_is_no_usual_guide(source: str, title: str, line: str) -> None:
    guide = guide_of("empty", source)
    assert (guide.title, guide.line) == (title, line)


def test_anchors_are_those_of_github() -> None:
    tokens = MARKDOWN.parse("# A, b\n\n## Over the API\n\n## 1. Ask (2 minutes)\n\n## …\n")
    assert list(anchors(tokens).values()) == ["a-b", "over-the-api", "1-ask-2-minutes", "part"]


def test_search_finds_a_guide_by_its_headings_and_sections_by_their_words() -> None:
    found = {one.name: one for one in found_of([guide_of("freezes", GUIDE)])}
    assert list(found) == ["freezes", "freezes#what-holds-and-for-whom", "freezes#twice", "freezes#twice-1"]
    assert {"freezes", "still", "twice", "holds"} <= set(found["freezes"].words.split())
    assert {"everything", "alone", "glass"} <= set(found["freezes#what-holds-and-for-whom"].words.split())
    assert found["freezes#twice"].title == "Freezes: Twice"


def test_what_differs_has_another_number() -> None:
    before, after = (
        {one.name: one.number for one in found_of([guide_of("freezes", text)])}
        for text in (GUIDE, GUIDE.replace("Two people", "Three people"))
    )
    assert {name for name, number in before.items() if after[name] != number} == {"freezes#what-holds-and-for-whom"}
    assert all(0 < number < 2**63 for number in before.values())
