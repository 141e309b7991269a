"""The two tables that the kernel keeps in every file, and core's own statements on them.

schema_migrations is the ledger of applied migrations, kernel_state the kernel's facts about the file. Migrations may
not use today's generated queries (they would change under an old migration), so core has these few of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ragkernel.generated import schema

from . import pragmas

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .connection import Connection

LAYOUT = "layout"
PAIR_ID = "pair_id"
DATABASE = "database"  # which file of a pair this is: "app_meta" or "events"
FORMING = "forming"  # in app_meta: the other file of the pair may not know its pair id yet
RESTORING = "restoring"  # in app_meta: the manifest of a restore that has not reached both files yet
RESTORING_PAIR = "restoring_pair_id"  # in app_meta: the pair id that this restore gives both files
REPLACED = "restoring_replaced"  # in app_meta: where that restore keeps the rows that it replaces
VACUUM_LAST_RUN = "vacuum_last_run"
BACKUP_LAST_RUN = "backup_last_run"

_HAS_TABLE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
_HAS_ANY = "SELECT 1 FROM sqlite_schema LIMIT 1"
_LEDGER = "SELECT version, name, database, sha256 FROM schema_migrations ORDER BY version"
_APPLY = (
    "INSERT INTO schema_migrations (version, applied_at, description, name, database, sha256) VALUES (?, ?, ?, ?, ?, ?)"
)
_REVERT = "DELETE FROM schema_migrations WHERE version = ?"
_STATE = "SELECT value FROM kernel_state WHERE key = ?"
_PUT_STATE = (
    "INSERT INTO kernel_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_DROP_STATE = "DELETE FROM kernel_state WHERE key = ?"
_EVENT_POSITION = "SELECT coalesce(max(id), 0) FROM events"


class Applied(NamedTuple):
    """One row of the ledger."""

    version: int
    name: str
    database: str
    sha256: str


def has_table(connection: Connection, name: str) -> bool:
    """Whether the file has a table of that name."""
    return connection.execute(_HAS_TABLE, (name,)).fetchone() is not None


def read(connection: Connection) -> list[Applied]:
    """The applied migrations in order; empty for a file that the kernel has not prepared yet (a table of the same name
    may be another tool's there)."""
    if not has_table(connection, "kernel_state"):
        return []
    return [Applied(*row) for row in connection.execute(_LEDGER).fetchall()]


def holds_nothing(connection: Connection) -> bool:
    """Whether the file has no table, of whatever tool."""
    return connection.execute(_HAS_ANY).fetchone() is None


def has_rows(connection: Connection, tables: Iterable[str]) -> bool:
    """Whether any of these tables of the kernel's schema is there and holds a row."""
    for table in tables:
        if has_table(connection, table) and connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
            return True
    return False


def record(connection: Connection, applied: Applied, description: str, at: str) -> None:
    """Enter a migration, inside its own transaction."""
    row = (applied.version, at, description, applied.name, applied.database, applied.sha256)
    connection.execute(_APPLY, row)


def strike(connection: Connection, version: int) -> None:
    """Take a migration out again, inside the transaction that reverts it."""
    connection.execute(_REVERT, (version,))


def state(connection: Connection, key: str) -> str | None:
    """One of the kernel's facts about this file, None where it was never noted (or the file is new)."""
    # Looked for first, and not after a failure: another process may make the table in between.
    if not has_table(connection, "kernel_state"):
        return None
    row = connection.execute(_STATE, (key,)).fetchone()
    return None if row is None else str(row[0])


def put_state(connection: Connection, key: str, value: str) -> None:
    """Note one of the kernel's facts, inside the transaction that is open."""
    connection.execute(_PUT_STATE, (key, value))


def drop_state(connection: Connection, key: str) -> None:
    """Forget one of the kernel's facts, inside the transaction that is open."""
    connection.execute(_DROP_STATE, (key,))


def prepare(connection: Connection, layout: str, pair_id: str, database: str | None) -> None:
    """Make the common tables of a new file and note what it belongs to, inside the transaction that is open.

    database: which file of a pair it is; None in single mode.
    """
    if not has_table(connection, "kernel_state"):
        for statement in schema.DDL["common"]:
            connection.execute(statement)
    pragmas.mark_as_ours(connection)
    put_state(connection, LAYOUT, layout)
    put_state(connection, PAIR_ID, pair_id)
    if database is not None:
        put_state(connection, DATABASE, database)


def event_position(connection: Connection) -> int:
    """The id of the last event that the file holds; 0 where there is none, or no table of events."""
    if not has_table(connection, "events"):
        return 0
    return int(connection.execute(_EVENT_POSITION).fetchone()[0])
