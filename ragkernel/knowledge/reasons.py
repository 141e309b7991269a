"""What the row of a run keeps of the error that ended it."""

from __future__ import annotations

from ragkernel.errors import SqlError


def told(error: BaseException) -> str:
    """What the run's row says of the error that ended it: never the text of an exception that may quote a document."""
    if isinstance(error, SqlError):
        return str(error)[:1000]
    reason = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
