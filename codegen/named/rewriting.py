"""Statements written anew in places, so that every token still knows where it stands in its file: errors of a rewritten
statement point at what somebody wrote."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..reading.tokens import COMMENT, Statement, Token, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Edit:
    """start, end: offsets in the statement's text. text: what stands there instead. place: the token of the file that
    the new text is made from."""

    start: int
    end: int
    text: str
    place: Token


def between(statement: Statement, first: Token, last: Token, text: str) -> Edit:
    """The edit that puts `text` in the place of the tokens from `first` to `last`."""
    return Edit(first.start - statement.start, last.end - statement.start, text, first)


def rewrite(statement: Statement, edits: Iterable[Edit]) -> Statement:
    """The statement with the edits made. They must not overlap."""
    text: list[str] = []
    tokens: list[Token] = []
    inside: list[Token] = []
    done, length = 0, 0
    end = len(statement.sql)
    last = Edit(end, end, "", statement.tokens[-1])
    for edit in [*sorted(edits, key=lambda one: (one.start, one.end)), last]:
        kept = statement.sql[done : edit.start]
        shift = length - done - statement.start
        for found, known in ((tokens, statement.tokens), (inside, statement.inside)):
            found += [
                replace(token, start=token.start + shift)
                for token in known
                if done <= token.start - statement.start < edit.start
            ]
        length += len(kept)
        made = tokenize(edit.text, statement.file)
        tokens += [
            replace(one, start=length + one.start, line=edit.place.line, column=edit.place.column)
            for one in made
            if one.kind != COMMENT
        ]
        text += [kept, edit.text]
        length += len(edit.text)
        done = edit.end
    return Statement(statement.file, "".join(text), 0, tokens, statement.above, inside)
