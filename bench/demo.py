"""The demo: real text in, questions, backup, restore, health. `make demo`, or `python bench/demo.py [FOLDER]`.

Without a folder it takes the text that every Python carries: the language reference in pydoc_data.topics and the
sources of the standard library, written out below demo/text. Everything it makes stands in demo/. It uses what
README teaches and nothing else of ragkernel, and ends with exit code 1 where the restored copy differs.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import sysconfig
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import ragkernel
from ragkernel import SqlConfig, queries
from ragkernel.errors import SqlError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragkernel import IngestReport, Reader, SqlService

DEMO = Path(__file__).resolve().parents[1] / "demo"
# Tests, what was installed besides, and the module that holds the language reference as one long literal.
NOT_OURS = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__", "pydoc_data"}

SKIPPED_NAMED = 3  # files for each reason

seconds: dict[str, float] = {}


@contextmanager
def part(name: str) -> Iterator[None]:
    """Print the name of a part of the demo, and keep how long it took."""
    print(f"\n== {name}")
    begun = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - begun


def write_if_other(path: Path, content: bytes) -> None:
    """Write a file unless it holds this already."""
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def pythons_own_text() -> Path:
    """The folder with the language reference and the standard library's sources, as files."""
    from pydoc_data.topics import topics

    folder = DEMO / "text"
    for name, text in topics.items():
        write_if_other(folder / "language-reference" / f"{name}.txt", text.encode())
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        below = path.relative_to(library)
        if NOT_OURS.isdisjoint(below.parts):
            write_if_other(folder / "standard-library" / below, path.read_bytes())
    print(f"{sum(1 for path in folder.rglob('*') if path.is_file())} files in {folder}")
    return folder


def ingest(service: SqlService, folder: Path, kb: str) -> IngestReport:
    """Ingest and say what was done."""
    report = ragkernel.ingest(service, folder, kb=kb)
    if report.nothing_to_do:
        print(f"nothing to do: {report.unchanged} files unchanged, {report.skipped} skipped")
    else:
        print(
            f"{report.added} added, {report.changed} changed, {report.skipped} skipped, {report.chunks} chunks,"
            f" {report.size_bytes / 1e6:.1f} MB: {report.rows_per_second:,.0f} rows per second, splitting included"
        )
    for reason, count in report.reasons.items():
        named = [entry.path for entry in report.skipped_files if entry.reason == reason][:SKIPPED_NAMED]
        print(f"  skipped {count}: {reason}: {', '.join(named)}{', …' if count > len(named) else ''}")
    return report


