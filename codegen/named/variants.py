"""Optional parts of a statement and orders to choose from → every statement that a call may mean, each a constant.

    SELECT * FROM documents
    WHERE kb_id = :kb_id
        AND status = :status                -- @if status
        -- @if only_large
        AND size_bytes > 1000000
        -- @end
    ORDER BY id

A line that ends in `-- @if NAME`, or the lines between `-- @if NAME` and `-- @end`, stand in the statement only if NAME
is given: a parameter of these lines, else a flag. Other parameters of these lines are given always. With `-- @order
NAME: TERMS` above the statement the terms of its outermost ORDER BY are one choice among several.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from ..reading.tokens import PARAMETER, Statement, Token
from .rewriting import Edit, rewrite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .query_comments import Order

MOST = 256


@dataclass(frozen=True, slots=True)
class Variant:
    """A statement that a call may mean. given: of each switch whether it is on. order: the name of the order, None for
    the one that is written."""

    given: tuple[bool, ...]
    order: str | None
    statement: Statement

    def told(self, switches: Sequence[Switch]) -> str:
        """Which of the variants it is, "" for the one with all parts in the order that is written."""
        without = [one.name for one, on in zip(switches, self.given, strict=True) if not on]
        texts = [f"without {', '.join(without)}"] if without else []
        texts += [f"in the order {self.order}"] if self.order else []
        return f"it is the statement {' '.join(texts)}" if texts else ""


@dataclass(frozen=True, slots=True)
class Switch:
    """A name on which parts of the statement depend. token: its first comment. parameter: whether it is one of the
    statement's parameters, else it is a flag."""

    name: str
    token: Token
    parameter: bool


@dataclass(frozen=True, slots=True)
class Variants:
    """every: the statement with all its parts and the order that is written comes first."""

    switches: tuple[Switch, ...]
    orders: tuple[str, ...]
    every: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """Text that depends on a switch: offsets in the statement's text, and the comments to take out if it stays."""

    name: str
    token: Token
    start: int
    end: int
    comments: tuple[tuple[int, int], ...]


def read(statement: Statement, orders: Sequence[Order]) -> Variants:
    """The variants of a statement. Raises GenerationError."""
    parts = _parts(statement)
    switches = _switches(statement, parts)
    _check_parameters(statement, parts, switches)
    names = [one.name for one in orders]
    for one in orders:
        if names.count(one.name) > 1:
            raise statement.error(f"the order {one.name} is given twice", one.token)
    count = 2 ** len(switches) * (len(orders) + 1)
    if count > MOST:
        hint = f"at most {MOST}: give parts that belong together the same name"
        raise statement.error(
            f"{len(switches)} optional parts and {len(orders)} orders make {count} statements", hint=hint
        )
    clause = _order_by(statement) if orders else None
    if orders and clause is None:
        raise statement.error(
            "there is no outermost ORDER BY", orders[0].token, "write the usual order into the statement"
        )
    if clause is not None:
        around = next((one for one in parts if one.start < clause[0] and clause[1] <= one.end), None)
        if around is not None:
            hint = "an order to choose from needs one that is always there"
            raise statement.error("the outermost ORDER BY stands in an optional part", around.token, hint)
    every = []
    for order in (None, *orders):
        for given in product((True, False), repeat=len(switches)):
            edits = _edits(parts, dict(zip([one.name for one in switches], given, strict=True)))
            if order is not None and clause is not None:
                edits = [one for one in edits if not (clause[0] <= one.start and one.end <= clause[1])]
                edits.append(Edit(clause[0], clause[1], order.terms, order.token))
            made = rewrite(statement, edits) if edits else statement
            every.append(Variant(given, order.name if order else None, made))
    return Variants(tuple(switches), tuple(names), tuple(every))


