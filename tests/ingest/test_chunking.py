"""Splitting: nothing is lost, sizes hold, boundaries are the best that fit, time is linear, whatever the text."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkernel import chunking
from ragkernel.chunking import count_tokens, split
from ragkernel.errors import ConfigurationError

if TYPE_CHECKING:
    from ragkernel.chunking import Chunk

LANGUAGES = ("markdown", "restructuredtext", "text", "python", "sql")

# Pieces that make headings, fences, paragraphs, indentation, long words, odd spaces and scripts without spaces likely.
PROSE = ["word", "a", "_x1", "Gross-Ü.", "x" * 70, "日本語。", "かな", "e\u0301", "🙂", "!?", "…", '."']
SPACES = [" ", "  ", "\t", "\n", "\n\n", "\r\n", "\r", "\n    ", "\u2028", "\x0c", " " * 250]
TITLES = ["# Title\n", "## Deep\n", "```\n", "~~~~ py\n", "====\n", "----\n", "====", "---\n", "~~~\n"]
CODE = ["@deco\n", "def f(x):\n", "async def g():\n", "class C:\n", "x = 1\n"]
PIECES = st.sampled_from([*PROSE, *SPACES, *TITLES, *CODE])
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join))
SIZES = st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


def tokens(text: str) -> list[str]:
    return [match.group() for match in chunking._TOKENS.finditer(text)]


def chunks_of(text: str, sizes: tuple[int, int], language: str = "text") -> list[Chunk]:
    return list(split(text, chunk_size=sizes[0], chunk_overlap=sizes[1], language=language))


@given(TEXTS, SIZES, st.sampled_from(LANGUAGES))
def test_chunks_less_their_overlaps_are_the_text(text: str, sizes: tuple[int, int], language: str) -> None:
    """The new tokens of all chunks, in order, are the tokens of the text: none lost, none twice, none moved."""
    found = chunks_of(text, sizes, language)
    assert [token for chunk in found for token in tokens(chunk.content)[chunk.overlap :]] == tokens(text)


@given(TEXTS, SIZES, st.sampled_from(LANGUAGES))
def test_every_chunk_keeps_its_size_and_says_what_it_is(text: str, sizes: tuple[int, int], language: str) -> None:
    """A chunk has 1 to chunk_size tokens, says how many, is text[start:end], and chunks are numbered from 0."""
    for number, chunk in enumerate(chunks_of(text, sizes, language)):
        assert chunk.chunk_index == number
        assert chunk.content == text[chunk.start : chunk.end]
        assert chunk.token_count == count_tokens(chunk.content)
        assert chunk.overlap < chunk.token_count <= sizes[0]


@given(TEXTS, SIZES, st.sampled_from(LANGUAGES))
def test_a_chunk_begins_with_the_last_tokens_of_the_one_before(
    text: str, sizes: tuple[int, int], language: str
) -> None:
    """The overlap is chunk_overlap tokens (all of a chunk before that has fewer), and none over a long gap."""
    for before, after in pairwise(chunks_of(text, sizes, language)):
        gap = len(text[before.end :]) - len(text[before.end :].lstrip())
        asked = 0 if gap > chunking.GAP_CHARS else min(sizes[1], before.token_count)
        assert after.overlap == asked
        assert tokens(after.content)[:asked] == tokens(before.content)[before.token_count - asked :]


@given(TEXTS, SIZES, st.sampled_from(LANGUAGES))
def test_equal_texts_have_equal_chunks(text: str, sizes: tuple[int, int], language: str) -> None:
    """Splitting the same text twice gives the same chunks."""
    assert chunks_of(text, sizes, language) == chunks_of(text, sizes, language)


@given(st.lists(st.lists(st.sampled_from(["one", "two.", "three\n"]), min_size=1, max_size=12), max_size=12), SIZES)
def test_a_paragraph_that_fits_is_never_split(paragraphs: list[list[str]], sizes: tuple[int, int]) -> None:
    """A paragraph of at most chunk_size - chunk_overlap tokens is new in one chunk only."""
    bodies = [" ".join(words).replace("\n ", "\n").strip() for words in paragraphs]
    text = "\n\n".join(bodies)
    ends, total = set(), 0
    for chunk in chunks_of(text, sizes, "sql"):
        total += chunk.token_count - chunk.overlap
        ends.add(total)
    begin = 0
    for body in bodies:
        end = begin + count_tokens(body)
        if end - begin <= sizes[0] - sizes[1]:
            assert not any(begin < cut < end for cut in ends)
        begin = end


@pytest.mark.parametrize(
    ("text", "size", "expected"),
    [
        ("one two\nthree four\nfive six", 5, ["one two\nthree four", "five six"]),
        ("One two. Three four five six seven", 5, ["One two.", "Three four five six seven"]),
        ("one two three four five", 3, ["one two three", "four five"]),
        ("a-b-c-d", 3, ["a-b", "-c-", "d"]),
        ("日本語。日本語日本語", 6, ["日本語。", "日本語日本語"]),
    ],
)
def test_a_large_paragraph_is_cut_at_lines_then_sentences_then_words(text: str, size: int, expected: list[str]) -> None:
    """A paragraph above chunk_size is cut at line ends, else sentence ends, else between words, else anywhere."""
    assert [chunk.content for chunk in chunks_of(text, (size, 0))] == expected


def test_a_heading_begins_a_chunk_and_stays_with_its_paragraph() -> None:
    """A chunk that is at least half full ends before a heading, and a heading never ends a chunk."""
    text = "# A\n\none two three four\n\n# B\n\nfive six\n\nseven eight nine ten eleven twelve thirteen"
    found = chunks_of(text, (10, 0), "markdown")
    assert [chunk.content for chunk in found] == [
        "# A\n\none two three four",
        "# B\n\nfive six",
        "seven eight nine ten eleven twelve thirteen",
    ]
    assert [chunk.headings for chunk in found] == [("A",), ("B",), ("B",)]


def test_the_path_of_headings_is_that_of_the_first_new_token() -> None:
    """Headings are the open sections, outermost first, where the chunk's first new token stands."""
    text = "# Top\n\none two three\n\n## Inner\n\nfour five six\n\n# Next\n\nseven eight"
    found = chunks_of(text, (8, 2), "markdown")
    assert [chunk.headings for chunk in found] == [("Top",), ("Top", "Inner"), ("Next",)]


