"""A tokenizer of SQLite's SQL, after https://www.sqlite.org/draft/tokenreq.html.

It tells what PRAGMAs do not (CHECKs, defaults, AUTOINCREMENT, parameters, comments) and where each thing stands.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import GenerationError, Note
from .data_statements import DataStatements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WORD = "word"  # a bare identifier or keyword
NAME = "name"  # a quoted identifier: "a", [a] or `a`
STRING = "string"
NUMBER = "number"
BLOB = "blob"
PARAMETER = "parameter"
COMMENT = "comment"
OPERATOR = "operator"
DATA = "data"  # a whole INSERT or REPLACE, where those are skipped
COMMAND = "command"  # a line of the sqlite3 shell between two statements: .mode, .read

_TWO = ("<<", ">>", "<=", ">=", "==", "!=", "<>", "||", "->")
# https://www.sqlite.org/draft/tokenreq.html: white space is ASCII only; every character above it is part of a name.
_SPACE = " \t\n\r\f\v\ufeff"
_DIGITS = "0123456789"
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def folded(name: str) -> str:
    """A name as SQLite compares it: without the case of ASCII letters, and of those only."""
    return name.lower() if name.isascii() else name.translate(_LOWER)


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind, its text as it stands, its offset in the source and its 1-based line and column."""

    kind: str
    text: str
    start: int
    line: int
    column: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def value(self) -> str:
        """What the token stands for: a name or string without its quotes, a parameter without its mark."""
        if self.kind == STRING or (self.kind == NAME and self.text[0] != "["):
            quote = self.text[0]
            return self.text[1:-1].replace(quote * 2, quote)
        if self.kind == NAME:
            return self.text[1:-1]
        if self.kind == PARAMETER:
            return self.text[1:]
        return self.text

    @property
    def is_name(self) -> bool:
        """Whether it can name something: a bare word, a quoted name, or a string in a name's place."""
        return self.kind in (WORD, NAME, STRING)

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these bare words; case does not matter."""
        return self.kind == WORD and self.text.upper() in words and self.text.isascii()

    def same_name(self, name: str) -> bool:
        """Whether it names `name`; SQLite compares names without case."""
        return self.is_name and folded(self.value) == folded(name)


@dataclass(slots=True)
class _Place:
    """Whether the next token begins a statement: only there a line can be a command of the shell."""

    between: bool = True


def tokenize(sql: str, file: str, line: int = 1) -> list[Token]:
    """All tokens of `sql`, comments included, white space left out. Raises GenerationError for an unclosed one."""
    tokens: list[Token] = []
    place = _Place()
    for token in _tokens(sql, file, line, place):
        tokens.append(token)
        place.between = token.text == ";" or token.kind == COMMAND or (place.between and token.kind == COMMENT)
    return tokens


def _tokens(sql: str, file: str, line: int, place: _Place, data: DataStatements | None = None) -> Iterator[Token]:
    position, line_start = 0, 0
    while position < len(sql):
        if sql[position] in _SPACE:
            if sql[position] == "\n":
                line, line_start = line + 1, position + 1
            position += 1
            continue
        if place.between and sql[position] == "." and position == line_start:
            kind, end = COMMAND, _line_end(sql, position)
        elif place.between and data is not None and (data_end := data.end(position)) >= 0:
            kind, end = DATA, data_end
        else:
            kind, end = _scan(sql, position)
        if end < 0:
            raise GenerationError(f"unclosed {kind}", file=file, line=line, column=position - line_start + 1)
        text = sql[position:end]
        yield Token(kind, text, position, line, position - line_start + 1)
        if "\n" in text:
            line, line_start = line + text.count("\n"), position + text.rindex("\n") + 1
        position = end


def _scan(sql: str, start: int) -> tuple[str, int]:
    """The kind and the end of the token at `start`; the end is -1 where it is not closed."""
    char, pair = sql[start], sql[start : start + 2]
    if pair == "--":
        return COMMENT, _line_end(sql, start)
    if pair == "/*":
        end = sql.find("*/", start + 2)
        return COMMENT, len(sql) if end < 0 else end + 2  # SQLite lets a comment run to the end of its input
    if char in "xX" and sql[start + 1 : start + 2] == "'":
        return BLOB, _quoted_end(sql, start + 1, "'")
    if char == "'":
        return STRING, _quoted_end(sql, start, "'")
    if char == "[":
        end = sql.find("]", start)
        return NAME, end if end < 0 else end + 1
    if char in '"`':
        return NAME, _quoted_end(sql, start, char)
    if char in _DIGITS or (char == "." and sql[start + 1 : start + 2] in tuple(_DIGITS)):
        return NUMBER, _number_end(sql, start)
    if char in ":@$" and _is_part(sql[start + 1 : start + 2]):
        return PARAMETER, _word_end(sql, start + 1)
    if char == "?":
        end = start + 1
        while end < len(sql) and sql[end] in _DIGITS:
            end += 1
        return PARAMETER, end
    if _is_part(char):
        return WORD, _word_end(sql, start)
    if sql[start : start + 3] == "->>":
        return OPERATOR, start + 3
    return OPERATOR, start + (2 if pair in _TWO else 1)


def _is_part(char: str) -> bool:
    return bool(char) and (char.isalnum() or char in "_$" or char > "\x7f")


def _line_end(sql: str, start: int) -> int:
    end = sql.find("\n", start)
    return len(sql) if end < 0 else end


def _word_end(sql: str, end: int) -> int:
    while end < len(sql) and _is_part(sql[end]):
        end += 1
    return end


def _number_end(sql: str, start: int) -> int:
    end = start
    if sql[start : start + 2] in ("0x", "0X"):
        return _word_end(sql, start + 2)
    while end < len(sql) and (sql[end].isalnum() or sql[end] in "._" or (sql[end] in "+-" and sql[end - 1] in "eE")):
        end += 1
    return end


def _quoted_end(sql: str, start: int, quote: str) -> int:
    """The position after the closing quote; a doubled quote stands for itself. -1 where there is none."""
    end = start + 1
    while True:
        end = sql.find(quote, end)
        if end < 0:
            return -1
        if sql[end + 1 : end + 2] != quote:
            return end + 1
        end += 2


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement of a file: its text without comments before it, its tokens without comments, and the comment
    tokens that stand directly above it and inside it, before its semicolon."""

    file: str
    sql: str
    start: int
    tokens: Sequence[Token]
    above: Sequence[Token]
    inside: Sequence[Token] = ()

    def error(self, message: str, token: Token | None = None, hint: str = "") -> GenerationError:
        """An error at `token`, or at the statement's first token."""
        return self.note(message, token, hint).error()

    def note(self, message: str, token: Token | None = None, hint: str = "", rule: str = "") -> Note:
        """A note at `token`, or at the statement's first token."""
        place = token or self.tokens[0]
        return Note(message, self.file, place.line, place.column, hint, rule)


