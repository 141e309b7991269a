"""The kernel's facts about a file that operations keep: which, and how to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragkernel.clock import parse_timestamp
from ragkernel.core.ledger import BACKUP_LAST_RUN, VACUUM_LAST_RUN
from ragkernel.generated import queries

if TYPE_CHECKING:
    from datetime import datetime

    from ragkernel.connections import Reader

__all__ = ["BACKUP_LAST_RUN", "VACUUM_LAST_RUN", "last_run"]


def last_run(conn: Reader, key: str) -> datetime | None:
    """When an operation last ran to its end, None where it never did."""
    row = queries.kernel_state.get(conn, key=key)
    return None if row is None else parse_timestamp(row.value)
