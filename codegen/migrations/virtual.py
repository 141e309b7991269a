"""Virtual tables: where they keep what they hold, which says what a change can carry over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reading.definitions import split_list
from .text import lower, tokens_of

if TYPE_CHECKING:
    from .model import Table

SELF_CONTAINED, EXTERNAL, UNREADABLE = "self-contained", "external", "unreadable"
_FULL_TEXT = ("fts3", "fts4", "fts5")
_SPATIAL = ("rtree", "rtree_i32")


def storage(table: Table) -> str:
    """self-contained: its rows can be read and copied. external: it indexes another table's rows, and can be filled
    from them (https://www.sqlite.org/fts5.html#external_content_tables). unreadable: contentless, or of a module that
    is not known."""
    if table.module in _SPATIAL:
        return SELF_CONTAINED
    if table.module == "fts5vocab":
        return EXTERNAL
    if table.module not in _FULL_TEXT:
        return UNREADABLE
    content = _content(table)
    return SELF_CONTAINED if content is None else (EXTERNAL if content else UNREADABLE)


def fill(table: Table) -> str:
    """The statement that fills an external-content index, "" where there is none."""
    name = '"' + table.name.replace('"', '""') + '"'
    external = table.module in _FULL_TEXT and storage(table) == EXTERNAL
    return f"INSERT INTO {name} ({name}) VALUES ('rebuild')" if external else ""


def content_table(table: Table) -> str:
    """The table or view that an external-content index is over, in lower case; "" of others."""
    return lower(_content(table) or "") if table.module in _FULL_TEXT else ""


def has_rowid(table: Table) -> bool:
    """Whether rows are copied with their rowid; an R-tree's is its first column."""
    return table.module in _FULL_TEXT


def language_column(table: Table) -> str:
    """The hidden column of FTS4's option `languageid` (https://www.sqlite.org/fts3.html#the_languageid_option), ""
    without it."""
    return (_option(table, "languageid") or "") if table.module == "fts4" else ""


def kept_language(before: Table, after: Table) -> str:
    """The column that takes over what `language_column` of the one held in the other; "" where none does."""
    language = language_column(before)
    kept = language_column(after) if language else ""
    if language and not kept and (column := after.column(language)) is not None:
        return column.name
    return kept


def _content(table: Table) -> str | None:
    return _option(table, "content")


def _option(table: Table, name: str) -> str | None:
    """What an option says, None where it does not stand."""
    tokens = tokens_of(table.sql)
    opening = next((place for place, token in enumerate(tokens) if token.text == "("), None)
    for item in split_list(tokens, opening) if opening is not None else []:
        if len(item) >= 2 and item[0].same_name(name) and item[1].text == "=":
            return item[2].value if len(item) > 2 else ""
    return None
