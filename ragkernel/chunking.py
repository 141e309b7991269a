"""Splitting a text into overlapping chunks along its headings and paragraphs.

**Tokens.** Sizes are counted in tokens by a rule that needs no model: a token is a run of up to 32 word characters
(letters, digits, underscore), one ideograph or kana, or one other character that is not white space. English prose has
about 0.8 of these tokens for one of a language model's.

**Where a chunk ends.** A chunk holds at most chunk_size tokens: the last chunk_overlap tokens of the chunk before it,
then new ones. When the rest of the text does not fit, the chunk ends, by preference,

1. before the last heading, where at least half of the new tokens that fit are then used;
2. before the last paragraph, so that a paragraph which fits into chunk_size - chunk_overlap tokens is never split;
3. inside a paragraph that is larger: at the last line end, else at the last sentence end, else between words, each in
   the second half of what fits, else anywhere in it;
4. between two tokens that nothing separates.

A heading stays with the paragraph below it. White space of more than 200 characters always ends a chunk, and no
overlap reaches over it. So a chunk is bounded in characters too, the work is linear in the text, and equal input gives
equal chunks. A text that comes in pieces is never held whole: memory is for a piece and a chunk, and the chunks are the
same however it is cut.

**What a chunk holds.** The text from its first token, with the indentation before it, to its last, unchanged; every
token of the text is new in exactly one chunk.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ragkernel.errors import ConfigurationError
from ragkernel.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ragkernel.outline import Heading

CHUNK_SIZE = 512
CHUNK_OVERLAP = 50
CHUNK_SIZE_MAX = 1_000_000
RULE = "outline-2"  # the name of the rule above, stored with a knowledge base: chunks of another rule do not mix

WORD_CHARS = 32
GAP_CHARS = 200
BLOCK_CHARS = 256 * 1024  # of the text are read at a time, at least

# What separates two tokens, in order of preference as the end of a chunk.
_NOTHING, _WORD, _SENTENCE, _LINE, _PARAGRAPH, _SECTION, _GAP = range(7)

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = rf"(?:[^\W{_IDEOGRAPHS}]{{1,{WORD_CHARS}}}+|[{_IDEOGRAPHS}]|[^\w\s])"
_TOKENS = re.compile(_TOKEN)

# A token and the white space before it; the empty group that took part says what kind of separation that is. The
# quantifiers are possessive, so a match is found or given up in one pass. It must not see the white space at the end of
# the text, behind which there is no token: it would try each of those characters as a beginning.
_SPACE = r"[^\S\r\n]"
_NEWLINE = r"(?:\r\n?+|\n)"
_AFTER_SENTENCE = r"(?:(?<=[.!?…])|(?<=[.!?…][\"')\]}»”’」』]))"
_STEP = re.compile(
    r"(?:(?=\s)(?:"
    rf"\s{{{GAP_CHARS + 1},}}+()"
    rf"|{_SPACE}*+{_NEWLINE}{_SPACE}*+{_NEWLINE}\s*+()"
    rf"|{_SPACE}*+{_NEWLINE}{_SPACE}*+()"
    rf"|{_AFTER_SENTENCE}{_SPACE}++()"
    rf"|{_SPACE}++()"
    rf")|(?<=[。！？｡])())?{_TOKEN}"
)
_KIND_OF_GROUP = bytes([_NOTHING, _GAP, _PARAGRAPH, _LINE, _SENTENCE, _WORD, _SENTENCE]).ljust(256, b"\0")
_LEADING_SPACE = re.compile(r"\s*+")


class Chunk(NamedTuple):
    """A piece of a text. content is text[start:end].

    chunk_index: from 0. start, end: character offsets. token_count: at most chunk_size. overlap: how many of its first
    tokens are the last ones of the chunk before it. headings: the titles above its first new token, outermost first.
    """

    chunk_index: int
    start: int
    end: int
    content: str
    token_count: int
    overlap: int
    headings: tuple[str, ...]


def count_tokens(text: str) -> int:
    """How many tokens `text` has by the rule of this module."""
    return sum(1 for _ in _TOKENS.finditer(text))


def check_sizes(chunk_size: int, chunk_overlap: int) -> None:
    """Refuse sizes, in tokens, that no chunk can have. Raises ConfigurationError."""
    for name, value in (("chunk_size", chunk_size), ("chunk_overlap", chunk_overlap)):
        if type(value) is not int:
            raise ConfigurationError(f"{name} is {value!r}; it must be a whole number of tokens", operation="chunk")
    if not 1 <= chunk_size <= CHUNK_SIZE_MAX:
        raise ConfigurationError(
            f"chunk_size is {chunk_size}; it must be from 1 to {CHUNK_SIZE_MAX} tokens",
            operation="chunk",
            hint=f"{CHUNK_SIZE} is usual",
        )
    if not 0 <= chunk_overlap < chunk_size:
        raise ConfigurationError(
            f"chunk_overlap is {chunk_overlap}; it must be at least 0 and less than chunk_size, which is {chunk_size}",
            operation="chunk",
            hint="a tenth of chunk_size is usual",
        )


def settled_sizes(chunk_size: int, chunk_overlap: int | None) -> tuple[int, int]:
    """Both sizes in tokens, checked; an overlap of None is a tenth of the size, CHUNK_OVERLAP at most."""
    if chunk_overlap is None:
        check_sizes(chunk_size, 0)
        chunk_overlap = min(CHUNK_OVERLAP, chunk_size // 10)
    check_sizes(chunk_size, chunk_overlap)
    return chunk_size, chunk_overlap


def split(
    text: str | Iterable[str],
    *,
    chunk_size: int = CHUNK_SIZE,
    chunk_overlap: int | None = None,
    language: str = "text",
) -> Iterator[Chunk]:
    """The chunks of `text` in order, one at a time; none where it has no token.

    text: whole or in pieces; however it is cut, the chunks are those of the joined text. chunk_size, chunk_overlap:
    tokens, the overlap as in settled_sizes where None. language: which headings to look for, see ragkernel.outline.
    Raises ConfigurationError at the call for impossible sizes.
    """
    chunk_size, chunk_overlap = settled_sizes(chunk_size, chunk_overlap)
    pieces = _slices(text) if isinstance(text, str) else iter(text)
    return _split(chunk_size, chunk_overlap, _Window(pieces, language))


def _slices(text: str) -> Iterator[str]:
    return (text[begin : begin + BLOCK_CHARS] for begin in range(0, len(text), BLOCK_CHARS))


def _split(size: int, overlap: int, window: _Window) -> Iterator[Chunk]:
    index = old = 0  # old: how many tokens at the head of the window belong to the chunk before
    while window.fill(size + 1) > old:
        stop = _end(window.breaks, old, size)
        start, content = window.head(stop)
        yield Chunk(index, start, start + len(content), content, stop, old, window.path(old))
        index += 1
        old = 0 if window.gap_at(stop) else min(overlap, stop)
        window.drop(stop - old)


def _end(breaks: bytearray, old: int, size: int) -> int:
    """How many tokens at the head of the window the next chunk takes, of which `old` stand in the chunk before."""
    first = old + 1  # at least one new token
    gap = breaks.find(_GAP, first, size + 1)
    if gap != -1 or len(breaks) <= size:
        return gap if gap != -1 else len(breaks)
    half = max(first, (old + size + 1) // 2)
    section = breaks.rfind(_SECTION, half, size + 1)
    if section != -1:
        return section
    paragraph = max(breaks.rfind(kind, first, size + 1) for kind in (_SECTION, _PARAGRAPH))
    if paragraph != -1:
        return paragraph
    for low in (half, first):
        for kind in (_LINE, _SENTENCE, _WORD):
            found = breaks.rfind(kind, low, size + 1)
            if found != -1:
                return found
    return size


class _Window:
    """The tokens of a text from some token on, read as far as they are asked for.

    ends[i] is where token i ends in the part of the text that is held, breaks[i] what stands before it.

    A token is taken over when nothing that is still to come can change it: its end is certain, and so is every heading
    that begins before it. White space that may go on for ever is not held: once it is a gap, it is waited for until the
    window is empty, and then only its end is kept.
    """

    def __init__(self, pieces: Iterator[str], language: str) -> None:
        self.ends: list[int] = []
        self.breaks = bytearray()
        self._pieces: Iterator[str] | None = pieces  # None: the text is read to its end
        self._text = ""
        self._base = 0  # where `_text` begins in the whole text
        self._steps: Iterator[re.Match[str]] = iter(())
        self._uncertain = -1  # a token that ends here may go on
        self._gap_ahead = False
        self._dropped = 0  # how many tokens stood before the window
        self._dropped_end = 0  # where the last of them ends
        self._outline = Outline(language)
        self._headings: deque[Heading] = deque()  # those not yet begun
        self._heading_end = -1  # where the lines of the heading last begun end, until its paragraph begins
        self._open: list[Heading] = []
        # The titles above a token, and from which token on (counted from 0) they hold.
        self._paths: deque[tuple[int, tuple[str, ...]]] = deque([(0, ())])

    def fill(self, count: int) -> int:
        """Read on until the window holds `count` tokens, a gap is ahead or the text ends; how many it holds."""
        while (missing := count - len(self.ends)) > 0:
            steps = list(islice(self._steps, missing))
            if steps and steps[-1].end() == self._uncertain:
                steps.pop()
            if steps:
                begin = len(self.ends)
                self.ends += [step.end() for step in steps]
                self.breaks += bytes([step.lastindex or 0 for step in steps]).translate(_KIND_OF_GROUP)
                self._mark_sections(begin)
            elif not self._read_on():
                break
        return len(self.ends)

    def _read_on(self) -> bool:
        """Hold more of the text; False at its end and before a gap."""
        pieces, text, at = self._pieces, self._text, self._end_of_tokens()
        if pieces is None:
            return False
        keep = max(0, self._dropped_end - 2)  # what stands before a token may look two characters back
        if len(text) - at > GAP_CHARS and text[at:].isspace():
            self._gap_ahead = bool(self.ends)
            if self._gap_ahead:
                return False
            keep = len(text) - GAP_CHARS - 1
        rest = text[keep:]
        block: list[str] = []
        length = 0
        while length < max(BLOCK_CHARS, len(rest)):  # at least as much as is copied, so the work stays linear
            piece = next(pieces, None)
            if piece is None:
                self._pieces = None
                break
            block.append(piece)
            length += len(piece)
        self._hold(rest, "".join(block), keep)
        return True

    def _hold(self, rest: str, new: str, dropped: int) -> None:
        """Hold `rest`, what `dropped` characters less leave of the present part, and the `new` characters behind it."""
        self._text = rest + new
        self._base += dropped
        self._dropped_end = max(0, self._dropped_end - dropped)
        self.ends = [end - dropped for end in self.ends]
        self._headings += self._outline.feed(new, last=self._pieces is None)
        at = self._end_of_tokens()
        limit = max(at, min(len(self._text), self._outline.settled - self._base))
        # The pattern must not see white space at the end; see there.
        certain = at + len(self._text[at:limit].rstrip())
        self._uncertain = certain if certain == limit and self._pieces is not None else -1
        self._steps = _STEP.finditer(self._text, at, certain)

    def _end_of_tokens(self) -> int:
        return self.ends[-1] if self.ends else self._dropped_end

    def _mark_sections(self, begin: int) -> None:
        """Mark where sections begin among the tokens from `begin` on; a heading stays with what follows it."""
        ends, breaks, base = self.ends, self.breaks, self._base
        token = begin
        while True:
            glued = -1
            if self._heading_end != -1:
                token = glued = bisect_right(ends, self._heading_end - base, token)
                if token == len(ends):
                    return
                self._heading_end = -1
                if breaks[token] != _GAP:
                    breaks[token] = min(breaks[token], _WORD)
            if not self._headings:
                return
            token = bisect_right(ends, self._headings[0].start - base, token)
            if token == len(ends):
                return
            if token != glued and breaks[token] != _GAP:
                breaks[token] = _SECTION
            self._enter_section(token)

    def _enter_section(self, token: int) -> None:
        """Take over the headings that begin at or before this token of the window."""
        coming, end = self._headings, self.ends[token] + self._base
        while coming and coming[0].start < end:
            heading = coming.popleft()
            while self._open and self._open[-1].level >= heading.level:
                self._open.pop()
            self._open.append(heading)
            self._heading_end = heading.end if heading.end >= end else -1
        path = tuple(entry.title for entry in self._open if entry.title)
        self._paths.append((self._dropped + token, path))

    def gap_at(self, token: int) -> bool:
        """Whether a gap stands before token `token` of the window, or before the one that comes after all."""
        return self._gap_ahead if token == len(self.breaks) else self.breaks[token] == _GAP

    def drop(self, count: int) -> None:
        """Let the first `count` tokens go; none where the next chunk repeats all of this one."""
        if not count:
            return
        self._dropped += count
        self._dropped_end = self.ends[count - 1]
        del self.ends[:count], self.breaks[:count]

    def head(self, count: int) -> tuple[int, str]:
        """The text of the first `count` tokens, and where in the whole text it begins."""
        start = self._indented_start()
        return self._base + start, self._text[start : self.ends[count - 1]]

    def _indented_start(self) -> int:
        """Where the first token begins, or the indentation before it if it is the first of its line."""
        space = _LEADING_SPACE.match(self._text, self._dropped_end)
        start = space.end() if space else self._dropped_end
        newline = self._text.rfind("\n", self._dropped_end, start)
        if newline == -1 and self._dropped:
            return start
        return newline + 1 if start - newline <= GAP_CHARS else start

    def path(self, token: int) -> tuple[str, ...]:
        """The titles above token `token` of the window, outermost first. Asked for in the order of the text."""
        while len(self._paths) > 1 and self._paths[1][0] <= self._dropped + token:
            self._paths.popleft()
        return self._paths[0][1]