def _parts(statement: Statement) -> list[_Part]:
    found: list[_Part] = []
    opened: tuple[str, Token] | None = None
    for token in statement.inside:
        text = token.text.removeprefix("--").strip() if token.text.startswith("--") else ""
        word, _, name = text.partition(" ")
        name = name.strip()
        if word == "@end":
            if opened is None:
                raise statement.error("an @end without @if", token)
            found.append(_block(statement, *opened, token))
            opened = None
        elif word == "@if":
            if opened is not None:
                raise statement.error("an @if inside another", token, "end the first with `-- @end`")
            if not name.isidentifier():
                raise statement.error("an optional part is `-- @if name`", token)
            if _alone(statement, token):
                opened = name, token
            else:
                found.append(_line(statement, name, token))
        elif word.startswith("@"):
            hint = "inside a statement there are @if and @end"
            raise statement.error(f"unknown annotation {word}", token, hint)
    if opened is not None:
        raise statement.error("an @if without @end", opened[1], "a part of one line has `-- @if name` at its end")
    return found


def _alone(statement: Statement, comment: Token) -> bool:
    return all(token.line != comment.line for token in statement.tokens)


def _span(statement: Statement, comment: Token) -> tuple[int, int]:
    """The offsets of a comment and of the white space before it."""
    start = min(comment.start - statement.start, len(statement.sql))
    end = min(comment.end - statement.start, len(statement.sql))
    while start and statement.sql[start - 1] in " \t":
        start -= 1
    return start, end


def _line(statement: Statement, name: str, comment: Token) -> _Part:
    tokens = [token for token in statement.tokens if token.line == comment.line and token.start < comment.start]
    span = _span(statement, comment)
    return _Part(name, comment, _before(statement, tokens[0].start - statement.start), span[1], (span,))


def _block(statement: Statement, name: str, opening: Token, closing: Token) -> _Part:
    spans = tuple(
        (_before(statement, start), end) for start, end in (_span(statement, opening), _span(statement, closing))
    )
    return _Part(name, opening, spans[0][0], spans[1][1], spans)


def _before(statement: Statement, offset: int) -> int:
    """The offset of the white space before `offset`, its line break included."""
    while offset and statement.sql[offset - 1] in " \t":
        offset -= 1
    return offset - 1 if offset and statement.sql[offset - 1] == "\n" else offset


def _inside(statement: Statement, part: _Part) -> list[str]:
    return [
        token.value
        for token in statement.tokens
        if token.kind == PARAMETER and part.start <= token.start - statement.start < part.end
    ]


def _switches(statement: Statement, parts: Sequence[_Part]) -> list[Switch]:
    found: dict[str, Switch] = {}
    every = {token.value for token in statement.tokens if token.kind == PARAMETER}
    for part in parts:
        found.setdefault(part.name, Switch(part.name, part.token, part.name in every))
    return list(found.values())


def _check_parameters(statement: Statement, parts: Sequence[_Part], switches: Sequence[Switch]) -> None:
    """Every parameter is the switch of the parts that it stands in, or stands outside them too."""
    optional = {one.name for one in switches if one.parameter}
    for token in statement.tokens:
        if token.kind != PARAMETER:
            continue
        offset = token.start - statement.start
        around = next((part for part in parts if part.start <= offset < part.end), None)
        if around is None and token.value in optional:
            hint = "a parameter that switches a part stands in such parts only; give the part another name"
            raise statement.error(f":{token.value} stands outside the part that depends on it too", token, hint)
        if around is not None and token.value in optional and around.name != token.value:
            hint = f"write `-- @if {token.value}` at a part of its own"
            raise statement.error(f":{token.value} stands in a part that depends on {around.name}", token, hint)


def _edits(parts: Sequence[_Part], given: dict[str, bool]) -> list[Edit]:
    edits = []
    for part in parts:
        if given[part.name]:
            edits += [Edit(start, end, "", part.token) for start, end in part.comments]
        else:
            edits.append(Edit(part.start, part.end, "", part.token))
    return edits


def _order_by(statement: Statement) -> tuple[int, int] | None:
    """The offsets of the terms of the outermost ORDER BY."""
    depth, start = 0, None
    tokens = statement.tokens
    for place, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.is_word("ORDER") and tokens[place + 1 : place + 2] and tokens[place + 1].is_word("BY"):
            start = tokens[place + 2].start - statement.start
        if depth == 0 and start is not None and token.is_word("LIMIT", "RETURNING"):
            return start, tokens[place - 1].end - statement.start
    return None if start is None else (start, tokens[-1].end - statement.start)