def test_a_chunk_keeps_the_indentation_of_its_first_line() -> None:
    """A chunk that begins at a line begins with that line's indentation, so that code stays readable."""
    found = chunks_of("def f():\n    a = 1\n\n    b = 2\n", (8, 0), "python")
    assert [chunk.content for chunk in found] == ["def f():\n    a = 1", "    b = 2"]


@pytest.mark.parametrize("text", ["", " ", "\n" * 1000, "\ufeff" * 0, " \t\r\n\x0b\x0c\x1c\x85\u2028"])
def test_a_text_without_tokens_has_no_chunks(text: str) -> None:
    """Nothing but white space gives no chunk."""
    assert chunks_of(text, (10, 2)) == []


@pytest.mark.parametrize(
    ("size", "overlap", "told"),
    [
        (0, 0, "chunk_size is 0"),
        (-5, 0, "chunk_size is -5"),
        (10**6 + 1, 0, "from 1 to 1000000"),
        (10, 10, "chunk_overlap is 10"),
        (10, 11, "less than chunk_size, which is 10"),
        (10, -1, "chunk_overlap is -1"),
        (True, 0, "whole number"),
        (1.5, 0, "whole number"),
    ],
)
def test_impossible_sizes_are_refused_at_the_call(size: int, overlap: int, told: str) -> None:
    """Sizes that no chunk can have are a ConfigurationError before anything is split."""
    with pytest.raises(ConfigurationError, match=told):
        split("text", chunk_size=size, chunk_overlap=overlap)


def test_many_headings_in_a_huge_chunk() -> None:
    """Sections that a chunk leaves behind go one by one, in linear time however many they are: quadratic would not."""
    text = "# a\n\n" * 200_000 + "# b\n\n" * 10
    first, last = split(text, chunk_size=400_000, chunk_overlap=0, language="markdown")
    assert (first.token_count, last.token_count) == (400_000, 20)
    assert (first.headings, last.headings) == (("a",), ("b",))


SIZE = 400_000
HOSTILE = {
    "one giant line": "word " * (SIZE // 5),
    "one giant word": "a" * SIZE,
    "blank lines": "\n" * SIZE + "end",
    "punctuation": "=" * SIZE,
    "a rule that is none": "-" * (SIZE // 2) + " " * (SIZE // 2) + "x",
    "nothing but headings": "# a\n" * (SIZE // 4),
    "nothing but underlines": "a\n===\n\n" * (SIZE // 7),
    "nothing but decorators": "@a\n" * (SIZE // 3),
    "open fences": "```\n" * (SIZE // 4),
    "wide gaps": (" " * 190 + "a") * (SIZE // 191),
    "carriage returns": "a\r" * (SIZE // 2),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_split_in_bounded_chunks(name: str, language: str) -> None:
    """A chunk of n tokens has at most n × (32 + 200) characters, and the work ends: quadratic work would not."""
    text, new = HOSTILE[name], 0
    for chunk in split(text, chunk_size=64, chunk_overlap=8, language=language):
        assert len(chunk.content) <= 64 * (chunking.WORD_CHARS + chunking.GAP_CHARS)
        new += chunk.token_count - chunk.overlap
    assert new == count_tokens(text)
