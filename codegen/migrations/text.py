"""SQL as comparison sees it: without comments, white space, or the quotes and the case of names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reading.tokens import BLOB, COMMENT, NAME, NUMBER, STRING, Token, tokenize
from ..reading.tokens import folded as folded_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# Words that are a value where they stand bare, and a name where they are quoted.
_VALUES = frozenset({"null", "true", "false", "current_date", "current_time", "current_timestamp", "exists", "cast"})
_OPERATORS = {"==": "=", "<>": "!="}


def lower(name: str) -> str:
    """A name as SQLite compares it: the case of ASCII letters is nothing, "À" and "à" are two names."""
    return folded_name(name)


def tokens_of(sql: str) -> list[Token]:
    """The tokens of a statement as sqlite_schema keeps it, without comments."""
    return [token for token in tokenize(sql, "sqlite_schema") if token.kind != COMMENT]


def folded(tokens: Iterable[Token], known: Collection[str] = ()) -> str:
    """Tokens as one text that is equal where the meaning is.

    known: the names (lower case) that can be meant. A double-quoted token that is none of them is a string for SQLite
    (https://www.sqlite.org/quirks.html#dblquote), so it keeps its case. Without `known` every quoted token is a name.
    """
    return " ".join(_folded(token, known) for token in tokens)


def _folded(token: Token, known: Collection[str]) -> str:
    if token.kind == NAME:
        name = lower(token.value)
        if token.text[0] == '"' and known and name not in known:
            return text_literal(token.value)
        return f'"{name}"' if name in _VALUES else name
    if token.kind in (STRING, BLOB):
        return token.text if token.kind == STRING else token.text.upper()
    if token.kind == NUMBER:
        return lower(token.text)
    return _OPERATORS.get(token.text, lower(token.text))


def text_literal(value: str) -> str:
    """A string as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def names_in(tokens: Iterable[Token]) -> frozenset[str]:
    """Every token that could be a name, in lower case."""
    return frozenset(lower(token.value) for token in tokens if token.is_name)


def closing(tokens: list[Token], opening: int) -> int:
    """The place of the partner of the parenthesis at `opening`, the last place where there is none."""
    depth = 0
    for place in range(opening, len(tokens)):
        depth += (tokens[place].text == "(") - (tokens[place].text == ")")
        if depth == 0:
            return place
    return len(tokens) - 1
