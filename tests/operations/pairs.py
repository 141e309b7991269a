"""What the tests of a pair's backups share: rows that say which state a pair is in."""

from __future__ import annotations

import ragkernel

from .test_backup import put, settings


def write(service: ragkernel.SqlService, value: str) -> None:
    """One event more, and the row `a` in app_meta."""
    service.events.append(("thing", "1"), [ragkernel.NewEvent("made", {})])
    put(service, a=value)


def held(service: ragkernel.SqlService) -> tuple[str | None, int]:
    """The row, and the number of events."""
    return settings(service).get("a"), len(service.events.read(("thing", "1")))


def backed_up(service: ragkernel.SqlService) -> str:
    """The manifest of a backup of ("1", 1); the pair goes on to ("2", 2)."""
    write(service, "1")
    (app, _) = service.backup_databases()
    write(service, "2")
    assert app.manifest is not None
    return app.manifest
