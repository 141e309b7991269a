"""Which tables the SELECTs of a statement read, under which names, and whether conditions bear on them; read from its
tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..reading.tokens import COMMENT, Token, folded, tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reading.catalog import Catalog

_COMPOUND = ("UNION", "INTERSECT", "EXCEPT")
_AFTER_FROM = ("WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "WINDOW", "RETURNING", "SET", "VALUES", "ON", "USING")
_JOIN = ("JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL", "OUTER")
_NO_ALIAS = (*_AFTER_FROM, *_COMPOUND, *_JOIN, "INDEXED", "NOT")


@dataclass(slots=True)
class Scope:
    """A SELECT without those inside it, or an UPDATE or DELETE. items: table by the name that it has here, both in
    lower case. where: it has a WHERE. limit: it has a LIMIT, which ends a scan that gives its rows in order."""

    items: dict[str, str] = field(default_factory=dict)
    where: bool = False
    limit: bool = False


def scopes(tokens: Sequence[Token]) -> list[Scope]:
    """The scopes of a statement, in the order in which they begin."""
    tokens = [token for token in tokens if token.kind != COMMENT]
    found = [Scope()]
    stack = [found[0]]
    in_from = [False]
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else None
        if token.text == "(":
            # `FROM (a JOIN b)` goes on with the scope; a SELECT begins one; other parentheses have no FROM.
            selects = place + 1 < len(tokens) and tokens[place + 1].is_word("SELECT", "WITH", "VALUES")
            grouped = not selects and in_from[-1] and _begins_item(before)
            if selects:
                found.append(Scope())
            stack.append(found[-1] if selects else stack[-1])
            in_from.append(grouped)
        elif token.text == ")" and len(stack) > 1:
            stack.pop()
            in_from.pop()
        elif token.is_word(*_COMPOUND):
            found.append(Scope())
            stack[-1], in_from[-1] = found[-1], False
        elif token.is_word("UPDATE") and not (before is not None and before.is_word("DO")):
            first = place + (3 if tokens[place + 1].is_word("OR") else 1)
            table, alias = _item(tokens, first)
            stack[-1].items[alias] = table
        elif token.is_word("FROM", "JOIN"):
            in_from[-1] = not (before is not None and before.is_word("DISTINCT"))  # IS DISTINCT FROM
        elif token.is_word("WHERE"):
            in_from[-1] = False
            stack[-1].where |= _is_condition(tokens, place)
        elif token.is_word("LIMIT"):
            stack[-1].limit, in_from[-1] = True, False
        elif token.is_word(*_AFTER_FROM) and not token.is_word("ON", "USING"):
            in_from[-1] = False
        elif token.is_name and in_from[-1] and _begins_item(before) and not token.is_word(*_NO_ALIAS):
            table, alias = _item(tokens, place)
            stack[-1].items[alias] = table
    return found


def _begins_item(before: Token | None) -> bool:
    return before is not None and (before.text in (",", "(") or before.is_word("FROM", "JOIN"))


def _is_condition(tokens: Sequence[Token], place: int) -> bool:
    """Whether a WHERE asks for some rows: not that of an aggregate's FILTER, nor `WHERE true`, which
    an INSERT … SELECT … ON CONFLICT needs (https://www.sqlite.org/lang_upsert.html#parsing_ambiguity)."""
    if place >= 2 and tokens[place - 1].text == "(" and tokens[place - 2].is_word("FILTER"):
        return False
    after = tokens[place + 1 : place + 3]
    always = bool(after) and (after[0].is_word("TRUE") or after[0].text == "1")
    return not always or (len(after) == 2 and after[1].text != ")" and not after[1].is_word("ON", "RETURNING", "ORDER"))


def _item(tokens: Sequence[Token], place: int) -> tuple[str, str]:
    """The table of a FROM item and its name here: `main.t AS x`, `t x`, `t`."""
    if place + 2 < len(tokens) and tokens[place + 1].text == ".":
        place += 2
    table = folded(tokens[place].value)
    rest = tokens[place + 1 : place + 3]
    if len(rest) == 2 and rest[0].is_word("AS") and rest[1].is_name:
        return table, folded(rest[1].value)
    if rest and rest[0].is_name and not rest[0].is_word(*_NO_ALIAS):
        return table, folded(rest[0].value)
    return table, table


def of_views(own: Sequence[Scope], catalog: Catalog) -> list[Scope]:
    """The scopes of the views that these scopes read, and of the views that those read."""
    found: list[Scope] = []
    waiting = [name for scope in own for name in scope.items.values()]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        view = next((one for one in catalog.views if folded(one.name) == name), None)
        if view is None or name in seen:
            continue
        seen.add(name)
        inside = scopes(tokenize(view.sql, view.file))
        found += inside
        waiting += [inner for scope in inside for inner in scope.items.values()]
    return found
