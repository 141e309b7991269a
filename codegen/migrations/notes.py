"""What comments in schema.sql say to `diff`: `-- renamed from: old` above a table or on a column's line, and
`-- backfill: expression` on a column's line, the value of the rows that are there already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..reading.definitions import split_list
from ..reading.tokens import COMMENT, Token, tokenize
from .text import lower

if TYPE_CHECKING:
    from ..reading.tokens import Statement

RENAMED = "renamed from:"
BACKFILL = "backfill:"


@dataclass(frozen=True, slots=True)
class Notes:
    """Of one table. renamed: its old name, "" without one. columns: the old name of each column that has one; backfill:
    the expression; lines: where each column stands; all by lower-case name of the column."""

    renamed: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    backfill: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


def read(statement: Statement) -> Notes:
    """The annotations of a CREATE TABLE."""
    renamed = next((found for token in reversed(statement.above) if (found := _said(token, RENAMED))), "")
    notes = Notes(_unquoted(renamed))
    tokens = tokenize(statement.sql, statement.file, statement.tokens[0].line)
    code = [token for token in tokens if token.kind != COMMENT]
    opening = next((place for place, token in enumerate(code) if token.text == "("), None)
    if opening is None:
        return notes
    items = [item for item in split_list(code, opening) if item]
    for item in items:
        notes.lines.setdefault(lower(item[0].value), item[0].line)
    code_lines = {token.line for token in code}
    for comment in (token for token in tokens if token.kind == COMMENT):
        subject = _subject(comment, items, beside=comment.line in code_lines)
        if subject is None:
            continue
        name = lower(subject[0].value)
        if found := _said(comment, RENAMED):
            notes.columns[name] = _unquoted(found)
        if found := _said(comment, BACKFILL):
            notes.backfill[name] = found
    return notes


def _subject(comment: Token, items: list[list[Token]], *, beside: bool) -> list[Token] | None:
    """The item that a comment speaks of: the last one on its line, or, on a line of its own, the next one."""
    if beside:
        return next(
            (item for item in reversed(items) if item[0].line <= comment.line and item[0].start < comment.start), None
        )
    return next((item for item in items if item[0].start > comment.start), None)


def _said(token: Token, word: str) -> str:
    """What follows `word` in a comment that begins with it."""
    text = token.text.removesuffix("*/")[2:].strip()
    return text[len(word) :].strip() if lower(text).startswith(word) else ""


def _unquoted(name: str) -> str:
    tokens = tokenize(name, "")
    return tokens[0].value if len(tokens) == 1 else name
