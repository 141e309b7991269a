"""What can be done with a table, a view or a virtual table, and by which key its rows are told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..reading.catalog import Column
from ..reading.definitions import split_list, stored_tokens
from ..reading.tokens import folded
from ..reading.virtual import FULL_TEXT, RTREES
from .access import unique_keys
from .orders import keeps_places
from .triggers import rewritten_after_writes

if TYPE_CHECKING:
    from ..reading.catalog import Catalog, Table


@dataclass(frozen=True, slots=True)
class Abilities:
    """table: as generated code sees it, without hidden columns, and with its rowid as its last column where that is its
    key. rowid: whether it is. read: by key and in pages; listed: as a whole. again: how insert, upsert and update learn
    what is stored: "" (RETURNING tells), "rowid" or "key" (read again, because triggers change rows behind it), "last"
    (read again by last_insert_rowid(), because virtual tables have no RETURNING). matched: the ORDER BY of a full-text
    search, "" where there is none. blank: its columns cannot be read."""

    table: Table
    rowid: bool = False
    read: bool = False
    listed: bool = True
    insert: bool = False
    update: bool = False
    delete: bool = False
    upsert: bool = False
    again: str = ""
    matched: str = ""
    blank: bool = False


def abilities(catalog: Catalog) -> dict[str, Abilities]:
    """Those of every table, view and virtual table, by its name."""
    found: dict[str, Abilities] = {}
    rewritten = rewritten_after_writes(catalog)
    for table in catalog.tables:
        found[table.name] = _of_table(table, rewritten=folded(table.name) in rewritten)
    for table in catalog.virtual_tables:
        found[table.name] = _of_virtual(_visible(table))
    for view in catalog.views:
        found[view.name] = Abilities(_visible(view))
    return found


def _of_table(table: Table, *, rewritten: bool) -> Abilities:
    if not _compared_as_columns(table):
        table = replace(table, key=())
    by_rowid = not table.key and table.rowid is not None
    seen = _with_rowid(table, written=False) if by_rowid else table
    again = ""
    if rewritten and table.rowid is not None:
        again = "rowid"
    elif rewritten and table.rowid is None and keeps_places(table):
        again = "key"
    keyed = bool(seen.key)
    return Abilities(
        seen,
        rowid=by_rowid,
        read=keyed,
        insert=True,
        update=keyed,
        delete=keyed,
        upsert=bool(table.key) or (by_rowid and bool(unique_keys(table))),
        again=again,
    )


def _compared_as_columns(table: Table) -> bool:
    """Whether what the primary key tells apart its columns tell apart too. With a finer collation of its own (PRIMARY
    KEY (name COLLATE BINARY) over a NOCASE column) `name = ?` can find several rows."""
    index = next((one for one in table.indexes if one.origin == "pk"), None)
    return index is None or all(
        term.column is None or table.column(term.column).collation.upper() in ("BINARY", term.collation.upper())
        for term in index.terms
    )


def _of_virtual(table: Table) -> Abilities:
    if table.module in FULL_TEXT and table.rowid is not None:
        return _of_full_text(table)
    if table.module in RTREES and table.key:
        return Abilities(table, read=True, insert=True, update=True, delete=True, again="last")
    # Of other modules it is not known what can be written, nor what their rowids are worth.
    return Abilities(replace(table, key=(), rowid=None, rowid_column=None))


def _of_full_text(table: Table) -> Abilities:
    """https://www.sqlite.org/fts5.html#external_content_and_contentless_tables: without a content of its own a row is
    not updated, an external one is kept by the triggers of its table, and FTS4 reads nothing but matches."""
    options = _options(table)
    content = options.get("content")
    matched = "rank" if table.module == "fts5" else str(table.rowid)
    seen = _with_rowid(table, written=True)
    if content:
        return Abilities(_with_rowid(table, written=False), rowid=True, read=True, matched=matched)
    blank = content is not None
    deleted = not blank or options.get("contentless_delete") == "1"
    # Without the sizes of its columns a contentless table does not know its rowids: it answers matches only.
    reads = not blank or (table.module == "fts5" and options.get("columnsize") != "0")
    return Abilities(
        seen,
        rowid=True,
        read=reads,
        listed=reads,
        insert=True,
        update=not blank,
        delete=deleted,
        again="last" if reads else "",
        matched=matched,
        blank=blank,
    )


def _options(table: Table) -> dict[str, str]:
    """The `name=value` arguments of a virtual table, in lower case and without quotes."""
    tokens = stored_tokens(table.sql, table.file)
    opening = next((place for place, token in enumerate(tokens) if token.text == "("), None)
    found = {}
    for item in split_list(tokens, opening) if opening is not None else []:
        if len(item) >= 2 and item[1].text == "=":
            found[item[0].value.lower()] = "".join(token.value for token in item[2:])
    return found


def _visible(table: Table) -> Table:
    return replace(table, columns=tuple(column for column in table.columns if not column.hidden))


def _with_rowid(table: Table, *, written: bool) -> Table:
    """The table with its rowid as its last column and its key. written: insert may be given one."""
    name = str(table.rowid)
    column = Column(
        name=name,
        declared="INTEGER",
        not_null=True,
        default=None,
        key=1,
        generated=not written,
        collation="BINARY",
        choices=None,
        line=table.line,
    )
    return replace(table, columns=(*table.columns, column), key=(name,), rowid_column=name)
