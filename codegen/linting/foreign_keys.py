"""Foreign keys that cost a scan, or that fail at the first write (https://www.sqlite.org/foreignkeys.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reading.tokens import folded, tokenize
from .findings import Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..reading.catalog import Catalog, ForeignKey, Index, Table

UNINDEXED = Rule(
    "unindexed-foreign-key",
    "a foreign key whose columns no index begins with",
    "each DELETE in the parent table, and each UPDATE of its key, scans the whole child table",
    "https://www.sqlite.org/foreignkeys.html#fk_indexes",
)
DANGLING = Rule(
    "dangling-foreign-key",
    "a foreign key to a table or column that does not exist, or to another number of columns",
    "SQLite takes the definition, and every write to the child table fails",
    "https://www.sqlite.org/foreignkeys.html#fk_advisories",
)
NOT_UNIQUE = Rule(
    "foreign-key-to-no-key",
    "a foreign key to columns that are neither the primary key nor UNIQUE",
    "SQLite takes the definition, and writes fail with `foreign key mismatch`",
    "https://www.sqlite.org/foreignkeys.html#fk_advisories",
)


def check(catalog: Catalog) -> Iterator[Finding]:
    """The findings of the three rules."""
    for table in catalog.tables:
        for key in table.foreign_keys:
            name = f"{table.name}({', '.join(key.columns)})"
            fault = _fault(catalog, table, key)
            if fault is not None:
                rule, message, hint = fault
                yield Finding(_file(table, key), key.line, 0, rule.name, name, f"{name} {message}", hint)
            elif not _is_served(table, key):
                hint = f"CREATE INDEX … ON {table.name} ({', '.join(key.columns)})"
                message = f"{name} refers to {key.table} and has no index: deleting there scans {table.name}"
                yield Finding(_file(table, key), key.line, 0, UNINDEXED.name, name, message, hint)


def _file(table: Table, key: ForeignKey) -> str:
    return key.file or table.file


def _fault(catalog: Catalog, table: Table, key: ForeignKey) -> tuple[Rule, str, str] | None:
    parent = catalog.relation(key.table)
    if parent is None:
        return DANGLING, f"refers to {key.table}, which does not exist", "is it misspelt?"
    if parent.kind != "table":
        return (
            DANGLING,
            f"refers to {parent.name}, which is a {parent.kind}",
            "refer to an ordinary table",
        )
    names = {folded(column.name): column.name for column in parent.columns}
    missing = [target for target in key.targets if folded(target) not in names]
    if missing:
        return DANGLING, f"refers to {parent.name}.{missing[0]}, which does not exist", "is it misspelt?"
    if len(key.targets) != len(key.columns):
        held = ", ".join(parent.key) if parent.key else "none"
        return DANGLING, f"refers to the primary key of {parent.name}, which is another: {held}", "name the columns"
    targets = _lower(key.targets)
    if targets != _lower(parent.key) and not any(_is_key(parent, index, targets) for index in parent.indexes):
        listed = ", ".join(key.targets)
        hint = f"make {parent.name}({listed}) UNIQUE"
        return NOT_UNIQUE, f"refers to {parent.name}({listed}), which is neither its primary key nor UNIQUE", hint
    return None


def _is_key(parent: Table, index: Index, targets: frozenset[str]) -> bool:
    """Whether a unique index makes these columns a parent key: whole, and by the columns' own collations."""
    if not index.unique or index.where or any(term.column is None for term in index.terms):
        return False
    own = all(term.collation.upper() == parent.column(term.column or "").collation.upper() for term in index.terms)
    return own and targets == _lower([term.column or "" for term in index.terms])


def _is_served(table: Table, key: ForeignKey) -> bool:
    """Whether a look-up by all columns of the key is a search: they begin an index, in any order, or a unique index
    needs fewer of them."""
    columns = _lower(key.columns)
    if table.rowid_column is not None and folded(table.rowid_column) in columns:
        return True
    for index in table.indexes:
        names = [folded(term.column) if term.column is not None else "" for term in index.terms]
        if index.where and not _is_not_null(index.where, columns):
            continue
        if frozenset(names[: len(columns)]) == columns or (index.unique and columns.issuperset(names)):
            return True
    return False


def _is_not_null(where: str, columns: frozenset[str]) -> bool:
    """Whether a partial index leaves out only rows whose key has a NULL: SQLite knows that `=` finds none of them
    (https://www.sqlite.org/partialindex.html#queries_using_partial_indexes)."""
    tokens = tokenize(where, "")
    words = [token.text.upper() for token in tokens[1:]]
    return bool(tokens) and folded(tokens[0].value) in columns and words in (["IS", "NOT", "NULL"], ["NOTNULL"])


def _lower(names: tuple[str, ...] | list[str]) -> frozenset[str]:
    return frozenset(folded(name) for name in names)