def split(sql: str, file: str, *, skip_data: bool = False) -> Iterator[Statement]:
    """The statements of a script in order. A `;` inside a trigger's body does not end one: SQLite says where one ends
    (`sqlite3.complete_statement`). A command of the shell is a statement of that one token. skip_data: so is
    an INSERT or REPLACE, of the kind DATA."""
    above: list[Token] = []
    inside: list[Token] = []
    body: list[Token] = []
    place = _Place()
    for token in _tokens(sql, file, 1, place, DataStatements(sql) if skip_data else None):
        if token.kind == COMMENT:
            (inside if body else above).append(token)
            continue
        if token.text == ";" and not body:
            continue
        if token.kind in (COMMAND, DATA) and not body:
            yield Statement(file, token.text, token.start, [token], above)
            above = []
            continue
        body.append(token)
        place.between = False
        if token.text == ";" and sqlite3.complete_statement(sql[body[0].start : token.end]):
            yield Statement(file, sql[body[0].start : body[-2].end], body[0].start, body[:-1], above, inside)
            above, inside, body = [], [], []
            place.between = True
    if body:
        yield Statement(file, sql[body[0].start : body[-1].end], body[0].start, body, above, inside)


def syntax_error_token(connection: sqlite3.Connection, statement: Statement, error: sqlite3.Error) -> Token | None:
    """The token at which SQLite's parser stopped: Python does not pass on `sqlite3_error_offset`.

    A syntax error names the offending text, which may stand in the statement several times: it is the first one whose
    prefix of the statement fails with the same message. Other messages name an identifier, mostly at their end: its
    first occurrence.
    """
    message = str(error)
    for token in statement.tokens:
        if f'near "{token.text}"' in message:
            prefix = statement.sql[: token.end - statement.start]
            try:
                connection.execute("EXPLAIN " + prefix)
            except sqlite3.Error as found:
                if str(found) == message:
                    return token
    if message == "incomplete input":
        return statement.tokens[-1]
    named = message.rsplit(": ", 1)[-1].rsplit(".", 1)[-1].removesuffix("()").strip('"')
    words = "".join(char if _is_part(char) else " " for char in message).split()
    for word in (named, *reversed(words)):
        same = [token for token in statement.tokens if token.same_name(word)]
        if same:
            return same[1] if message.startswith("duplicate column name") and len(same) > 1 else same[0]
    return None
