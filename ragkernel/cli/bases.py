"""`ragkernel kb`: the versions of knowledge bases, and archives of them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ragkernel
from ragkernel import archive, queries

from .output import Outcome, counted, facts, json_value, shown, size, table
from .parser import UsageError
from .progress import Interrupt, Progress
from .stores import configuration, existing

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from ragkernel import SqlService
    from ragkernel.knowledge.bases import Version


def kb(args: argparse.Namespace) -> Outcome:
    """Run one of the commands below `kb`."""
    action: Callable[[argparse.Namespace], Outcome] = _ACTIONS[args.action]
    return action(args)


def _list(args: argparse.Namespace) -> Outcome:
    with existing(configuration(args)) as service:
        bases = [_summary(versions) for versions in _every(service)]
    rows = [
        (
            base["name"],
            base["active"],
            ", ".join(map(str, base["kept"])),
            ", ".join(map(str, base["pinned"])) or None,
            base["documents"],
            base["chunks"],
            size(base["size_bytes"]),
            base["updated_at"],
        )
        for base in bases
    ]
    headings = ("knowledge base", "active", "kept", "pinned", "documents", "chunks", "text", "updated")
    if not rows:
        return Outcome({"items": []}, "", notes=("there is no knowledge base",))
    return Outcome({"items": [_json(base) for base in bases]}, table(headings, rows))


def _every(service: SqlService) -> list[list[Version]]:
    """The versions of each base, by name, all of one moment."""
    with service.read() as conn:
        names = {base.name for base in queries.knowledge_bases.list_all(conn)}
        return [service.knowledge_bases.versions(name) for name in sorted(names)]


def _summary(versions: list[Version]) -> dict[str, Any]:
    """One line about a base. documents, chunks, size_bytes: of the active version, None or 0 where there is none."""
    active = next((version for version in reversed(versions) if version.status == "active"), None)
    return {
        "name": versions[0].name,
        "active": active.version if active else None,
        "kept": [one.version for one in versions if one.status in ("active", "inactive") and one.pruned_at is None],
        "pinned": [one.version for one in versions if one.pinned],
        "documents": active.documents if active else 0,
        "chunks": active.chunks if active else 0,
        "size_bytes": active.size_bytes if active else 0,
        "updated_at": max(version.updated_at for version in versions),
    }


def _versions(args: argparse.Namespace) -> Outcome:
    with existing(configuration(args)) as service:
        versions = service.knowledge_bases.versions(args.name)
    headings = ("version", "status", "pinned", "pruned_at", "documents", "chunks", "size_bytes", "updated_at", "id")
    rows = [
        (
            *(one.version, one.status, "yes" if one.pinned else None, one.pruned_at, one.documents, one.chunks),
            *(size(one.size_bytes), one.updated_at, one.id),
        )
        for one in versions
    ]
    told = table([name.replace("_", " ").replace("size bytes", "text") for name in headings], rows)
    return Outcome({"name": args.name, "items": [_json(one._asdict()) for one in versions]}, told)


def _activate(args: argparse.Namespace) -> Outcome:
    with existing(configuration(args)) as service:
        version = service.knowledge_bases.activate(args.name, args.number)
    return _one(version, "is active")


def _pin(args: argparse.Namespace) -> Outcome:
    with existing(configuration(args)) as service:
        version = service.knowledge_bases.pin(args.name, args.number)
    return _one(version, "is pinned: nothing prunes it")


def _unpin(args: argparse.Namespace) -> Outcome:
    with existing(configuration(args)) as service:
        version = service.knowledge_bases.unpin(args.name, args.number)
    return _one(version, "is not pinned")


def _one(version: Version, told: str) -> Outcome:
    """The outcome of a change of one version."""
    return Outcome(_json(version._asdict()), f"{shown(version.name)}: version {version.version} {told}")


def _prune(args: argparse.Namespace) -> Outcome:
    keep = {} if args.keep is None else {"keep": args.keep}
    with existing(configuration(args)) as service:
        pruned = service.knowledge_bases.prune(args.name, **keep)
    which = f"documents of version {', '.join(map(str, pruned))} removed" if pruned else "nothing to prune"
    return Outcome({"name": args.name, "pruned": pruned}, f"{shown(args.name)}: {which}")


def _remove(args: argparse.Namespace) -> Outcome:
    with existing(configuration(args)) as service:
        if not args.yes:
            raise _would_remove(service.knowledge_bases.versions(args.name))
        removed = service.knowledge_bases.remove(args.name)
    told = f"{_holdings(removed.versions, removed.documents, removed.chunks)} removed"
    return Outcome(_json(removed._asdict()), f"{shown(removed.name)}: {told}")


def _would_remove(versions: list[Version]) -> UsageError:
    documents, chunks = sum(one.documents for one in versions), sum(one.chunks for one in versions)
    held = _holdings(len(versions), documents, chunks)
    return UsageError(f"this would remove {versions[0].name!r}: {held}", "--yes removes them; `kb export` keeps a copy")


def _holdings(versions: int, documents: int, chunks: int) -> str:
    return f"{counted(versions, 'version')}, {counted(documents, 'document')}, {counted(chunks, 'chunk')}"


def _export(args: argparse.Namespace) -> Outcome:
    with existing(configuration(args)) as service, _watched(args, "no file was written") as look:
        done = ragkernel.export_kb(service, args.name, args.file, version=args.number, progress=look)
    told = [
        ("exported", done.path),
        ("knowledge base", f"{done.name}, version {done.version}"),
        *(("documents", done.documents), ("chunks", done.chunks)),
        *(("size", size(done.size_bytes)), ("seconds", done.seconds)),
    ]
    return Outcome(_json(done._asdict()), facts(told))


def _import(args: argparse.Namespace) -> Outcome:
    config = configuration(args)
    if not os.path.exists(config.app_db_path):  # what is refused must not leave a new database behind
        archive.check(args.file, name=args.name)
    with ragkernel.open(config.app_db_path, config) as service, _watched(args, "the base is as it was") as look:
        done = ragkernel.import_kb(service, args.file, name=args.name, progress=look)
    told = [
        ("imported", f"{done.name}, version {done.version}, is active"),
        *(("documents", done.documents), ("chunks", done.chunks)),
        *([("pruned", f"version {', '.join(map(str, done.pruned))}")] if done.pruned else []),
        ("seconds", done.seconds),
    ]
    return Outcome(_json(done._asdict()), facts(told))


@contextmanager
def _watched(args: argparse.Namespace, otherwise: str) -> Iterator[Callable[[str, int, int], None]]:
    """The callback of a long job: it shows how far the job is, and ends it on Ctrl-C, after which `otherwise` holds,
    or what the job itself says."""
    line = Progress()

    def look(step: str, done: int, total: int) -> None:
        if not getattr(args, "json", False):
            line.show_rows(step, done, total)
        interrupt.check()

    with Interrupt("soon") as interrupt:
        try:
            yield look
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(f"interrupted; {stop if stop.args else otherwise}") from None
        finally:
            line.clear()


def _json(values: dict[str, Any]) -> dict[str, Any]:
    return {name: json_value(value) for name, value in values.items()}


_ACTIONS: dict[str, Callable[[argparse.Namespace], Outcome]] = {
    "list": _list,
    "versions": _versions,
    "activate": _activate,
    "pin": _pin,
    "unpin": _unpin,
    "prune": _prune,
    "remove": _remove,
    "export": _export,
    "import": _import,
}
