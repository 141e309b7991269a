"""Headings of Markdown, reStructuredText and Python, and what only looks like one."""

from __future__ import annotations

import pytest

from ragkernel.outline import TITLE_CHARS, headings


def found(text: str, language: str) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in headings(text, language)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# One\n\n###### Six ##\n", [(1, "One"), (6, "Six")]),
        ("   # Indented\n    # code\n", [(1, "Indented")]),
        ("#no space\n####### seven\n", []),
        ("#\n# \n", [(1, ""), (1, "")]),
        ("Title\n=====\n\nSub\n---\n", [(1, "Title"), (2, "Sub")]),
        ("two\nlines\n---\n", []),
        ("\n---\n\n- item\n---\n", []),
        ("```python\n# a comment\n```\n# After\n", [(1, "After")]),
        ("~~~\n```\n# inside\n~~~\n# After\n", [(1, "After")]),
        ("````\n```\n# inside\n````\n# After\n", [(1, "After")]),
        ("```inline``` code\n# After\n", [(1, "After")]),
        ("---\ntitle: x\n---\n# After\n", [(1, "After")]),
        ("# Windows\r\n\r\nSub\r\n---\r\n", [(1, "Windows"), (2, "Sub")]),
    ],
)
def test_markdown(text: str, expected: list[tuple[int, str]]) -> None:
    """ATX and setext headings count; code, rules, lists and front matter do not."""
    assert found(text, "markdown") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Title\n*****\n\nSub\n===\n\nSub two\n=======\n\nNext\n****\n", [(1, "Title"), (2, "Sub"), (2, "Sub two")]),
        ("=====\n Top\n=====\n\nUnder\n=====\n", [(1, "Top"), (2, "Under")]),
        ("Too short\n===\n", []),
        ("a\nTitle\n=====\n", []),
        ("  indented\n==========\n", []),
        ("-----\n-----\n", []),
        ('The "assert" statement\n**********************\n', [(1, 'The "assert" statement')]),
    ],
)
def test_restructuredtext(text: str, expected: list[tuple[int, str]]) -> None:
    """A title has an underline as long as itself; a style's level is its order of first appearance."""
    assert found(text, "restructuredtext")[: len(expected)] == expected
    assert bool(found(text, "text")) == bool(expected)


def test_python_definitions() -> None:
    """Definitions at the left margin are sections, decorators belong to them, other code there ends them."""
    text = (
        "import x\n\n@a\n@b(1)\ndef f():\n    def inner(): pass\n\nasync def g(): pass\n\nX = 1\nY = 2\nclass C: pass\n"
    )
    assert found(text, "python") == [(1, "def f"), (1, "async def g"), (1, ""), (1, "class C")]
    first = next(headings(text, "python"))
    assert text[first.start : first.end] == "@a\n@b(1)\ndef f():"


def test_other_languages_have_no_headings() -> None:
    """What is neither prose nor Python is split by paragraphs alone."""
    assert found("# not a heading\nTitle\n=====\n", "shell") == []


def test_the_offsets_surround_the_headings_own_lines() -> None:
    """start and end are offsets into the text itself, for the first line too."""
    text = "# One\ntext\n\nTwo\n---\nmore"
    assert [text[h.start : h.end] for h in headings(text, "markdown")] == ["# One", "Two\n---"]
    text = "===\nTop\n===\nmore"
    assert [text[h.start : h.end] for h in headings(text, "text")] == ["===\nTop\n==="]


def test_a_giant_title_is_cut() -> None:
    """A title is at most TITLE_CHARS long, because every chunk below it carries it."""
    assert [len(title) for _, title in found("# " + "x" * 100_000, "markdown")] == [TITLE_CHARS]
