"""What a CREATE TABLE says that PRAGMAs do not: collations, CHECK … IN, AUTOINCREMENT; read from its tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .tokens import COMMENT, NUMBER, STRING, Token, tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .catalog import Literal

_CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")


@dataclass(slots=True)
class Definition:
    """The tokens of one column's definition and what they say. choices: of a CHECK … IN, here or at table level."""

    token: Token
    collation: str = "BINARY"
    choices: tuple[Literal, ...] | None = None


@dataclass(slots=True)
class TableDefinition:
    """What the tokens of a CREATE TABLE say, by lower-case column name."""

    columns: dict[str, Definition] = field(default_factory=dict)


def read(tokens: Sequence[Token]) -> TableDefinition:
    """The definition in the tokens of a CREATE TABLE (none for CREATE TABLE … AS SELECT, whose columns say nothing)."""
    result = TableDefinition()
    checks: list[Sequence[Token]] = []
    opening = next((place for place, token in enumerate(tokens) if token.text == "("), None)
    if opening is None or any(token.is_word("AS") for token in tokens[:opening]):
        return result
    for item in split_list(tokens, opening):
        if item and not item[0].is_word(*_CONSTRAINTS) and item[0].is_name:
            definition = result.columns[item[0].value.lower()] = Definition(item[0])
            for place, token in enumerate(item[:-1]):
                if token.is_word("COLLATE"):
                    definition.collation = item[place + 1].value.upper()
        checks.extend(_checks(item))
    for check in checks:
        for name, choices in _choices(check):
            if name in result.columns:
                known = result.columns[name].choices
                kept = choices if known is None else tuple(value for value in known if value in choices)
                result.columns[name].choices = kept
    return result


def split_list(tokens: Sequence[Token], opening: int) -> list[list[Token]]:
    """The items between the parenthesis at `opening` and its partner, separated by the commas of that level."""
    items: list[list[Token]] = [[]]
    depth = 0
    for token in tokens[opening:]:
        if token.text == "(":
            depth += 1
            if depth == 1:
                continue
        elif token.text == ")":
            depth -= 1
            if depth == 0:
                break
        elif token.text == "," and depth == 1:
            items.append([])
            continue
        items[-1].append(token)
    return items


def _checks(item: Sequence[Token]) -> list[Sequence[Token]]:
    """The expressions of the CHECKs in a definition, without their parentheses."""
    found: list[Sequence[Token]] = []
    for place, token in enumerate(item[:-1]):
        if token.is_word("CHECK") and item[place + 1].text == "(":
            found.append(_inside(item[place + 1 :]))
    return found


def _inside(tokens: Sequence[Token]) -> Sequence[Token]:
    """What stands between the first parenthesis and its partner."""
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            return tokens[1:place]
    return tokens[1:]


def _choices(check: Sequence[Token]) -> list[tuple[str, tuple[Literal, ...]]]:
    """The columns that a CHECK's expression confines to literals: `c IN (…)`, `c = 'x'`, either OR `c IS NULL`, and
    ANDs of such; anything else confines nothing."""
    check = _unwrapped(check)
    conjuncts = _split_words(check, "AND")
    if len(conjuncts) > 1:
        if any(token.is_word("OR", "BETWEEN", "CASE") for token in _top_level(check)):
            return []
        return [found for part in conjuncts for found in _choices(part)]
    column: str | None = None
    values: list[Literal] = []
    for part in _split_words(check, "OR"):
        found = _confined(_unwrapped(part))
        if found is None or (column is not None and found[0] != column):
            return []
        column = found[0]
        values.extend(value for value in found[1] if value not in values)
    return [(column, tuple(values))] if column is not None and values else []


def _confined(tokens: Sequence[Token]) -> tuple[str, list[Literal]] | None:
    """The column and the literals of `c IN (…)` or `c = …`; no literals for `c IS NULL`; None for anything else."""
    if len(tokens) < 3 or not tokens[0].is_name or tokens[0].kind == STRING:
        return None
    name = tokens[0].value.lower()
    if len(tokens) == 3 and tokens[1].is_word("IS") and tokens[2].is_word("NULL"):
        return name, []
    if tokens[1].is_word("IN") and tokens[2].text == "(" and tokens[-1].text == ")":
        values = [_literal(item) for item in split_list(tokens, 2)]
    elif tokens[1].text in ("=", "=="):
        values = [_literal(tokens[2:])]
    else:
        return None
    known = [value for value in values if value is not None]
    return (name, known) if len(known) == len(values) else None


def _literal(tokens: Sequence[Token]) -> Literal | None:
    sign = 1
    if len(tokens) == 2 and tokens[0].text in ("-", "+"):
        sign, tokens = (-1 if tokens[0].text == "-" else 1), tokens[1:]
        if tokens[0].kind != NUMBER:
            return None
    if len(tokens) != 1:
        return None
    if tokens[0].kind == STRING:
        return tokens[0].value
    if tokens[0].kind == NUMBER and tokens[0].text.isdigit():
        return sign * int(tokens[0].text)
    return None


def _unwrapped(tokens: Sequence[Token]) -> Sequence[Token]:
    while tokens and tokens[0].text == "(" and len(_inside(tokens)) == len(tokens) - 2:
        tokens = tokens[1:-1]
    return tokens


def _top_level(tokens: Sequence[Token]) -> list[Token]:
    depth, found = 0, []
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            found.append(token)
    return found


def _split_words(tokens: Sequence[Token], word: str) -> list[Sequence[Token]]:
    """The parts between the bare words `word` outside parentheses."""
    parts: list[Sequence[Token]] = []
    depth = begin = 0
    for place, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.is_word(word):
            parts.append(tokens[begin:place])
            begin = place + 1
    return [*parts, tokens[begin:]]


def stored_tokens(sql: str, file: str) -> list[Token]:
    """The tokens of a statement as sqlite_schema keeps it, without comments."""
    return [token for token in tokenize(sql, file) if token.kind != COMMENT]
