"""`ragkernel.ingest`: compare a folder with the active version of a base, and build the next version where it differs.

Files are read one at a time and outside of any transaction. Nothing is written while nothing differs. With the first
difference a version is made beside the active one: changed and new files are split and stored in it, unchanged
documents are copied inside the database. Readers use the active version until the one short transaction at the end, so
they see all of the old state or all of the new one, after every end. A run that was killed leaves its version
`building`; the next run goes on with it and stores nothing twice.

One run builds a base at a time: a second one is refused while the process of the first one lives.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ragkernel.chunking import CHUNK_SIZE, RULE, settled_sizes
from ragkernel.clock import new_id
from ragkernel.core.database import is_live
from ragkernel.errors import ConfigurationError, SqlError, TransactionFailed
from ragkernel.generated import queries
from ragkernel.knowledge.bases import KEPT, check_keep
from ragkernel.knowledge.build import Build
from ragkernel.knowledge.naming import check_name
from ragkernel.knowledge.reasons import told
from ragkernel.sources import Skipped, SourceChanged, SourceFile, SourceText, find, measure, printable, read

from .copying import Copying, Former
from .report import IngestReport
from .storing import BATCH_BYTES, BATCH_DOCUMENTS, NOT_WHOLE, Document, Stored, Storing
from .terms import resumable, rule_of, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ragkernel.knowledge.build import Settings
    from ragkernel.knowledge.facts import Facts
    from ragkernel.service import SqlService

_TRIES = 3  # how often a large file that changes while it is stored is begun again

_TOLD = "A folder of text into the documents and chunks of a knowledge base"


def ingest(
    service: SqlService,
    path: str | os.PathLike[str],
    *,
    kb: str,
    globs: Iterable[str] | None = None,
    chunk_size: int | None = None,
    chunk_overlap: int | None = None,
    embedder_model: str | None = None,
    keep: int = KEPT,
    moved: bool = False,
    progress: Callable[[IngestReport], object] | None = None,
) -> IngestReport:
    """Bring the knowledge base `kb` up to date with the text files at `path`, a folder or one file.

    Where something differs from the active version, a new version is built and activated; the active one stays as it is
    until then, and afterwards as an inactive version. Where nothing does, no version is made. A document is known by
    its path below `path`, so give the same `path` each time: where another folder's document has the same path, and its
    file is still there, the new one is skipped and reported. A document of this folder whose file is gone is left out
    of the new version; one whose file is there but cannot be read, or matches no pattern now, is kept as it was.

    globs: which files, see ragkernel.sources.find. chunk_size, chunk_overlap: tokens as ragkernel.chunking counts them,
    512 and 50 for a new base (a smaller chunk_size alone: a tenth of it); embedder_model: the name that a new base
    keeps. An existing base keeps its own: other values are refused, because chunks of two sizes in one base do not
    compare. moved: the folder of this base is at `path` now: all its documents are taken for this folder's, those of
    other folders too, so those without a file here go. keep: how many complete versions stay, the active one and pinned
    ones always; older ones lose their documents at the end. progress: called after each file, and while a large one is
    stored, outside of transactions, with the report so far; an exception that it raises ends the run.

    Blocks until the run has ended. What cannot be read is skipped and reported. Raises, before anything is written,
    ConfigurationError for a wrong argument, where no file matches and where none that does is text, TransactionFailed
    inside a read or write scope, and where a living process is ingesting the same base. Any exception later on
    (FileReplaced: the database was deleted meanwhile; TransactionFailed: the version compared with was pruned) leaves
    the active version as it was, marks the run failed and the unfinished version `error` (KeyboardInterrupt: the run
    cancelled, the version `building`), and goes on; the next run continues with what was stored.
    """
    facts = service.knowledge_bases.facts
    _require_outside(service, facts)
    patterns = None if globs is None else list(globs)
    check_keep(keep)
    check(path, kb=kb, globs=patterns)
    report = IngestReport(kb_id="", kb_name=kb, run_id=new_id())
    asked = {"chunk_size": chunk_size, "chunk_overlap": chunk_overlap, "embedder_model": embedder_model}
    with Build(facts, "ingest", kb, report.run_id) as build:
        source = {"path": printable(os.fspath(path)), "globs": patterns}
        settings = build.begin(partial(settle, asked), resumable, {"description": _TOLD, "config": source})
        job = _Job(service, build, settings, report, progress, path, moved=moved)
        try:
            with service.bulk_loading():
                if build.active is None:
                    job.make_version()
                report.total_files, report.total_bytes = measure(os.fspath(path), patterns)
                job.take(find(os.fspath(path), patterns))
                job.finish()
            build.complete(job.counts(), report.metrics())
        except KeyboardInterrupt:
            build.fail("Cancelled", "interrupted", report.metrics())
            raise
        except BaseException as error:
            build.fail("Failed", told(error), report.metrics())
            raise
    with suppress(SqlError):  # the version is active; the next run prunes what this one cannot
        report.pruned = len(service.knowledge_bases.prune(kb, keep))
    return report


def _require_outside(service: SqlService, facts: Facts) -> None:
    """Refuse to run inside a scope of the calling thread."""
    if service.inside_write:
        raise TransactionFailed(
            "ingest is called inside a write transaction, which could undo what it reports",
            operation="ingest",
            hint="leave the `with service.write()` block first",
        )
    if facts.app.pool.mine() is not None:
        raise TransactionFailed(
            "ingest is called inside a read scope, which goes on seeing what was there before",
            operation="ingest",
            hint="leave the `with service.read()` block first",
        )


def check(
    path: str | os.PathLike[str],
    *,
    kb: str,
    globs: Iterable[str] | None = None,
    chunk_size: int | None = None,
    chunk_overlap: int | None = None,
) -> None:
    """Refuse what `ingest` would refuse for a new base, without a database: arguments as there.

    Reads files until one is text. Raises ConfigurationError.
    """
    check_name(kb, "ingest")
    settled_sizes(CHUNK_SIZE if chunk_size is None else chunk_size, chunk_overlap)
    patterns = None if globs is None else list(globs)
    skipped: Skipped | None = None
    count = 0
    for entry in find(os.fspath(path), patterns):
        source = read(entry, is_live) if isinstance(entry, SourceFile) else entry
        if not isinstance(source, Skipped):
            return
        if source.path == "." or not _is_folder(path, source):
            skipped = skipped or source
            count += 1
    told = printable(os.fspath(path))
    if skipped is None and patterns is None:
        message, hint = "has a name that is taken", "`ragkernel ingest --help` lists them; --glob names others"
    elif skipped is None:
        message, hint = "matches the patterns", "'*.md' matches names, 'docs/**/*.md' paths below the folder"
    else:
        others = f" and {count - 1} more" if count > 1 else ""
        message, hint = f"can be taken: {skipped.path}{others}: {skipped.reason}", _hint(skipped.reason)
    raise ConfigurationError(f"no file at {told} {message}", operation="ingest", hint=hint)


def _is_folder(path: str | os.PathLike[str], skipped: Skipped) -> bool:
    """Whether what was left out is a folder or a link to one, which is reported whatever the patterns are."""
    return skipped.reason.startswith("folder: ") or os.path.isdir(os.path.join(os.fspath(path), skipped.path))


def _hint(reason: str) -> str:
    """What to do about a file that was left out for this reason."""
    if reason.startswith(("not text", "binary")):
        return "text is UTF-8, or UTF-16 with a byte order mark"
    if reason == "symbolic link":
        return "symbolic links are not followed; name what it leads to"
    return "run it again once the file can be read, or name other files"


class _Job:
    """Reads, compares and stores for one run, and counts in its report."""

    def __init__(
        self,
        service: SqlService,
        build: Build,
        settings: Settings,
        report: IngestReport,
        progress: Callable[[IngestReport], object] | None,
        path: str | os.PathLike[str],
        *,
        moved: bool,
    ) -> None:
        real = os.path.realpath(os.fspath(path))
        self._folder = real if os.path.isdir(real) else os.path.dirname(real)
        self._root = printable(self._folder)  # as documents name it
        self._moved = moved
        self._build = build
        self._report = report
        self._progress = progress
        self._begun = time.monotonic()
        sizes = (settings.chunk_size, settings.chunk_overlap)
        self._storing = Storing(build, *sizes, report.skip, self._alive)
        rule = RULE if build.active is None else rule_of(build.active)
        self._copying = Copying(build, *sizes, rule)
        self._rule = rule
        self._batch: list[Document] = []
        self._batch_bytes = 0
        self._same: list[Former] = []  # of the active version, to be copied once there is a version to copy them to
        self._read_bytes = 0  # of the files before the present one
        self._of_file = 0  # of the present one
        # By source_path. What is left of them at the end is of files that were not met in this run, or not stored.
        self._active: dict[str, Former] = {}
        self._built: dict[str, Former] = {}
        self._stale: list[Former] = []  # what an earlier run left half stored, or twice
        if build.active is not None:
            for source_path, former in _documents(service, build.active.id):
                if source_path in self._active:  # an application has stored two of one path: the other one just goes on
                    self._same.append(former)
                else:
                    self._active[source_path] = former
        if build.unfinished is not None:
            for source_path, former in _documents(service, build.unfinished.id):
                if former.content_hash == NOT_WHOLE or source_path in self._built:
                    self._stale.append(former)
                else:
                    self._built[source_path] = former
        if build.active is not None:
            report.kb_id, report.version = build.active.id, build.active.version

    def take(self, found: Iterable[SourceFile | Skipped]) -> None:
        """Read all that was found, and store what differs."""
        report = self._report
        for entry in found:
            report.files += 1
            if isinstance(entry, SourceFile):
                self._take_file(entry)
                report.path = entry.source_path
            else:
                report.skip(entry)
                report.path = entry.path
            self._read_bytes, self._of_file = self._read_bytes + self._of_file, 0
            self._alive(0)
        self._store()

    def _take_file(self, file: SourceFile) -> None:
        for left in reversed(range(_TRIES)):
            source = read(file, is_live)
            if isinstance(source, Skipped):
                self._report.skip(source)
                return
            try:
                self._take_text(file.source_path, source)
                return
            except SourceChanged as changed:
                if not left:
                    self._report.skip(changed.skipped)

    def _take_text(self, source_path: str, source: SourceText) -> None:
        report = self._report
        self._of_file = source.size_bytes
        former = self._active.get(source_path)
        ours = former is None or self._moved or former.root in (None, self._root)
        if former is not None and not ours and not _gone(former.root, source_path):
            report.skip(Skipped(source_path, "another folder's document has this path, and is still there"))
            return
        # What another rule has split is stored again; so is one whose folder has moved, so that it names the folder
        # whose files it follows from now on.
        same = (
            former is not None
            and former.content_hash == source.content_hash
            and former.root in (None, self._root)
            and (former.rule or self._rule) == RULE
        )
        built = self._built.get(source_path)
        if built is not None and built.content_hash == source.content_hash and (same or built.root == self._root):
            report.unchanged += same  # an earlier run stored or copied it
            report.resumed += not same
            self._met(source_path)
        elif former is not None and same:
            report.unchanged += 1
            self._active.pop(source_path)
            self._same.append(former)
            if self._build.base is not None and len(self._same) >= BATCH_DOCUMENTS:
                self._copy()
        else:
            self._built.pop(source_path, None)
            document = Document(source_path, self._root, source, built, former is not None)
            if source.large:
                self._store()
                stored = self._storing.store_large(document)
                self._count_stored([] if stored is None else [stored])
                return
            self._batch.append(document)
            self._batch_bytes += source.size_bytes
            if self._batch_bytes >= BATCH_BYTES or len(self._batch) >= BATCH_DOCUMENTS:
                self._store()

    def _met(self, source_path: str) -> None:
        self._active.pop(source_path, None)
        self._built.pop(source_path, None)

    def _copy(self) -> None:
        same, self._same = self._same, []
        self._report.copied += self._copying.copy(same)

    def _store(self) -> None:
        """Store the batch in one transaction; the report counts it after the commit."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if batch:
            self._count_stored(self._storing.store(batch))

    def _count_stored(self, stored: list[Stored]) -> None:
        report = self._report
        for one in stored:
            self._met(one.document.source_path)
        report.added += sum(not one.document.changed for one in stored)
        report.changed += sum(one.document.changed for one in stored)
        report.chunks += sum(one.chunks for one in stored)
        report.tokens += sum(one.tokens for one in stored)

    def _alive(self, of_this_file: int) -> None:
        """Say that the run goes on: to other processes and to the caller. of_this_file: bytes of it that are stored."""
        report = self._report
        report.size_bytes = self._read_bytes + of_this_file
        report.seconds = time.monotonic() - self._begun
        self._build.beat()
        if self._progress is not None:
            self._progress(report)

    def finish(self) -> None:
        """Leave out the documents whose file is gone, and take the others over that no file of this run stands for.

        Gives up the version where it would equal the active one after all.
        """
        report, build = self._report, self._build
        for source_path, former in self._active.items():
            built = self._built.get(source_path)
            elsewhere = former.root not in (None, self._root) and not self._moved
            if (self._moved or former.root == self._root) and _gone(self._folder, source_path):
                report.removed += 1
                continue
            report.elsewhere += elsewhere
            if built is not None and built.content_hash == former.content_hash:
                del self._built[source_path]  # an earlier run took it over
            else:
                self._same.append(former)
        if build.active is None or report.added or report.changed or report.resumed or report.removed:
            self.make_version()
            for built in (*self._stale, *self._built.values()):
                self._storing.delete(built.id)
            self._copy()
        else:
            build.discard()  # a version in which everything that differs was refused, or was taken back meanwhile
        report.seconds = time.monotonic() - self._begun

    def make_version(self) -> None:
        """Make the version that is built, or go on with the one that an earlier run left."""
        base = self._build.version()
        self._report.kb_id, self._report.version, self._report.new_version = base.id, base.version, True

    def counts(self) -> dict[str, int]:
        """What the event of the activation tells."""
        report = self._report
        return {
            name: getattr(report, name)
            for name in ("added", "changed", "resumed", "unchanged", "removed", "skipped", "chunks")
        }


def _documents(service: SqlService, kb_id: str) -> Iterator[tuple[str, Former]]:
    """What a version holds, with each source_path: about 400 bytes of memory a document where all are kept."""
    with service.read() as conn:
        for row in queries.documents.fingerprints(conn, kb_id=kb_id):
            former = Former(row.id, row.content_hash, row.root, row.rule, row.size_bytes, row.chunk_count)
            yield row.source_path, former


def _gone(folder: str | None, source_path: str) -> bool:
    """Whether a document's file is certainly not there any more: a folder that cannot be looked into says nothing."""
    if folder is None:
        return False
    try:
        os.lstat(os.path.join(folder, source_path))
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # ValueError: a NUL in a path that an application made
        return False
    return False
