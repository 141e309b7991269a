"""The commands that change something: ingest, migrate, backup, restore."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import ragkernel
from ragkernel.core.migrate import APP_META, EVENTS
from ragkernel.errors import ConfigurationError
from ragkernel.ingestion import ingest as ingest_folder
from ragkernel.operations.backup import restore_beside

from .output import Outcome, facts, shown, size, table
from .progress import Interrupt, Progress
from .stores import configuration, existing

if TYPE_CHECKING:
    import argparse

    from ragkernel.ingestion import IngestReport

_SKIPPED_SHOWN = 10


def ingest(args: argparse.Namespace) -> Outcome:
    """Bring a knowledge base up to date with a folder of text. Raises KeyboardInterrupt with what was stored."""
    progress = Progress()
    latest: list[IngestReport] = []

    def look(report: IngestReport) -> None:
        latest[:] = [report]
        if not getattr(args, "json", False):
            progress.show(report)
        interrupt.check()

    config = configuration(args)
    _require_path(args.path)
    with ragkernel.open(config.app_db_path, config) as service, Interrupt() as interrupt:
        try:
            report = ingest_folder(
                service,
                args.path,
                kb=args.kb,
                globs=args.glob,
                chunk_size=args.chunk_size,
                chunk_overlap=args.chunk_overlap,
                embedder_model=args.embedder_model,
                progress=look,
            )
        except KeyboardInterrupt:
            done = latest[0].added + latest[0].changed if latest else 0
            raise KeyboardInterrupt(f"interrupted; {done} documents were stored, run it again to go on") from None
        finally:
            progress.clear()
    return Outcome(report.as_dict(), _told(report), notes=tuple(_skipped(report)))


def _require_path(path: str) -> None:
    """A wrong PATH must not leave a new database behind."""
    if not os.path.exists(path):
        raise ConfigurationError("there is no such folder or file", operation="ingest", path=path, hint="check PATH")


def _told(report: IngestReport) -> str:
    looked = f"{report.files} file{'' if report.files == 1 else 's'} in {report.seconds:.1f} s"
    if report.nothing_to_do:
        skipped = f", {report.skipped} skipped" if report.skipped else ""
        return f"{report.kb_name}: nothing to do ({looked}: {report.unchanged} unchanged{skipped})"
    return (
        f"{report.kb_name}: {report.added} added, {report.changed} changed, {report.unchanged} unchanged,"
        f" {report.skipped} skipped; {report.chunks} chunks stored"
        f" ({looked}, {size(report.size_bytes)}, {report.rows_per_second:.0f} rows/s)"
    )


def _skipped(report: IngestReport) -> list[str]:
    lines = [f"skipped {entry.path}: {entry.reason}" for entry in report.skipped_files[:_SKIPPED_SHOWN]]
    if report.skipped > len(lines):
        lines.append(f"skipped {report.skipped - len(lines)} more; --json names them")
    return lines


def migrate(args: argparse.Namespace) -> Outcome:
    """Bring the schema up to date, or to another version."""
    config = configuration(args)
    path = str(config.app_db_path)
    if args.dry_run and not os.path.exists(path):
        raise ConfigurationError(
            "there is no such database", operation="migrate", path=path, hint="without --dry-run it is made"
        )
    with ragkernel.SqlService(config) as service:
        steps = service.run_migrations(args.to, dry_run=args.dry_run)
    data = {
        "path": path,
        "dry_run": args.dry_run,
        "steps": [dict(zip(step._fields, step, strict=True)) for step in steps],
    }
    if not steps:
        return Outcome(data, "nothing to do: the schema is at this version")
    rows = [(step.direction, step.version, step.database, step.name, step.description) for step in steps]
    title = "would run" if args.dry_run else "done"
    return Outcome(data, table((title, "version", "database", "name", "description"), rows))


def backup(args: argparse.Namespace) -> Outcome:
    """Copy the database, verified."""
    config = configuration(args)
    if args.to is not None:
        config = config.replace(backup_dir=args.to)
    with existing(config, migrated=False) as service:
        backups = service.backup_databases()
    data = {
        "backups": [
            {
                "database": made.database,
                "path": made.path,
                "created_at": made.created_at.isoformat(),
                "size_bytes": made.size_bytes,
                "seconds": round(made.seconds, 3),
            }
            for made in backups
        ]
    }
    return Outcome(
        data, "\n".join(f"{shown(made.path)}  ({size(made.size_bytes)}, {made.seconds:.1f} s)" for made in backups)
    )


def restore(args: argparse.Namespace) -> Outcome:
    """Restore a backup in place, or to a new file."""
    config = configuration(args)
    path = str(config.app_db_path)
    if os.path.exists(path):
        with existing(config, migrated=False) as service:
            restored = service.restore(args.backup, args.to)
    else:  # after a loss: the backup becomes the database
        restored = restore_beside(args.backup, args.to or path, databases=(APP_META, EVENTS))
    data = dict(zip(restored._fields, restored, strict=True))
    pairs = [
        ("restored", restored.path),
        ("replaced rows are in", restored.replaced),
        ("schema version", restored.schema_version),
        ("size", size(restored.size_bytes)),
        ("seconds", restored.seconds),
    ]
    return Outcome(data, facts(pair for pair in pairs if pair[1] is not None))
