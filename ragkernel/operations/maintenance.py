"""Care of a database file that somebody asks for: VACUUM."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ragkernel.clock import sql_timestamp, utc_now
from ragkernel.core.connection import create_file
from ragkernel.core.ledger import VACUUM_LAST_RUN
from ragkernel.errors import BackupFailed
from ragkernel.generated import queries

from . import files
from .backup import require_sound

if TYPE_CHECKING:
    from ragkernel.core.database import Database


def vacuum(database: Database, into: str | None = None) -> None:
    """Rebuild the file without free pages, or write a compact copy to the new file `into` (0600, verified, synced).

    The first keeps writers waiting, needs free space of twice the file's size, and notes vacuum_last_run. Raises
    TransactionFailed inside a transaction, DiskFull, BackupFailed where `into` exists; nothing stands there then.
    """
    if into is None:
        database.vacuum()
        if database.inspect().schema_version > 0:
            with database.write() as conn:
                queries.kernel_state.upsert(conn, key=VACUUM_LAST_RUN, value=sql_timestamp(utc_now()))
        return
    if os.path.lexists(into):
        raise BackupFailed("the target exists", operation="vacuum", path=into, hint="name a file that does not exist")
    temporary = files.temporary_name(into)
    create_file(temporary)  # VACUUM INTO takes an empty file, and would make one with mode 0644
    try:
        database.vacuum(temporary)
        require_sound(temporary)
        files.publish_database(temporary, into)
    except OSError as error:
        raise BackupFailed(f"cannot write the copy: {error.strerror}", operation="vacuum", path=into) from None
    finally:
        files.remove(temporary)


def vacuum_pair_into(app: Database, events: Database, into: str, events_into: str) -> None:
    """Write compact copies of both files of a pair, or none. Raises what `vacuum` raises."""
    files.require_two(into, events_into, "vacuum")
    vacuum(app, into)
    try:
        vacuum(events, events_into)
    except BaseException:
        os.unlink(into)  # half a pair
        raise
