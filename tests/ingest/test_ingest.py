"""ragkernel.ingest over real files: what is stored, what a second run does, and what is left after every end."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import models, queries
from ragkernel.chunking import count_tokens
from ragkernel.errors import ConfigurationError, TransactionFailed
from ragkernel.ingestion import job
from ragkernel.knowledge import owner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ragkernel import IngestReport, SqlService

GUIDE = "# Guide\n\nWelcome here.\n\n## Setup\n\n" + "Install it and run it. " * 40 + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a guide, notes and code."""
    made = tmp_path / "text"
    (made / "code").mkdir(parents=True)
    (made / "guide.md").write_text(GUIDE)
    (made / "notes.txt").write_text("Only a note.\n")
    (made / "code" / "tool.py").write_text("import os\n\n\ndef run():\n    return os.name\n")
    return made


def documents(service: SqlService, kb_id: str) -> dict[str, models.Document]:
    with service.read() as conn:
        return {row.source_path: row for row in queries.documents.list_by_kb_id(conn, kb_id=kb_id)}


def chunks(service: SqlService, document_id: str) -> list[models.DocumentChunk]:
    with service.read() as conn:
        return queries.document_chunks.list_by_document_id(conn, document_id=document_id)


def last_run(service: SqlService, report_or_kb: str) -> models.PipelineRun:
    with service.read() as conn:
        return max(queries.pipeline_runs.list_by_kb_id(conn, kb_id=report_or_kb), key=lambda run: run.id)


def base_named(service: SqlService, name: str) -> models.KnowledgeBase:
    """The newest version of a base."""
    with service.read() as conn:
        return max(queries.knowledge_bases.list_by_name(conn, name=name), key=lambda base: base.version)


def raising(error: BaseException, after: int = 1) -> Callable[[IngestReport], None]:
    def progress(report: IngestReport) -> None:
        if report.files >= after:
            raise error

    return progress


def test_a_folder_becomes_documents_and_chunks(service: SqlService, folder: Path) -> None:
    """Each file is a document with the hash of its bytes, each chunk the text at its offsets with its own hash."""
    report = ragkernel.ingest(service, folder, kb="handbook", chunk_size=40, chunk_overlap=5)
    assert (report.added, report.changed, report.unchanged, report.skipped, report.files) == (3, 0, 0, 0, 3)
    found = documents(service, report.kb_id)
    assert list(found) == ["guide.md", "notes.txt", "code/tool.py"]
    assert [row.title for row in found.values()] == ["Guide", "notes.txt", "code/tool.py"]
    for source_path, row in found.items():
        content = (folder / source_path).read_bytes()
        assert row.content_hash == hashlib.sha256(content).hexdigest()
        assert row.size_bytes == len(content)
        rows = chunks(service, row.id)
        assert [chunk.chunk_index for chunk in rows] == list(range(row.chunk_count))
        tokens = 0
        for chunk in rows:
            assert isinstance(chunk.metadata, dict)
            place: dict[str, Any] = chunk.metadata
            assert chunk.content == content.decode()[place["start"] : place["end"]]
            assert chunk.content_hash == hashlib.sha256(chunk.content.encode()).hexdigest()
            assert chunk.token_count == count_tokens(chunk.content)
            assert chunk.kb_id == report.kb_id
            tokens += count_tokens(chunk.content) - place["overlap"]
        assert tokens == count_tokens(content.decode())
    last = chunks(service, found["guide.md"].id)[-1].metadata
    assert isinstance(last, dict)
    assert last["headings"] == ["Guide", "Setup"]
    assert report.chunks == sum(row.chunk_count for row in found.values())
    metadata = found["guide.md"].metadata
    assert isinstance(metadata, dict)
    assert {name: metadata[name] for name in ("language", "encoding", "characters")} == {
        "language": "markdown",
        "encoding": "utf-8",
        "characters": len(GUIDE),
    }


