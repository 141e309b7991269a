"""What was renamed: the annotations of schema.sql held against what the migrations build."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .text import lower

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .building import Built
    from .model import Schema, Table


@dataclass(frozen=True, slots=True)
class Renames:
    """tables: old name → new name. columns: new name of the table → old name → new name. All in lower case."""

    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def reversed(self) -> Renames:
        """The way back."""
        tables = {new: old for old, new in self.tables.items()}
        columns = {
            tables.get(table, table): {new: old for old, new in names.items()} for table, names in self.columns.items()
        }
        return Renames(tables, columns)


def same_kind(left: Table | None, right: Table | None) -> bool:
    """Whether the one can become the other: both ordinary, or virtual of one module."""
    return left is not None and right is not None and left.module == right.module


def find(source: Schema, target: Built) -> Renames:
    """The renames that are still to be done. An annotation whose new name is there already is done and stays silent.

    Raises GenerationError where the old name is nowhere, or still wanted.
    """
    tables: dict[str, str] = {}
    columns: dict[str, dict[str, str]] = {}
    for new, table in target.schema.tables.items():
        place = target.places[new]
        old = lower(place.notes.renamed)
        if old and new not in source.tables and source.tables:
            if old not in source.tables:
                hint = "take the annotation away, or mend the name"
                raise place.error(f"table {table.name} is renamed from {old}, which no migration makes", hint)
            if old in target.schema.tables:
                raise place.error(f"table {table.name} is renamed from {old}, which is in the schema too", "drop one")
            if same_kind(source.tables[old], table):
                tables[old] = new
        before = source.tables.get(old if tables.get(old) == new else new)
        if before is None or not same_kind(before, table):
            continue
        for column, earlier in place.notes.columns.items():
            earlier = lower(earlier)
            if before.column(column) is not None or table.column(column) is None:
                continue
            what = f"column {table.name}.{column} is renamed from {earlier}"
            if before.column(earlier) is None:
                raise place.error(f"{what}, which no migration makes", "take the annotation away", column)
            if table.column(earlier) is not None or earlier in columns.get(new, {}):
                raise place.error(f"{what}, which is wanted for another column too", "drop one", column)
            columns.setdefault(new, {})[earlier] = column
    return Renames(tables, columns)
