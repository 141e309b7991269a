"""Every node below a node."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING

from ..reading.tokens import folded
from .nodes import Call, Select, TableItem

if TYPE_CHECKING:
    from collections.abc import Iterator


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.name != "span")


def children(node: object) -> Iterator[object]:
    """The nodes directly below a node, those in tuples too."""
    if isinstance(node, tuple):
        yield from node
    elif is_dataclass(node) and not isinstance(node, type):
        for name in _names(type(node)):
            found = getattr(node, name)
            if isinstance(found, tuple):
                yield from found
            elif is_dataclass(found):
                yield found


def every(node: object) -> Iterator[object]:
    """The node and all below it, those in subqueries too."""
    yield node
    for child in children(node):
        if not isinstance(child, str):
            yield from every(child)


def calls_here(expression: object) -> Iterator[Call]:
    """The calls in an expression, but not those in its subqueries."""
    if isinstance(expression, Call):
        yield expression
    if not isinstance(expression, Select):
        for child in children(expression):
            if not isinstance(child, str):
                yield from calls_here(child)


def selects_here(expression: object) -> Iterator[Select]:
    """The subqueries in an expression, but not those in them."""
    if isinstance(expression, Select):
        yield expression
        return
    for child in children(expression):
        if not isinstance(child, str):
            yield from selects_here(child)


def reads_table(select: object, name: str) -> bool:
    """Whether a table of that lower-case name stands in a FROM anywhere in it."""
    return any(isinstance(one, TableItem) and folded(one.name) == name for one in every(select))