def test_a_run_tracks_itself(service: SqlService, folder: Path) -> None:
    """The base is active, the run completed with its metrics below the pipeline ingest:NAME, and events tell it all."""
    report = ragkernel.ingest(service, folder, kb="handbook")
    base, run = base_named(service, "handbook"), last_run(service, report.kb_id)
    assert (base.status, base.chunk_size, base.chunk_overlap) == ("active", 512, 50)
    assert (run.id, run.status, run.error_message) == (report.run_id, "completed", None)
    assert run.started_at is not None
    assert run.completed_at is not None
    assert run.started_at <= run.completed_at
    assert run.metrics == report.metrics()
    with service.read() as conn:
        pipeline = queries.pipelines.get_by_name(conn, name="ingest:handbook")
    assert pipeline is not None
    assert pipeline.id == run.pipeline_id
    of_base = service.events.read(("knowledge_base", base.id))
    assert [event.event_type for event in of_base] == [
        "KnowledgeBaseCreated",
        "KnowledgeBaseActivated",
    ]
    told = of_base[1].event_data
    assert isinstance(told, dict)
    assert (told["added"], told["changed"], told["chunks"]) == (3, 0, report.chunks)
    of_run = service.events.read(("pipeline_run", run.id))
    assert [event.event_type for event in of_run] == ["PipelineRunStarted", "PipelineRunCompleted"]


def test_a_second_run_finds_nothing_to_do(service: SqlService, folder: Path) -> None:
    """Unchanged files are not stored again: every row is as it was, chunk ids included."""
    first = ragkernel.ingest(service, folder, kb="handbook")
    before = documents(service, first.kb_id)
    kept = {row.id: chunks(service, row.id) for row in before.values()}
    os.utime(folder / "guide.md", (1, 1))  # the time alone is no change
    second = ragkernel.ingest(service, folder, kb="handbook")
    assert second.nothing_to_do
    assert (second.unchanged, second.chunks, second.kb_id) == (3, 0, first.kb_id)
    assert documents(service, first.kb_id) == before
    assert {row.id: chunks(service, row.id) for row in before.values()} == kept


def test_a_changed_file_is_replaced_in_the_next_version(service: SqlService, folder: Path) -> None:
    """A changed file makes a version with its new state; the version before stays as it was, but inactive."""
    first = ragkernel.ingest(service, folder, kb="handbook", chunk_size=20, chunk_overlap=0)
    before = documents(service, first.kb_id)
    (folder / "guide.md").write_text("# New\n\nShort.\n")
    second = ragkernel.ingest(service, folder, kb="handbook")
    assert (second.added, second.changed, second.unchanged, second.copied) == (0, 1, 2, 2)
    assert (first.version, second.version, second.new_version) == (1, 2, True)
    assert documents(service, first.kb_id) == before
    after = documents(service, second.kb_id)
    assert [chunk.content for chunk in chunks(service, after["guide.md"].id)] == ["# New\n\nShort."]
    assert [(row.version, row.status) for row in service.knowledge_bases.versions("handbook")] == [
        (1, "inactive"),
        (2, "active"),
    ]


def test_a_reader_sees_the_old_version_or_the_new_one(service: SqlService, folder: Path) -> None:
    """Beside runs that change both files again and again, each snapshot holds one whole version: never a mixture.

    reader:  | snapshot: active version, its documents and chunks | snapshot … | (goes on until the writer is done)
    writer:  | build version 2 | activate | build version 3 | activate | … |
    """
    names = ("guide.md", "notes.txt")

    def write(word: str, count: int) -> None:
        for name in names:
            (folder / name).write_text(f"{word} " * count)

    write("one", 300)
    ragkernel.ingest(service, folder, kb="handbook", chunk_size=10, chunk_overlap=0)
    done, started = threading.Event(), threading.Event()
    seen: list[tuple[str, ...]] = []

    def look() -> None:
        while not done.is_set():
            with service.read() as conn:
                base = queries.knowledge_bases.latest_active(conn, name="handbook")
                assert base is not None
                found = queries.documents.list_by_kb_id(conn, kb_id=base.id)
                parts = queries.document_chunks.list_by_kb_id(conn, kb_id=base.id)
            assert len(found) == 3
            assert sum(row.chunk_count for row in found) == len(parts)
            texts = {part.content.split()[0] for part in parts} - {"import", "def"}
            seen.append((str(len(parts)), *texts))
            started.set()

    reader = threading.Thread(target=look)
    reader.start()
    try:
        assert started.wait(30)
        for word, count in (("two", 500), ("one", 300)) * 10:
            write(word, count)
            ragkernel.ingest(service, folder, kb="handbook")
    finally:
        done.set()
        reader.join()
    code = 2
    assert set(seen) <= {(str(60 + code), "one"), (str(100 + code), "two")}


