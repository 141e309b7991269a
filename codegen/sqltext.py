"""The SQL of generated functions: text over quoted names, one clause a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# https://www.sqlite.org/lang_keywords.html
_KEYWORDS = frozenset(
    """ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY CASCADE
    CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME
    CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP EACH ELSE END ESCAPE
    EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FILTER FIRST FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB GROUP
    GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY
    LAST LEFT LIKE LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS OUTER
    OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX RELEASE RENAME
    REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT SELECT SET TABLE TEMP TEMPORARY THEN TIES TO
    TRANSACTION TRIGGER UNBOUNDED UNION UNIQUE UPDATE USING VACUUM VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHOUT
    TRUE FALSE""".split()
)


def quote(name: str) -> str:
    """A name as SQL writes it: bare where that is safe."""
    bare = name.isascii() and name.isidentifier() and name.upper() not in _KEYWORDS
    return name if bare else '"' + name.replace('"', '""') + '"'


def names(columns: Sequence[str]) -> str:
    """A list of quoted names."""
    return ", ".join(map(quote, columns))


def returned(columns: Sequence[str], bent: Collection[str]) -> str:
    """A list of quoted names for RETURNING; those in `bent` as expressions."""
    return ", ".join(f"+{quote(name)}" if name in bent else quote(name) for name in columns)


def equal(columns: Sequence[str], nullable: Sequence[str] = ()) -> str:
    """`a = ? AND b = ?`; `IS` for those in `nullable`, so that None finds NULL (an index serves IS as it serves =)."""
    return " AND ".join(f"{quote(name)} {'IS' if name in nullable else '='} ?" for name in columns)


def select(table: str, columns: str, *clauses: str) -> str:
    """A SELECT of these columns; each clause on a line of its own, empty ones left out."""
    return "\n".join([f"SELECT {columns}", f"FROM {quote(table)}", *filter(None, clauses)])
