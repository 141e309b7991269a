"""The commands that change something: ingest, migrate, backup, restore."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import ragkernel
from ragkernel.core.migrate import APP_META, EVENTS
from ragkernel.errors import ConfigurationError, LayoutMismatch, NotADatabase
from ragkernel.ingestion import check as check_folder
from ragkernel.ingestion import ingest as ingest_folder
from ragkernel.operations.restore import replace_unopenable, restore_beside
from ragkernel.operations.restore_pair import replace_pair, restore_pair_beside

from .output import Outcome, counted, facts, shown, size, table
from .parser import UsageError
from .progress import Interrupt, Progress
from .stores import configuration, existing, files_of, lost

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ragkernel import SqlConfig
    from ragkernel.core.migrate import Step
    from ragkernel.ingestion import IngestReport
    from ragkernel.operations.restore import Restored

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
    if not os.path.exists(config.app_db_path):  # what is refused must not leave a new database behind
        check_folder(
            args.path, kb=args.kb, globs=args.glob, chunk_size=args.chunk_size, chunk_overlap=args.chunk_overlap
        )
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
                keep=args.keep,
                moved=args.moved,
                progress=look,
            )
        except KeyboardInterrupt:
            done = latest[0].added + latest[0].changed if latest else 0
            stored = "1 document was" if done == 1 else f"{done} documents were"
            raise KeyboardInterrupt(f"interrupted; {stored} stored, run it again to go on") from None
        finally:
            progress.clear()
    return Outcome(report.as_dict(), _told(report), notes=tuple(_skipped(report)))


def _told(report: IngestReport) -> str:
    looked = f"{counted(report.files, 'file')} in {report.seconds:.1f} s"
    pruned = f"; {counted(report.pruned, 'old version')} pruned" if report.pruned else ""
    if report.nothing_to_do:
        skipped = f", {report.skipped} skipped" if report.skipped else ""
        return f"{report.kb_name}: nothing to do ({looked}: {report.unchanged} unchanged{skipped}){pruned}"
    counts = {
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "stored by the run before": report.resumed,
        "removed": report.removed,
        "of other folders kept": report.elsewhere,
        "skipped": report.skipped,
    }
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return (
        f"{report.kb_name} version {report.version}: {told}; {counted(report.chunks, 'chunk')} stored"
        f" ({looked}, {size(report.size_bytes)}, {report.rows_per_second:.0f} rows/s){pruned}"
    )


def _skipped(report: IngestReport) -> list[str]:
    lines = [f"skipped {entry.path}: {entry.reason}" for entry in report.skipped_files[:_SKIPPED_SHOWN]]
    if report.skipped > len(lines):
        lines.append(f"skipped {report.skipped - len(lines)} more; --json names them")
    return lines


def migrate(args: argparse.Namespace) -> Outcome:
    """Bring the schema up to date, or to another version. Raises UsageError for a way back without --yes."""
    config = configuration(args)
    path = str(config.app_db_path)
    if args.dry_run and not any(map(os.path.exists, files_of(config))):
        raise ConfigurationError(
            "there is no such database", operation="migrate", path=path, hint="without --dry-run it is made"
        )
    with ragkernel.SqlService(config) as service:
        if args.to is not None and not args.dry_run and not args.yes:
            _require_forward(service.run_migrations(args.to, dry_run=True), args.to)
        before = _migration_backups(config)
        steps = service.run_migrations(args.to, dry_run=args.dry_run)
        backups = sorted(_migration_backups(config) - before)
    data = {
        "path": path,
        "dry_run": args.dry_run,
        "backup": backups[-1] if backups else None,
        "steps": [dict(zip(step._fields, step, strict=True)) for step in steps],
    }
    if not steps:
        return Outcome(data, "nothing to do: the schema is at this version")
    rows = [(step.direction, step.version, step.database, step.name, step.description) for step in steps]
    title = "would run" if args.dry_run else "done"
    told = table((title, "version", "database", "name", "description"), rows)
    return Outcome(data, f"{told}\n\nwhat was there before is in {shown(backups[-1])}" if backups else told)


def _require_forward(steps: Sequence[Step], target: int) -> None:
    """Refuse steps that go back."""
    back = sum(step.direction == "down" for step in steps)
    if back:
        raise UsageError(
            f"version {target} is {counted(back, 'step')} back, which drops what later versions brought, with its rows",
            "--dry-run shows the steps; --yes takes them, after a backup to backup_dir",
        )


def _migration_backups(config: SqlConfig) -> set[str]:
    """The backups that migrations have made, of pairs the manifests: the one of this migration is the new one."""
    if not os.path.isdir(config.backup_dir):
        return set()
    kind = "pair" if config.use_split_databases else APP_META
    with os.scandir(config.backup_dir) as listing:
        return {entry.path for entry in listing if entry.name.startswith(f"{kind}_before_migration_")}


def backup(args: argparse.Namespace) -> Outcome:
    """Copy the database, verified. Raises ConfigurationError where a file stands in the place of the folder."""
    config = configuration(args)
    if args.to is not None:
        config = config.replace(backup_dir=args.to)
    if os.path.exists(config.backup_dir) and not os.path.isdir(config.backup_dir):
        raise ConfigurationError(
            f"{config.backup_dir} is not a folder",
            operation="backup",
            hint="name a folder; one that is not there is made",
        )
    with existing(config, migrated=False) as service:
        backups = service.backup_databases()
    data: dict[str, Any] = {
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
    lines = [f"{shown(made.path)}  ({size(made.size_bytes)}, {made.seconds:.1f} s)" for made in backups]
    if backups[0].manifest is not None:
        data["manifest"] = backups[0].manifest
        lines.append(f"{shown(backups[0].manifest)}  (restores both)")
    return Outcome(data, "\n".join(lines))


def restore(args: argparse.Namespace) -> Outcome:
    """Restore a backup in place, or to a new file; of a pair both files. Raises UsageError for one target of two."""
    config = configuration(args)
    if config.use_split_databases != (args.events_to is not None) and (args.to, args.events_to) != (None, None):
        hint = "--to FILE --events-to FILE for a pair, --to FILE for a single file"
        raise UsageError("the targets do not fit the configured layout", hint)
    if args.events_to is not None and args.to is None:
        raise UsageError("--events-to without --to", "name both new files: --to FILE --events-to FILE")
    restored = (_restore_pair if config.use_split_databases else _restore_single)(args, config)
    data = dict(zip(restored._fields, restored, strict=True))
    pairs = [
        ("restored", restored.path),
        ("and", restored.events_path),
        ("replaced rows are in", restored.replaced or restored.events_replaced),
        ("and in", restored.events_replaced if restored.replaced else None),
        ("schema version", restored.schema_version),
        ("size", size(restored.size_bytes)),
        ("seconds", restored.seconds),
    ]
    return Outcome(data, facts(pair for pair in pairs if pair[1] is not None))


def _restore_single(args: argparse.Namespace, config: SqlConfig) -> Restored:
    path = str(config.app_db_path)
    databases = (APP_META, EVENTS)
    if args.to is not None or not os.path.exists(path):  # after a loss the backup becomes the database
        return restore_beside(args.backup, args.to or path, databases=databases)
    if lost(config):
        return replace_unopenable(args.backup, path, databases=databases)
    try:
        with existing(config, migrated=False) as service:
            return service.restore(args.backup)
    except NotADatabase:
        return replace_unopenable(args.backup, path, databases=databases)


def _restore_pair(args: argparse.Namespace, config: SqlConfig) -> Restored:
    if args.to is not None:
        return restore_pair_beside(args.backup, args.to, args.events_to)
    app_path, events_path = files_of(config)
    if len(lost(config)) == len((app_path, events_path)):
        return replace_pair(args.backup, app_path, events_path)
    try:
        with existing(config, migrated=False, for_restore=True) as service:
            return service.restore(args.backup)
    except NotADatabase:  # one of them is damaged
        return replace_pair(args.backup, app_path, events_path)
    except LayoutMismatch as error:  # one of them is lost, or they are of two pairs
        if error.operation != "open":
            raise
        try:
            return replace_pair(args.backup, app_path, events_path)
        except LayoutMismatch:  # or one is another store
            raise error from None
