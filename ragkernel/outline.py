"""Headings of a text: where each section begins, how deep it lies and what it is called.

Four kinds of text have headings: Markdown (`# Title`, and titles underlined with = or -), reStructuredText and plain
text (titles underlined, or over- and underlined, with punctuation), Python (definitions at the left margin), and the
text of an HTML page as ragkernel.markup writes it (`# Title`). Every other kind has none.

A text may come in pieces, and may be larger than memory, so no rule reaches further than some limit: of a line longer
than LINE_CHARS only the beginning counts (such a line is no title that is underlined), and front matter and a run of
decorators have limits of their own. Hence the headings are the same however a text is cut. Each scan takes time linear
in the text, whatever it holds: the patterns begin with a newline, which lets the regular-expression engine skip ahead,
and none of them backtracks over a line.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

TITLE_CHARS = 200  # a longer title is cut: it is copied into the metadata of every chunk below it
LINE_CHARS = 1000
FRONT_MATTER_CHARS = 10_000
DECORATORS_CHARS = 10_000

# No pattern sees more of a line, and no heading begins further above the line that completes it (decorators aside).
_REACH_CHARS = 4 * LINE_CHARS
_STEP_CHARS = 256 * 1024


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
    """The headings of `text` in order. language: `markdown`, `restructuredtext`, `text`, `python`, `html`, or another,
    which has none."""
    outline = Outline(language)
    for begin in range(0, len(text), _STEP_CHARS):
        yield from outline.feed(text[begin : begin + _STEP_CHARS], last=begin + _STEP_CHARS >= len(text))


class Outline:
    """The headings of a text that comes in pieces, in order. language: as for `headings`.

    settled: every heading that begins before this character offset has been given.
    """

    def __init__(self, language: str) -> None:
        self._scan = _scan_of(language)
        self.settled = 0 if self._scan else sys.maxsize
        # The scans look for lines behind a newline, so the first line gets one too. An offset behind a newline in
        # `_kept` is the same offset, less one, in the text: `_offset` is where `_kept` begins in this count.
        self._kept = "\n"
        self._offset = 0
        self._begin = -1  # from where in `_kept` to scan on; -1: not yet known

    def feed(self, piece: str, last: bool) -> list[Heading]:
        """The headings that `piece` completes. last: whether the text ends with it."""
        scan = self._scan
        if scan is None:
            return []
        body = self._kept + piece
        if self._begin == -1:
            begin = scan.first(body, last)
            if begin is None:
                self._kept = body
                return []
            self._begin = begin
        end = len(body) if last else self._end_of_lines(body)
        found = list(scan.scan(body, self._begin, end, self._offset))
        self.settled = sys.maxsize if last else self._settled(scan, body, end)
        kept = max(0, end - _REACH_CHARS)
        self._kept, self._begin, self._offset = body[kept:], end - kept, self._offset + kept
        return found

    def _end_of_lines(self, body: str) -> int:
        """Up to where to scan: before the line that may go on, or all of it where no pattern sees its end."""
        newline = body.rfind("\n", self._begin)
        return len(body) if newline == -1 or len(body) - newline > _REACH_CHARS else newline

    def _settled(self, scan: _Scan, body: str, end: int) -> int:
        newline = end
        if newline < len(body):
            for _ in range(scan.lines_above):
                above = _newline_before(body, newline)
                newline = newline if above is None else above
        return min(self._offset + newline, scan.earliest(self._offset + end))


class _Scan(Protocol):
    """What is known of a text's headings so far, for one kind of text."""

    lines_above: int  # how many lines above the one that completes it a heading may begin

    def first(self, body: str, last: bool) -> int | None:
        """Where to begin in `body`, the beginning of the text; None where more of it is needed."""

    def scan(self, body: str, begin: int, end: int, offset: int) -> Iterator[Heading]:
        """The headings that the lines of body[begin:end] complete. offset: what to add to offsets in `body`."""

    def earliest(self, end: int) -> int:
        """Where a heading may begin, at the earliest, that a line from `end` on completes, but for `lines_above`."""


def _scan_of(language: str) -> _Scan | None:
    if language == "markdown":
        return _Markdown()
    if language in ("restructuredtext", "text"):
        return _Underlined()
    if language == "python":
        return _Definitions()
    return _Hashes() if language == "html" else None


class _Lines:
    """A scan that needs nothing but lines."""

    lines_above = 0

    def first(self, body: str, last: bool) -> int | None:
        return 0

    def earliest(self, end: int) -> int:
        return end


_REST = rf"[^\n]{{0,{LINE_CHARS}}}+"
_END = rf"[ \t\r]{{0,{LINE_CHARS}}}+(?=\n|\Z)"

# Fences open and close code blocks, in which nothing is a heading (https://spec.commonmark.org/0.31.2/).
_MARKDOWN = re.compile(
    rf"\n {{0,3}}(?:(?P<fence>`{{3,{LINE_CHARS}}}+(?=[^`\n]{{0,{LINE_CHARS}}}+(?:\n|\Z))|~{{3,{LINE_CHARS}}}+)"
    rf"(?P<info>{_REST})"
    rf"|(?P<hashes>#{{1,6}}+)(?![^ \t\r\n])(?P<title>{_REST})"
    rf"|(?P<under>={{1,{LINE_CHARS}}}+|-{{1,{LINE_CHARS}}}+){_END})"
)
_FRONT_MATTER_BEGINS = ("\n---\n", "\n---\r\n")
_FRONT_MATTER_END = re.compile(r"\n---[ \t]*\r?(?=\n|\Z)")
_CLOSING_HASHES = re.compile(r"(?:\A|[ \t])#+\Z")