def ask(conn: Reader, kb_id: str) -> None:
    """Some questions about a knowledge base."""
    print("the largest documents:")
    largest = queries.documents.largest(conn, kb_id=kb_id, limit=5)
    for document in largest:
        print(f"  {document.size_bytes:>9,} bytes {document.chunk_count:>5} chunks  {document.source_path}")
    if not largest:
        return
    chunks = queries.document_chunks.list_by_document_id(conn, document_id=largest[0].id)
    middle = chunks[len(chunks) // 2]
    print(f"a chunk of the largest, and its neighbours (chunk {middle.chunk_index} of {len(chunks)}):")
    for chunk in queries.document_chunks.neighbours(conn, id=middle.id, radius=1):
        titles = chunk.metadata.get("headings") if isinstance(chunk.metadata, dict) else None
        path = " / ".join(map(str, titles)) if isinstance(titles, list) and titles else "(no heading)"
        print(f"  {chunk.chunk_index:>5}  {chunk.token_count} tokens  {path[:40]:40}  {chunk.content[:40]!r}")
    print("statistics:")
    for base in queries.knowledge_bases.statistics(conn):
        print(
            f"  {base.name}: {base.status}, {base.documents} documents, {base.chunks} chunks, {base.size_bytes:,} bytes"
        )


def fingerprint(service: SqlService) -> dict[str, object]:
    """What must be equal in a restored copy: the rows of each table, and every content and its hash."""
    with service.read() as conn:
        found: dict[str, object] = {
            "knowledge_bases": queries.knowledge_bases.count(conn),
            "documents": queries.documents.count(conn),
            "chunks": queries.document_chunks.count(conn),
            "runs": queries.pipeline_runs.count(conn),
            "events": queries.events.count(conn),
        }
        digest = hashlib.sha256()
        for document in queries.documents.iterate(conn):
            digest.update(f"{document.id} {document.source_path} {document.content_hash}\n".encode())
        for chunk in queries.document_chunks.iterate(conn):
            content_hash = hashlib.sha256(chunk.content.encode()).hexdigest()
            if content_hash != chunk.content_hash:
                raise SystemExit(f"chunk {chunk.id} is not what its hash says")
            digest.update(f"{chunk.id} {content_hash}\n".encode())
        found["sha256 of all contents"] = digest.hexdigest()
    return found


def backup_and_compare(service: SqlService) -> bool:
    """Back up, restore beside, compare; whether they are equal."""
    shutil.rmtree(DEMO / "backups", ignore_errors=True)  # of an earlier demo
    for leftover in DEMO.glob("restored.db*"):
        leftover.unlink()
    (backup,) = service.backup_databases()
    print(f"backed up to {backup.path} ({backup.size_bytes / 1e6:.1f} MB in {backup.seconds:.2f} s)")
    begun = time.perf_counter()
    ours = fingerprint(service)
    rows = sum(count for count in ours.values() if isinstance(count, int))
    print(f"read and hashed: {rows / (time.perf_counter() - begun):,.0f} rows per second")
    service.restore(backup.path, to=DEMO / "restored.db")
    with ragkernel.open(DEMO / "restored.db") as restored:
        theirs = fingerprint(restored)
    for name, value in ours.items():
        print(f"  {name}: {value} {'=' if theirs[name] == value else f'DIFFERS FROM {theirs[name]}'}")
    return ours == theirs


def texts(service: SqlService, kb: str) -> list[str]:
    """The chunks of the active version, in order."""
    with service.read() as conn:
        base = queries.knowledge_bases.latest_active(conn, name=kb)
        documents = queries.documents.list_by_kb_id(conn, kb_id=base.id) if base else []
        return [
            chunk.content
            for document in sorted(documents, key=lambda document: document.source_path)
            for chunk in queries.document_chunks.list_by_document_id(conn, document_id=document.id)
        ]


def versions_and_archive(service: SqlService) -> bool:
    """Two versions of a small base, back to the first and forth, then as an archive into a pair of files; whether what
    arrives there is equal."""
    for word in ("first", "second"):
        write_if_other(DEMO / "notes" / "changes.md", f"# Changes\n\nThe {word} state.\n".encode())
        write_if_other(DEMO / "notes" / "stays.md", b"# Stays\n\nThe same in both.\n")
        ragkernel.ingest(service, DEMO / "notes", kb="notes")
    *_, before, latest = service.knowledge_bases.versions("notes")
    service.knowledge_bases.activate("notes", before.version)
    print(f"  readers see version {before.version}: {texts(service, 'notes')[0]!r}")
    service.knowledge_bases.activate("notes", latest.version)
    print(f"  readers see version {latest.version}: {texts(service, 'notes')[0]!r}")
    archive = DEMO / "notes.zip"
    archive.unlink(missing_ok=True)
    shutil.rmtree(DEMO / "pair", ignore_errors=True)
    (DEMO / "pair").mkdir()
    ragkernel.export_kb(service, "notes", archive)
    with ragkernel.open(SqlConfig.split(DEMO / "pair" / "app_meta.db", DEMO / "pair" / "events.db")) as pair:
        ragkernel.import_kb(pair, archive)
        equal = texts(pair, "notes") == texts(service, "notes")
    told = "=" if equal else "DIFFERS"
    print(f"  {archive.name}, {archive.stat().st_size:,} bytes, into app_meta.db and events.db: {told}")
    return equal


def show_health(service: SqlService) -> None:
    """Print what health_check says."""
    health = service.health_check()
    print(f"{health.status}; schema version {health.schema_version}; {health.app_db_size / 1e6:.1f} MB;")
    print(f"  {health.commits} commits, {health.checkpoints} checkpoints; last backup {health.backup_last_run}")
    for line in (*health.reasons, *health.notices):
        print(f"  {line}")


def main(arguments: list[str]) -> int:
    """Run the demo with the words of its command line; its exit code."""
    if len(arguments) > 1:
        print("usage: demo.py [FOLDER]", file=sys.stderr)
        return 2
    if arguments and not Path(arguments[0]).exists():
        print(f"there is no folder {arguments[0]!r}: SRC= names the folder of text to take", file=sys.stderr)
        return 2
    try:
        return show(Path(arguments[0]).resolve() if arguments else None)
    except SqlError as error:
        print(f"the demo FAILED: {error}", file=sys.stderr)
        return 1


def show(given: Path | None) -> int:
    """Do all parts over the folder given, or over Python's own text; the exit code."""
    DEMO.mkdir(exist_ok=True)
    begun = time.perf_counter()
    if given is not None:
        folder, kb = given, given.name
    else:
        with part("text"):
            folder = pythons_own_text()
        kb = "python"
    with ragkernel.open(DEMO / "app_meta.db") as service:
        with part("ingest"):
            report = ingest(service, folder, kb)
        with part("ingest again"):
            again = ingest(service, folder, kb)
        with part("questions"), service.read() as conn:
            ask(conn, report.kb_id)
        with part("backup, restore, compare"):
            equal = backup_and_compare(service)
        with part("versions, archive, two files"):
            arrived = versions_and_archive(service)
        with part("health"):
            show_health(service)
    print("\n== time")
    for name, took in seconds.items():
        print(f"  {name:26} {took:6.2f} s")
    print(f"  {'all':26} {time.perf_counter() - begun:6.2f} s")
    if not (equal and arrived and again.nothing_to_do):
        print("the demo FAILED", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
