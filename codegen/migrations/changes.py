"""ALTER TABLE where SQLite can (https://www.sqlite.org/lang_altertable.html): tried, and taken where the result is the
table that is wanted.

What depends on the rows and not on the schema is decided by rule: ADD COLUMN takes a default that is no constant, NOT
NULL without a default, and a STORED column only in an empty table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..sqltext import quote
from .text import lower
from .trial import Trial, TrialFailed

if TYPE_CHECKING:
    from collections.abc import Collection

    from .model import Table
    from .table import Column, Constraint


def alter(trial: Trial, before: Table, after: Table, filled: Collection[str], *, ordered: bool) -> bool:
    """Make the one table the other by ALTER; False, and nothing is changed, where that cannot be.

    filled: columns (lower case) whose value in old rows is an expression.
    """
    kept = [column.key for column in before.columns if after.column(column.key) is not None]
    if any(before.column(name).meaning != after.column(name).meaning for name in kept):  # type: ignore[union-attr]
        return False
    if (before.strict, before.without_rowid) != (after.strict, after.without_rowid) or set(filled) - set(kept):
        return False
    added = [column for column in after.columns if column.key not in kept]
    definitions = _definitions(before, after, added)
    if definitions is None or not all(_addable(column, after) for column in added):
        return False
    table = quote(after.name)
    try:
        with trial.attempt():
            for column in before.columns:
                if column.key not in kept:
                    trial.run(f"ALTER TABLE {table} DROP COLUMN {quote(column.name)}")
            for definition in definitions:
                trial.run(f"ALTER TABLE {table} ADD COLUMN {definition}")
            found = trial.schema().tables[lower(after.name)]
            if found.meaning(ordered=ordered) != after.meaning(ordered=ordered):
                raise TrialFailed("ALTER TABLE gives another table", table)
    except TrialFailed:
        return False
    return True


def _addable(column: Column, after: Table) -> bool:
    if column.expression:
        return not column.stored
    references = any(one.kind == "foreign key" and column.key in one.columns for one in after.constraints)
    # SQLite refuses REFERENCES with a default while foreign keys are on.
    return column.constant and not (column.not_null and not column.default) and not (references and column.default)


def _definitions(before: Table, after: Table, added: list[Column]) -> list[str] | None:
    """The definitions of the new columns, with the constraints that stand at the end of the table and can as well stand
    beside a column. None where there are others."""
    held = {one.text for one in before.constraints}
    names = [column.key for column in added]
    beside: dict[str, list[Constraint]] = {name: [] for name in names}
    for one in after.constraints:
        if one.text in held or one.home in names:
            continue
        home = one.columns[0] if one.kind == "foreign key" and len(one.columns) == 1 else ""
        if one.kind == "check" and names:
            home = next((name for name in reversed(names) if name in one.columns), names[-1])
        if home not in names:
            return None
        beside[home].append(one)
    return [" ".join((column.source, *(one.source for one in beside[column.key]))) for column in added]
