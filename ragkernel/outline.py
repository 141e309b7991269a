"""Headings of a text: where each section begins, how deep it lies and what it is called.

Three kinds of text have headings: Markdown (`# Title`, and titles underlined with = or -), reStructuredText and plain
text (titles underlined, or over- and underlined, with punctuation), and Python (definitions at the left margin).
Every other kind has none. Each scan is lazy and takes time linear in the text, whatever the text holds: the patterns
begin with a newline, which lets the regular-expression engine skip ahead, and none of them backtracks over a line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

TITLE_CHARS = 200  # a longer title is cut: it is copied into the metadata of every chunk below it


class Heading(NamedTuple):
    """The beginning of a section.

    start, end: character offsets around the heading's own lines. level: 1 is the top. title: without its markup, at
    most TITLE_CHARS long; empty where a section ends and none begins (module code after a Python definition).
    """

    start: int
    end: int
    level: int
    title: str


def headings(text: str, language: str) -> Iterator[Heading]:
    """The headings of `text` in order. language: `markdown`, `restructuredtext`, `text`, `python`, or any other."""
    # The scanners look for lines behind a newline, so the first line gets one too: an offset behind a newline in
    # `body` is the same offset, less one, in `text`.
    body = "\n" + text
    if language == "markdown":
        return _markdown(body)
    if language in ("restructuredtext", "text"):
        return _underlined(body)
    if language == "python":
        return _definitions(body)
    return iter(())


# Fences open and close code blocks, in which nothing is a heading (https://spec.commonmark.org/0.31.2/).
_MARKDOWN = re.compile(
    r"\n {0,3}(?:(?P<fence>`{3,}+(?=[^`\n]*+(?:\n|\Z))|~{3,}+)(?P<info>[^\n]*+)"
    r"|(?P<hashes>#{1,6}+)(?![^ \t\r\n])(?P<title>[^\n]*+)"
    r"|(?P<under>=++|-++)[ \t\r]*+(?=\n|\Z))"
)
_FRONT_MATTER_END = re.compile(r"\n---[ \t]*\r?(?=\n|\Z)")
_CLOSING_HASHES = re.compile(r"(?:\A|[ \t])#+\Z")


def _markdown(body: str) -> Iterator[Heading]:
    front_matter = _FRONT_MATTER_END.search(body, 4) if body.startswith(("\n---\n", "\n---\r\n")) else None
    fence = ""
    for match in _MARKDOWN.finditer(body, front_matter.end() if front_matter else 0):
        mark = match["fence"]
        if mark and not fence:
            fence = mark
        elif mark and mark[0] == fence[0] and len(mark) >= len(fence) and not match["info"].strip():
            fence = ""
        elif fence:
            continue
        elif match["hashes"]:
            title = _CLOSING_HASHES.sub("", match["title"].strip()[: TITLE_CHARS + 7]).strip()
            yield Heading(match.start(), match.end() - 1, len(match["hashes"]), title[:TITLE_CHARS])
        elif match["under"]:
            above, title = _line_ending_at(body, match.start())
            # Only a paragraph of one line: a longer one is more often a table or a rule below a list.
            if title and title[0] not in " \t#>|-*+" and not _line_ending_at(body, above)[1].strip():
                yield Heading(above, match.end() - 1, 1 if match["under"][0] == "=" else 2, _cut(title))


_UNDERLINE = re.compile(r"\n(?P<mark>[!-/:-@\[-`{-~])(?P=mark){2,}+[ \t\r]*+(?=\n|\Z)")


def _underlined(body: str) -> Iterator[Heading]:
    """Titles of reStructuredText; a style's level is its order of first appearance
    (https://docutils.sourceforge.io/docs/ref/rst/restructuredtext.html#sections)."""
    levels: dict[tuple[str, bool], int] = {}
    for match in _UNDERLINE.finditer(body):
        above, title = _line_ending_at(body, match.start())
        mark, width = match["mark"], len(match[0].rstrip()) - 1
        if not title or len(title) > width or not title.strip(mark + " \t"):
            continue
        over_start, over = _line_ending_at(body, above)
        overlined = len(over) == width and not over.strip(mark)
        if overlined:
            above = over_start
        elif over.strip() or title[0] in " \t":
            continue
        level = levels.setdefault((mark, overlined), len(levels) + 1)
        yield Heading(above, match.end() - 1, level, _cut(title))


# A name at the left margin that is no definition ends the section of the definition above it. Text at the left margin
# inside a triple-quoted string is taken for such a name: harmless, since only a title is lost.
_DEFINITION = re.compile(
    r"\n(?:(?P<decorator>@)|(?P<kind>class|(?:async[ \t]{1,8})?def)[ \t]{1,8}(?P<name>\w++)|(?P<other>[^\W\d]))[^\n]*+"
)


def _definitions(body: str) -> Iterator[Heading]:
    open_section = False
    decorators_start = decorators_end = -1
    for match in _DEFINITION.finditer(body):
        start, end = match.span()
        if match["decorator"]:
            if start != decorators_end:
                decorators_start = start
            decorators_end = end
            continue
        if start == decorators_end:
            start = decorators_start
        if match["name"]:
            open_section = True
            yield Heading(start, end - 1, 1, _cut(f"{match['kind']} {match['name']}"))
        elif open_section:
            open_section = False
            yield Heading(start, start, 1, "")


def _line_ending_at(body: str, newline: int) -> tuple[int, str]:
    """Where the line before the newline at `newline` begins (the offset of the newline before it), and its text."""
    if newline <= 0:
        return 0, ""
    before = body.rfind("\n", 0, newline)
    return before, body[before + 1 : newline].rstrip()


def _cut(title: str) -> str:
    return " ".join(title[:TITLE_CHARS].split())
