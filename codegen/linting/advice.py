"""Which index would mend a slow plan: SQLite itself is asked, with each one on trial."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

from .. import sqltext
from ..reading.tokens import folded
from . import plan_rules
from .plans import explained
from .scopes import of_views, scopes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..pipeline import Analysis
    from ..reading.catalog import Table
    from .findings import Finding
    from .plans import Plan

_MOST = 200  # indexes on trial for one statement
_MENDED_BY_INDEXES = frozenset((plan_rules.SCAN.name, plan_rules.SORT.name))


def advised(found: list[Finding], slow: Plan, analysis: Analysis) -> list[Finding]:
    """The findings of one plan, with the index of one or two columns as their hint that makes each disappear and brings
    no other; those that none does are left as they are."""
    waiting = [one for one in found if one.rule in _MENDED_BY_INDEXES]
    if not waiting:
        return found
    hints: dict[Finding, str] = {}
    for table, columns in _candidates(slow, analysis):
        if len(hints) == len(waiting):
            break
        there = _with_index(table, columns, slow, analysis)
        for one in waiting:
            if one not in hints and one not in there and there < set(found):
                hints[one] = f"CREATE INDEX … ON {sqltext.quote(table.name)} ({sqltext.names(columns)}) mends it"
    return [replace(one, hint=hints.get(one, one.hint)) for one in found]


def _candidates(slow: Plan, analysis: Analysis) -> Iterator[tuple[Table, tuple[str, ...]]]:
    own = scopes(slow.tokens)
    named = dict.fromkeys(name for scope in own + of_views(own, analysis.catalog) for name in scope.items.values())
    tables = [table for name in named if (table := analysis.catalog.table(name)) is not None]
    said = {folded(token.value) for token in slow.tokens if token.is_name}
    number = 0
    for width in (1, 2):
        for table in tables:
            begun = {index.columns[:width] for index in table.indexes if not index.where}
            for columns in permutations([one.name for one in table.columns if folded(one.name) in said], width):
                if columns in begun or columns == (table.rowid_column,):
                    continue
                number += 1
                if number > _MOST:
                    return
                yield table, columns


def _with_index(table: Table, columns: tuple[str, ...], slow: Plan, analysis: Analysis) -> set[Finding]:
    connection = analysis.connection
    connection.execute("SAVEPOINT trial")
    try:
        connection.execute(f'CREATE INDEX "index on trial" ON {sqltext.quote(table.name)} ({sqltext.names(columns)})')
        return set(plan_rules.check(explained(connection, slow), analysis.catalog))
    finally:
        connection.execute("ROLLBACK TO trial")
        connection.execute("RELEASE trial")
