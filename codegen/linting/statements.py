"""Every statement that a generated module can issue, those included that generated code joins from constants when it
runs: reading along an order, from both ends and behind each place, and updates."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..ir import Function, Module, OrderConstant


def statements(module: Module) -> Iterator[tuple[str, str]]:
    """Name → SQL. A constant's name is the constant, as `_LIST_BY_NAME`; others are called after theirs."""
    selects: dict[str, str] = {}
    for constant in module.constants:
        selects[constant.name] = constant.sql
        yield constant.name, constant.sql
    for order in module.orders:
        yield from of_order(order, selects[order.select])
    for function in module.functions:
        if function.shape == "update":
            yield "_UPDATE", _update(function)


@dataclass(frozen=True, slots=True)
class _Term:
    """As `Term` in the generated _rows.py."""

    sql: str
    descending: bool = False
    nullable: bool = False
    bound: str = "?"
    values: int = 1


def of_order(order: OrderConstant, select: str) -> Iterator[tuple[str, str]]:
    """What the generated `Order` reads: `_FIRST` and `_LAST` page, and `_AFTER` and `_BEFORE` a place. Where an order
    mixes directions or has NULLs, there is one statement for each range that is left behind a place."""
    terms = [_term(arguments) for arguments in order.terms]
    name = order.name.removeprefix("_ORDER_")
    where = [order.where] if order.where else []
    for backwards, end, beside in ((False, "FIRST", "AFTER"), (True, "LAST", "BEFORE")):
        yield f"{name}_{end}", _joined(select, where, terms, backwards)
        if len({term.descending for term in terms}) == 1 and not any(term.nullable for term in terms):
            compared, bounds = [term.sql for term in terms], [term.bound for term in terms]
            beyond = "<" if terms[0].descending is not backwards else ">"
            one = len(terms) == 1
            pair = (compared[0], bounds[0]) if one else (f"({', '.join(compared)})", f"({', '.join(bounds)})")
            yield f"{name}_{beside}", _joined(select, [*where, f"{pair[0]} {beyond} {pair[1]}"], terms, backwards)
            continue
        for number, (depth, condition) in enumerate(_ranges(terms, backwards), 1):
            like = [f"{term.sql} {'IS' if term.nullable else '='} {term.bound}" for term in terms[: depth - 1]]
            sql = _joined(select, [*where, *like, condition], terms[depth - 1 :], backwards)
            yield f"{name}_{beside}_{number}", sql


def _ranges(terms: list[_Term], backwards: bool) -> Iterator[tuple[int, str]]:
    """Each range behind a place: the number of its terms, and the condition on the last of them."""
    for depth in range(len(terms), 0, -1):
        term = terms[depth - 1]
        if term.descending is backwards:
            yield depth, f"{term.sql} > {term.bound}"
            if term.nullable:
                yield depth, f"{term.sql} IS NOT NULL"
        else:
            yield depth, f"{term.sql} < {term.bound}"
            if term.nullable:
                yield depth, f"{term.sql} IS NULL"


def _joined(select: str, conditions: list[str], terms: list[_Term], backwards: bool) -> str:
    by = ", ".join(f"{term.sql} DESC" if term.descending is not backwards else term.sql for term in terms)
    where = [f"WHERE {' AND '.join(conditions)}"] if conditions else []
    return "\n".join([select, *where, f"ORDER BY {by}", "LIMIT ?"])


def _term(arguments: tuple[str, ...]) -> _Term:
    """The term whose arguments the intermediate form has as Python text."""
    call = ast.parse(f"Term({', '.join(arguments)})", mode="eval").body
    assert isinstance(call, ast.Call)
    named = {one.arg: ast.literal_eval(one.value) for one in call.keywords if one.arg}
    return _Term(*(ast.literal_eval(one) for one in call.args), **named)


def _update(function: Function) -> str:
    """The update of every column that can be set."""
    facts = function.facts
    columns = facts["columns"]
    assert isinstance(columns, list | tuple)
    return f"{facts['head']}\nSET {', '.join(f'{column} = ?' for column in columns)}\nWHERE {facts['where']}"
