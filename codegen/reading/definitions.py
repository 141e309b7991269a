"""What the statements of a schema say that PRAGMAs do not: collations, CHECKs, expressions, where each thing stands;
read from their tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .tokens import COMMENT, Token, folded, tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")


@dataclass(slots=True)
class ColumnDefinition:
    """A column's definition: its name's token, its collation, and of a generated column the expression. blank_type: its
    type is an empty name in quotes, which has NUMERIC affinity, where no type at all has none."""

    token: Token
    collation: str = "BINARY"
    expression: str = ""
    blank_type: bool = False


@dataclass(slots=True)
class TableDefinition:
    """What the tokens of a CREATE TABLE say. columns: by lower-case name. checks: the tokens of each CHECK's
    expression. foreign_keys: the token at which each foreign key begins, in order."""

    columns: dict[str, ColumnDefinition] = field(default_factory=dict)
    checks: list[Sequence[Token]] = field(default_factory=list)
    foreign_keys: list[Token] = field(default_factory=list)


@dataclass(slots=True)
class IndexDefinition:
    """What a CREATE INDEX says: the text of each term without ASC or DESC, and the condition of a partial one."""

    terms: list[str] = field(default_factory=list)
    where: str = ""


def read(tokens: Sequence[Token], sql: str) -> TableDefinition:
    """The definition in the tokens of the CREATE TABLE `sql` (nothing for one AS SELECT, whose columns say nothing)."""
    result = TableDefinition()
    opening = next((place for place, token in enumerate(tokens) if token.text == "("), None)
    if opening is None or any(token.is_word("AS") for token in tokens[:opening]):
        return result
    base = tokens[0].start
    for item in split_list(tokens, opening):
        if not item:
            continue
        is_column = item[0].is_name and not item[0].is_word(*_CONSTRAINTS)
        if is_column:
            result.columns[folded(item[0].value)] = _column(item, sql, base)
        for place, token, after in _at_top(item):
            if token.is_word("CHECK") and after.text == "(":
                result.checks.append(inside(item[place + 1 :]))
            elif token.is_word("FOREIGN") or (is_column and token.is_word("REFERENCES") and place):
                result.foreign_keys.append(token)
    return result


def _at_top(item: Sequence[Token]) -> list[tuple[int, Token, Token]]:
    """Each token outside parentheses with its place and the token after it."""
    found: list[tuple[int, Token, Token]] = []
    depth = 0
    for place, token in enumerate(item[:-1]):
        if depth == 0:
            found.append((place, token, item[place + 1]))
        depth += (token.text == "(") - (token.text == ")")
    return found


def _column(item: Sequence[Token], sql: str, base: int) -> ColumnDefinition:
    result = ColumnDefinition(item[0], blank_type=len(item) > 1 and item[1].is_name and not item[1].value)
    for place, token, after in _at_top(item):
        if place and token.is_word("COLLATE"):
            result.collation = after.value.upper()
        elif place and token.is_word("AS") and after.text == "(":
            result.expression = text_of(inside(item[place + 1 :]), sql, base)
    return result


def read_index(tokens: Sequence[Token], sql: str) -> IndexDefinition:
    """The definition in the tokens of the CREATE INDEX `sql`."""
    result = IndexDefinition()
    on = next((place for place, token in enumerate(tokens) if token.is_word("ON")), 0)
    opening = next((place for place in range(on, len(tokens)) if tokens[place].text == "("), None)
    if opening is None:
        return result
    base = tokens[0].start
    for term in split_list(tokens, opening):
        if term and term[-1].is_word("ASC", "DESC"):
            term = term[:-1]
        result.terms.append(text_of(term, sql, base))
    closing = opening + len(inside(tokens[opening:])) + 1
    if closing + 1 < len(tokens) and tokens[closing + 1].is_word("WHERE"):
        result.where = text_of(tokens[closing + 2 :], sql, base)
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


def inside(tokens: Sequence[Token]) -> Sequence[Token]:
    """What stands between the first parenthesis and its partner."""
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            return tokens[1:place]
    return tokens[1:]


def text_of(tokens: Sequence[Token], sql: str, base: int = 0) -> str:
    """The text of neighbouring tokens as it stands in `sql`, which begins at offset `base` of their source."""
    return sql[tokens[0].start - base : tokens[-1].end - base] if tokens else ""


def stored_tokens(sql: str, file: str) -> list[Token]:
    """The tokens of a statement as sqlite_schema keeps it, without comments."""
    return [token for token in tokenize(sql, file) if token.kind != COMMENT]