class _Markdown(_Lines):
    lines_above = 1

    def __init__(self) -> None:
        self._fence = ""

    def first(self, body: str, last: bool) -> int | None:
        if not last and len(body) < len(_FRONT_MATTER_BEGINS[-1]):
            return None
        if not body.startswith(_FRONT_MATTER_BEGINS):
            return 0
        beyond = FRONT_MATTER_CHARS + 2
        if not last and len(body) < beyond:
            return None
        match = _FRONT_MATTER_END.search(body, 4, beyond)
        return match.end() if match and match.end() <= FRONT_MATTER_CHARS else 0

    def scan(self, body: str, begin: int, end: int, offset: int) -> Iterator[Heading]:
        for match in _MARKDOWN.finditer(body, begin, end):
            mark, fence = match["fence"], self._fence
            if mark and not fence:
                self._fence = mark
            elif mark and mark[0] == fence[0] and len(mark) >= len(fence) and not match["info"].strip():
                self._fence = ""
            elif fence:
                continue
            elif match["hashes"]:
                title = _CLOSING_HASHES.sub("", match["title"].strip()[: TITLE_CHARS + 7]).strip()
                level = len(match["hashes"])
                yield Heading(offset + match.start(), offset + match.end() - 1, level, title[:TITLE_CHARS])
            elif match["under"]:
                above = _line_ending_at(body, match.start())
                # Only a paragraph of one line: a longer one is more often a table or a rule below a list.
                if above and above.text and above.text[0] not in " \t#>|-*+":
                    before = _line_ending_at(body, above.start)
                    if before and not before.text.strip():
                        level = 1 if match["under"][0] == "=" else 2
                        yield Heading(offset + above.start, offset + match.end() - 1, level, _cut(above.text))


_UNDERLINE = re.compile(rf"\n(?P<mark>[!-/:-@\[-`{{-~])(?P=mark){{2,{LINE_CHARS - 1}}}+{_END}")


class _Underlined(_Lines):
    """Titles of reStructuredText; a style's level is its order of first appearance
    (https://docutils.sourceforge.io/docs/ref/rst/restructuredtext.html#sections)."""

    lines_above = 2

    def __init__(self) -> None:
        self._levels: dict[tuple[str, bool], int] = {}

    def scan(self, body: str, begin: int, end: int, offset: int) -> Iterator[Heading]:
        levels = self._levels
        for match in _UNDERLINE.finditer(body, begin, end):
            above = _line_ending_at(body, match.start())
            mark, width = match["mark"], len(match[0].rstrip()) - 1
            if not above or not above.text or len(above.text) > width or not above.text.strip(mark + " \t"):
                continue
            over = _line_ending_at(body, above.start)
            if over is None:
                continue
            overlined = len(over.text) == width and not over.text.strip(mark)
            if not overlined and (over.text.strip() or above.text[0] in " \t"):
                continue
            level = levels.setdefault((mark, overlined), len(levels) + 1)
            start = over.start if overlined else above.start
            yield Heading(offset + start, offset + match.end() - 1, level, _cut(above.text))


# A name at the left margin that is no definition ends the section of the definition above it. Text at the left margin
# inside a triple-quoted string is taken for such a name: harmless, since only a title is lost.
_DEFINITION = re.compile(
    r"\n(?:(?P<decorator>@)"
    rf"|(?P<kind>class|(?:async[ \t]{{1,8}})?def)[ \t]{{1,8}}(?P<name>\w{{1,{LINE_CHARS}}}+)"
    rf"|(?P<other>[^\W\d])){_REST}"
)


class _Definitions(_Lines):
    def __init__(self) -> None:
        self._open = False
        self._decorators_start = self._decorators_end = -1

    def scan(self, body: str, begin: int, end: int, offset: int) -> Iterator[Heading]:
        for match in _DEFINITION.finditer(body, begin, end):
            start, stop = offset + match.start(), offset + match.end()
            if match["decorator"]:
                if start != self._decorators_end or start - self._decorators_start > DECORATORS_CHARS:
                    self._decorators_start = start
                self._decorators_end = stop
                continue
            if start == self._decorators_end:
                start = self._decorators_start
            if match["name"]:
                self._open = True
                yield Heading(start, stop - 1, 1, _cut(f"{match['kind']} {match['name']}"))
            elif self._open:
                self._open = False
                yield Heading(start, start, 1, "")

    def earliest(self, end: int) -> int:
        return self._decorators_start if end == self._decorators_end else end


_HASHES = re.compile(rf"\n(?P<hashes>#{{1,6}}+) (?P<title>{_REST})")


class _Hashes(_Lines):
    """Headings alone, because ragkernel.markup lets no other line begin like one."""

    def scan(self, body: str, begin: int, end: int, offset: int) -> Iterator[Heading]:
        for match in _HASHES.finditer(body, begin, end):
            level, title = len(match["hashes"]), match["title"].strip()[:TITLE_CHARS]
            yield Heading(offset + match.start(), offset + match.end() - 1, level, title)


class _Line(NamedTuple):
    """start: the offset of the newline before the line. text: without the white space at its end."""

    start: int
    text: str


def _line_ending_at(body: str, newline: int) -> _Line | None:
    """The line before the newline at `newline`; empty before the first line, None where it is too long."""
    if newline <= 0:
        return _Line(0, "")
    before = _newline_before(body, newline)
    return None if before is None else _Line(before, body[before + 1 : newline].rstrip())


def _newline_before(body: str, newline: int) -> int | None:
    """Where the line that ends at `newline` begins: the newline before it; None where it is too long."""
    before = body.rfind("\n", max(0, newline - LINE_CHARS - 1), newline)
    return None if before == -1 else before


def _cut(title: str) -> str:
    return " ".join(title[:TITLE_CHARS].split())