def test_other_sizes_than_the_bases_are_refused(service: SqlService, folder: Path) -> None:
    """chunk_size, chunk_overlap and embedder_model of an existing base cannot change, and nothing is written."""
    report = ragkernel.ingest(service, folder, kb="handbook", chunk_size=40, chunk_overlap=5, embedder_model="m")
    for other in ({"chunk_size": 50}, {"chunk_overlap": 6}, {"embedder_model": "n"}):
        with pytest.raises(ConfigurationError, match=next(iter(other))):
            ragkernel.ingest(service, folder, kb="handbook", **other)
    assert last_run(service, report.kb_id).id == report.run_id
    assert ragkernel.ingest(service, folder, kb="handbook", chunk_size=40, chunk_overlap=5).nothing_to_do


@pytest.mark.parametrize(
    "wrong",
    [
        {"kb": ""},
        {"kb": "two\nlines"},
        {"kb": "x" * 201},
        {"chunk_size": 0},
        {"chunk_size": -1},
        {"chunk_overlap": 512},
        {"chunk_size": 10, "chunk_overlap": 10},
        {"globs": ["*.nothing"]},
        {"globs": [""]},
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(
    service: SqlService, folder: Path, wrong: dict[str, Any]
) -> None:
    """A wrong name, size or pattern, and a folder without matching files, leave no base and no run."""
    with pytest.raises(ConfigurationError):
        ragkernel.ingest(service, folder, **{"kb": "handbook", **wrong})
    with pytest.raises(ConfigurationError, match="nowhere"):
        ragkernel.ingest(service, folder / "nowhere", kb="handbook")
    with service.read() as conn:
        assert queries.knowledge_bases.count(conn) == queries.pipelines.count(conn) == 0
        assert queries.pipeline_runs.count(conn) == queries.events.count(conn) == 0


def test_what_cannot_be_read_is_skipped_and_counted(service: SqlService, folder: Path) -> None:
    """Binary files and links are skipped with their reasons, in the report and in the run's metrics."""
    (folder / "binary.txt").write_bytes(b"\0\1\2")
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    (folder / "link.md").symlink_to("guide.md")
    report = ragkernel.ingest(service, folder, kb="handbook")
    assert (report.added, report.skipped) == (3, 3)
    reasons = {"binary: it holds a NUL byte": 1, "not text: it is not UTF-8": 1, "symbolic link": 1}
    assert report.reasons == reasons
    assert [entry.path for entry in report.skipped_files] == ["binary.txt", "latin.txt", "link.md"]
    metrics = last_run(service, report.kb_id).metrics
    assert isinstance(metrics, dict)
    assert metrics["reasons"] == reasons


def test_an_empty_file_is_a_document_without_chunks(service: SqlService, tmp_path: Path) -> None:
    """A file without tokens is stored, so that the next run knows it."""
    (tmp_path / "empty.md").write_text("")
    report = ragkernel.ingest(service, tmp_path / "empty.md", kb="handbook")
    assert documents(service, report.kb_id)["empty.md"].chunk_count == 0
    assert ragkernel.ingest(service, tmp_path / "empty.md", kb="handbook").unchanged == 1


def test_a_refused_document_takes_no_other_with_it(service: SqlService, folder: Path) -> None:
    """A document that the database refuses is skipped with the reason; those of the same batch are stored whole."""
    with service.write() as conn:  # an application's own rule
        conn.execute(
            "CREATE TRIGGER no_notes BEFORE INSERT ON document_chunks WHEN NEW.content LIKE '%note%'"
            " BEGIN SELECT RAISE(ABORT, 'no notes'); END"
        )
    report = ragkernel.ingest(service, folder, kb="handbook")
    assert (report.added, report.skipped) == (2, 1)
    assert [entry.path for entry in report.skipped_files] == ["notes.txt"]
    assert "note." not in report.skipped_files[0].reason
    assert set(documents(service, report.kb_id)) == {"guide.md", "code/tool.py"}
    assert base_named(service, "handbook").status == "active"


def test_a_failure_marks_the_run_and_an_unfinished_base(service: SqlService, folder: Path) -> None:
    """An exception leaves the run failed, without a word of the texts, and a new base in error until the next run."""
    with pytest.raises(ValueError):
        ragkernel.ingest(service, folder, kb="handbook", progress=raising(ValueError(GUIDE)))
    base = base_named(service, "handbook")
    run = last_run(service, base.id)
    assert (base.status, run.status, run.error_message) == ("error", "failed", "ValueError")
    events = service.events.read(("knowledge_base", base.id))
    assert [event.event_type for event in events] == ["KnowledgeBaseCreated", "KnowledgeBaseFailed"]
    report = ragkernel.ingest(service, folder, kb="handbook")
    assert (report.kb_id, report.added, base_named(service, "handbook").status) == (base.id, 3, "active")


def test_a_failure_leaves_an_active_base_active(service: SqlService, folder: Path) -> None:
    """A base that was complete stays readable when a later run fails."""
    report = ragkernel.ingest(service, folder, kb="handbook")
    with pytest.raises(OSError):
        ragkernel.ingest(service, folder, kb="handbook", progress=raising(OSError(28, "No space left on device")))
    assert base_named(service, "handbook").status == "active"
    assert last_run(service, report.kb_id).error_message == "OSError: No space left on device"


def test_an_interrupted_run_is_cancelled_and_the_next_goes_on(
    service: SqlService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KeyboardInterrupt leaves what was stored, the run cancelled and a new base building; the next run finishes."""
    monkeypatch.setattr(job, "BATCH_DOCUMENTS", 1)  # a transaction for each document
    with pytest.raises(KeyboardInterrupt):
        ragkernel.ingest(service, folder, kb="handbook", progress=raising(KeyboardInterrupt(), after=2))
    base = base_named(service, "handbook")
    run = last_run(service, base.id)
    assert (base.status, run.status, run.error_message) == ("building", "cancelled", "interrupted")
    assert list(documents(service, base.id)) == ["guide.md", "notes.txt"]
    report = ragkernel.ingest(service, folder, kb="handbook")
    assert (report.resumed, report.added, report.kb_id) == (2, 1, base.id)
    assert base_named(service, "handbook").status == "active"


def test_a_later_run_takes_over(service: SqlService, folder: Path) -> None:
    """A run of a process that cannot be seen from here is failed when another one of its base begins, stores nothing
    more, and no file becomes two documents.

    first run:   | begin | read guide.md                      | store → TransactionFailed
    second run:                          | begin, store, end |
    """
    inner: list[IngestReport] = []

    def overtake(report: IngestReport) -> None:
        if not inner:
            inner.append(report)
            with service.write() as conn:
                elsewhere: dict[str, Any] = {"pid": 1, "host": "another machine"}
                queries.pipeline_runs.update(conn, id=report.run_id, metrics={"owner": elsewhere})
            inner.append(ragkernel.ingest(service, folder, kb="handbook"))

    with pytest.raises(TransactionFailed, match="took over"):
        ragkernel.ingest(service, folder, kb="handbook", progress=overtake)
    first, second = inner
    with service.read() as conn:
        runs = {run.id: run for run in queries.pipeline_runs.list_by_kb_id(conn, kb_id=first.kb_id)}
        assert queries.documents.count(conn) == 3
    assert (runs[first.run_id].status, runs[second.run_id].status) == ("failed", "completed")
    assert runs[first.run_id].error_message == "a later run of this base took over"
    assert base_named(service, "handbook").status == "active"


def test_a_living_run_is_not_overtaken(service: SqlService, folder: Path) -> None:
    """A second run of the same base in this process is refused by name, and a run that is not in progress is given up.

    first run:   | begin | read guide.md …                | store, end |
    second run:                  | begin → TransactionFailed |
    """

    def overtake(report: IngestReport) -> None:
        with pytest.raises(TransactionFailed, match=rf"process {os.getpid()} is building 'handbook' .*{report.run_id}"):
            ragkernel.ingest(service, folder, kb="handbook")
        assert ragkernel.ingest(service, folder, kb=f"other {report.files}").added == 3

    report = ragkernel.ingest(service, folder, kb="handbook", progress=overtake)
    assert (report.added, last_run(service, report.kb_id).status) == (3, "completed")
    with service.write() as conn:  # as if its end could not be written
        owned: dict[str, Any] = {"owner": owner.this_process()}
        queries.pipeline_runs.update(conn, id=report.run_id, status="running", metrics=owned)
    assert ragkernel.ingest(service, folder, kb="handbook").nothing_to_do
    with service.read() as reader:
        given_up = queries.pipeline_runs.get(reader, id=report.run_id)
    assert given_up is not None
    assert given_up.status == "failed"


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "alive"),
        ({"host": "another"}, "unknown"),
        ({"pids": "pid:[1]"}, "unknown"),
        ({"boot": "an earlier one"}, "gone"),
        ({"started": "1"}, "gone"),
        ({"pid": 2**22 + 1}, "gone"),
        ({"pid": 2**70}, "gone"),
        ({"pid": 0}, "unknown"),
        ({"pid": -1}, "unknown"),
        ({"pid": "1"}, "unknown"),
    ],
)
def test_an_owner_is_known_by_more_than_its_number(changes: dict[str, Any], state: str) -> None:
    """Another start, boot or machine is another process, though its id is the same; a wrong id is nobody's."""
    owner.enter("run")
    try:
        assert owner.state("run", {"owner": {**owner.this_process(), **changes}}) == state
    finally:
        owner.leave("run")
    assert owner.state("run", {"owner": owner.this_process()}) == "gone"
    nobody: tuple[Any, ...] = (None, [], {}, {"owner": None}, {"owner": {}})
    for metrics in nobody:
        assert owner.state("run", metrics) == "unknown"


def test_the_overlap_follows_the_size(service: SqlService, folder: Path) -> None:
    """A new base without an overlap has a tenth of its size, 50 at most."""
    for size, overlap in ((40, 4), (5, 0), (1, 0), (512, 50), (2000, 50)):
        ragkernel.ingest(service, folder, kb=f"of {size}", chunk_size=size)
        assert base_named(service, f"of {size}").chunk_overlap == overlap


def test_a_folder_without_any_text_makes_no_base(service: SqlService, folder: Path) -> None:
    """Where every file is skipped that is refused, naming the first; nothing is written, and a base that is there
    stays as it is."""
    (folder / "binary").mkdir()
    (folder / "binary" / "a.txt").write_bytes(b"\0")
    (folder / "binary" / "b.txt").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match=r"can be taken: a\.txt and 1 more: binary: it holds a NUL byte"):
        ragkernel.ingest(service, folder / "binary", kb="handbook")
    with service.read() as conn:
        assert queries.knowledge_bases.count(conn) == queries.pipelines.count(conn) == 0
        assert queries.pipeline_runs.count(conn) == queries.events.count(conn) == 0


def test_memory_does_not_grow_with_the_folder(
    service: SqlService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most a batch of texts is held at a time, whatever the folder holds."""
    import tracemalloc

    monkeypatch.setattr(job, "BATCH_BYTES", 20_000)
    (tmp_path / "many").mkdir()
    for number in range(40):
        (tmp_path / "many" / f"{number:02}.txt").write_text(f"{number:02} words of a text\n" * 1000)
    ragkernel.ingest(service, tmp_path / "many" / "00.txt", kb="warm")
    tracemalloc.start()
    try:
        report = ragkernel.ingest(service, tmp_path / "many", kb="many")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.size_bytes > 700_000
    assert peak < report.size_bytes // 2, peak
