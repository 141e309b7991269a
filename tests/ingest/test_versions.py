"""Versions of a knowledge base as ingest builds them: what makes one, what it holds, what is kept."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import models, queries
from ragkernel.clock import sql_timestamp, utc_now
from ragkernel.errors import ConfigurationError, TransactionFailed
from ragkernel.ingestion import copying, job, storing
from ragkernel.knowledge import running
from ragkernel.sources import reading

if TYPE_CHECKING:
    from pathlib import Path

    from ragkernel import SqlService


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three texts, one of them in a folder of its own."""
    made = tmp_path / "text"
    (made / "deep").mkdir(parents=True)
    for name in ("one.md", "two.md", "deep/three.md"):
        (made / name).write_text(f"# {name}\n\n" + "some words " * 50)
    return made


def documents(service: SqlService, kb_id: str) -> dict[str, models.Document]:
    with service.read() as conn:
        return {row.source_path: row for row in queries.documents.list_by_kb_id(conn, kb_id=kb_id)}


def chunks(service: SqlService, document_id: str) -> list[models.DocumentChunk]:
    with service.read() as conn:
        return queries.document_chunks.list_by_document_id(conn, document_id=document_id)


def states(service: SqlService, name: str = "x") -> list[tuple[int, str, int]]:
    return [(row.version, row.status, row.documents) for row in service.knowledge_bases.versions(name)]


def test_a_vanished_file_is_left_out_of_the_next_version(service: SqlService, folder: Path) -> None:
    """A document whose file is gone is in the old version and not in the new one; the others are copied."""
    first = ragkernel.ingest(service, folder, kb="x")
    (folder / "two.md").unlink()
    second = ragkernel.ingest(service, folder, kb="x")
    assert (second.removed, second.copied, second.unchanged, second.changed) == (1, 2, 2, 0)
    assert set(documents(service, first.kb_id)) == {"one.md", "two.md", "deep/three.md"}
    assert set(documents(service, second.kb_id)) == {"one.md", "deep/three.md"}


@pytest.mark.parametrize("transaction_bytes", [10**7, 2000], ids=["many in one", "one in many"])
def test_a_copy_has_the_same_content_and_new_ids(
    service: SqlService, folder: Path, monkeypatch: pytest.MonkeyPatch, transaction_bytes: int
) -> None:
    """What is copied is equal in every column but its ids and versions, the moments of creation included; ids of chunks
    are UUIDv7 of the moment of the copy. A document above TRANSACTION_BYTES is copied in many transactions."""
    monkeypatch.setattr(copying, "TRANSACTION_BYTES", transaction_bytes)
    monkeypatch.setattr(copying, "BATCH_CHUNKS", 3)
    first = ragkernel.ingest(service, folder, kb="x", chunk_size=10, chunk_overlap=2)
    (folder / "one.md").write_text("other")
    began = ragkernel.new_id()
    second = ragkernel.ingest(service, folder, kb="x")
    ended = ragkernel.new_id()
    old, new = documents(service, first.kb_id)["two.md"], documents(service, second.kb_id)["two.md"]
    skip = {"id", "kb_id"}
    names = [name for name in models.Document.__match_args__ if name not in skip]
    assert [getattr(new, name) for name in names] == [getattr(old, name) for name in names]
    assert (new.id != old.id, new.kb_id) == (True, second.kb_id)
    before, after = chunks(service, old.id), chunks(service, new.id)
    columns = [name for name in models.DocumentChunk.__match_args__ if name not in {*skip, "document_id"}]
    assert len(after) > 5
    for one, other in zip(before, after, strict=True):
        assert [getattr(other, name) for name in columns] == [getattr(one, name) for name in columns]
        assert (other.document_id, other.kb_id) == (new.id, second.kb_id)
        assert (len(other.id), other.id[14], other.id[19] in "89ab") == (36, "7", True)
        assert began[:13] <= other.id[:13] <= ended[:13]
    assert len({chunk.id for chunk in (*before, *after)}) == 2 * len(before)


def test_what_cannot_be_read_now_is_kept(service: SqlService, folder: Path) -> None:
    """A file that is there, but cannot be taken, keeps the document that was stored of it: only a missing file says
    that the document is to go."""
    first = ragkernel.ingest(service, folder, kb="x")
    (folder / "one.md").write_bytes(b"\0binary")
    (folder / "two.md").write_text("new")
    second = ragkernel.ingest(service, folder, kb="x")
    assert (second.skipped, second.changed, second.removed) == (1, 1, 0)
    assert (
        documents(service, second.kb_id)["one.md"].content_hash
        == documents(service, first.kb_id)["one.md"].content_hash
    )


def test_patterns_take_nothing_away(service: SqlService, folder: Path) -> None:
    """A run with other patterns, or over one file, adds and replaces; documents of other files stay."""
    ragkernel.ingest(service, folder, kb="x", globs=["*.md"])
    (folder / "note.txt").write_text("note")
    second = ragkernel.ingest(service, folder, kb="x", globs=["*.txt"])
    assert (second.added, second.removed) == (1, 0)
    (folder / "two.md").write_text("new")
    third = ragkernel.ingest(service, folder / "two.md", kb="x")
    assert (third.changed, third.removed) == (1, 0)
    assert set(documents(service, third.kb_id)) == {"one.md", "two.md", "deep/three.md", "note.txt"}


def test_a_folder_that_cannot_be_looked_into_takes_nothing_away(service: SqlService, folder: Path) -> None:
    """Where a part of the folder was replaced by a file, its documents are gone; where nobody can tell, they stay."""
    ragkernel.ingest(service, folder, kb="x")
    assert job._gone(str(folder), "deep/three.md") is False
    assert job._gone(str(folder), "deep/four.md") is True
    assert job._gone(str(folder), "one.md/four.md") is True
    assert job._gone(str(folder), "a" * 300) is False  # ENAMETOOLONG: an error that says nothing
    assert job._gone(None, "one.md") is False


def test_nothing_changed_makes_no_version(service: SqlService, folder: Path) -> None:
    """A run that finds nothing different leaves every row but its own run as it was."""
    first = ragkernel.ingest(service, folder, kb="x")
    before = documents(service, first.kb_id)
    second = ragkernel.ingest(service, folder, kb="x")
    assert (second.nothing_to_do, second.new_version, second.version, second.kb_id) == (True, False, 1, first.kb_id)
    assert documents(service, first.kb_id) == before
    assert states(service) == [(1, "active", 3)]


def test_keep_prunes_older_versions(service: SqlService, folder: Path) -> None:
    """The newest `keep` complete versions stay, and pinned ones; the others are rows without documents."""
    for number in range(1, 6):
        (folder / "one.md").write_text(f"number {number}")
        report = ragkernel.ingest(service, folder, kb="x", keep=2)
        if number == 2:
            service.knowledge_bases.pin("x", 2)
    assert report.pruned == 1
    assert states(service) == [
        (1, "inactive", 0),
        (2, "inactive", 3),
        (3, "inactive", 0),
        (4, "inactive", 3),
        (5, "active", 3),
    ]
    pruned = [row.version for row in service.knowledge_bases.versions("x") if row.pruned_at is not None]
    assert pruned == [1, 3]
    with service.read() as conn:
        assert queries.document_chunks.count(conn) == sum(row.chunks for row in service.knowledge_bases.versions("x"))


@pytest.mark.parametrize("keep", [0, -1, True, 1.5])
def test_a_wrong_keep_is_refused(service: SqlService, folder: Path, keep: Any) -> None:
    """A number of versions below 1, or none, is refused before anything is written."""
    with pytest.raises(ConfigurationError, match="keep is"):
        ragkernel.ingest(service, folder, kb="x", keep=keep)
    with service.read() as conn:
        assert queries.pipeline_runs.count(conn) == 0


def test_the_active_version_is_the_one_to_compare_with(service: SqlService, folder: Path) -> None:
    """After a person has gone back to an older version, the next run builds from that one."""
    ragkernel.ingest(service, folder, kb="x")
    (folder / "one.md").write_text("second")
    ragkernel.ingest(service, folder, kb="x")
    service.knowledge_bases.activate("x", 1)
    report = ragkernel.ingest(service, folder, kb="x", keep=3)
    assert (report.version, report.changed, report.copied) == (3, 1, 2)
    assert states(service) == [(1, "inactive", 3), (2, "inactive", 3), (3, "active", 3)]


def test_a_document_that_is_always_refused_makes_no_versions(service: SqlService, folder: Path) -> None:
    """Where everything that differs is refused by the database, the version is given up, and the active one stays."""
    ragkernel.ingest(service, folder, kb="x")
    with service.write() as conn:
        conn.execute(
            "CREATE TRIGGER no BEFORE INSERT ON document_chunks WHEN NEW.content = 'no'"
            " BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    (folder / "one.md").write_text("no")
    report = ragkernel.ingest(service, folder, kb="x")
    assert (report.version, report.new_version, report.skipped) == (1, False, 1)
    assert [state for state in states(service) if state[2]] == [(1, "active", 3)]
    (folder / "two.md").write_text("new")
    report = ragkernel.ingest(service, folder, kb="x")
    assert (report.skipped, report.changed) == (1, 1)
    held = documents(service, report.kb_id)
    assert set(held) == {"one.md", "two.md", "deep/three.md"}
    assert held["one.md"].title == "one.md"  # as it was before


def test_what_was_taken_back_meanwhile_ends_the_unfinished_version(
    service: SqlService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an interrupted run had stored a change that is undone by then, nothing differs: its version is given up."""
    ragkernel.ingest(service, folder, kb="x")
    was = (folder / "one.md").read_text()
    (folder / "one.md").write_text("changed")
    monkeypatch.setattr(job, "BATCH_DOCUMENTS", 1)

    def stop(report: Any) -> None:
        if report.changed:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ragkernel.ingest(service, folder, kb="x", progress=stop)
    assert states(service)[-1][:2] == (2, "building")
    (folder / "one.md").write_text(was)
    assert ragkernel.ingest(service, folder, kb="x").nothing_to_do
    assert states(service) == [(1, "active", 3), (2, "inactive", 0)]


def test_a_large_document_is_stored_in_many_transactions(
    service: SqlService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file above SMALL_FILE_BYTES is stored as it is read, and is in no version before it is whole."""
    monkeypatch.setattr(storing, "BATCH_CHUNKS", 7)
    text = "".join(f"line {number} of many\n" for number in range(3000))
    monkeypatch.setattr(reading, "SMALL_FILE_BYTES", 10_000)
    (folder / "one.md").write_text(text)
    seen: list[str] = []

    def look(report: Any) -> None:
        with service.read() as conn:
            row = queries.documents.at_path(conn, kb_id=report.kb_id, source_path="one.md")
        if row is not None:
            seen.append(row.content_hash)

    report = ragkernel.ingest(service, folder, kb="x", chunk_size=50, chunk_overlap=5, progress=look)
    assert seen.count(storing.NOT_WHOLE) > 10
    row = documents(service, report.kb_id)["one.md"]
    parts = chunks(service, row.id)
    assert row.chunk_count == len(parts) > 100
    for part in parts:
        assert isinstance(part.metadata, dict)
        start, end = int(str(part.metadata["start"])), int(str(part.metadata["end"]))
        assert part.content == text[start:end]
    assert report.size_bytes == sum(path.stat().st_size for path in folder.rglob("*.md"))


def test_a_large_document_that_was_cut_short_is_begun_again(
    service: SqlService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted inside a large document, the next run removes what was stored of it and stores it whole."""
    monkeypatch.setattr(storing, "BATCH_CHUNKS", 7)
    monkeypatch.setattr(reading, "SMALL_FILE_BYTES", 10_000)
    (folder / "one.md").write_text("".join(f"line {number} of many\n" for number in range(3000)))

    def stop(report: Any) -> None:
        with service.read() as conn:
            row = queries.documents.at_path(conn, kb_id=report.kb_id, source_path="one.md")
        if row is not None and row.content_hash == storing.NOT_WHOLE:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ragkernel.ingest(service, folder, kb="x", chunk_size=50, chunk_overlap=5, progress=stop)
    report = ragkernel.ingest(service, folder, kb="x")
    row = documents(service, report.kb_id)["one.md"]
    assert len(chunks(service, row.id)) == row.chunk_count > 100
    with service.read() as conn:
        assert queries.document_chunks.count_by_kb_id(conn, kb_id=report.kb_id) == sum(
            document.chunk_count for document in documents(service, report.kb_id).values()
        )


def test_what_was_left_twice_is_there_once_in_the_end(
    service: SqlService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted again and again, each time at another point, with files that change to and fro meanwhile, the version
    that is completed at last holds each file's present state once."""
    monkeypatch.setattr(copying, "BATCH_CHUNKS", 2)
    monkeypatch.setattr(copying, "TRANSACTION_BYTES", 2000)
    monkeypatch.setattr(copying, "BATCH_DOCUMENTS", 1)
    monkeypatch.setattr(job, "BATCH_DOCUMENTS", 1)
    first = ragkernel.ingest(service, folder, kb="x", chunk_size=10, chunk_overlap=0)
    texts = {name: (folder / name).read_text() for name in ("one.md", "two.md")}
    write = copying._copy_chunks
    for stop_at in range(1, 40):
        calls = 0

        def interrupted(*arguments: Any, stop_at: int = stop_at) -> int:
            nonlocal calls
            calls += 1
            if calls == stop_at:
                raise KeyboardInterrupt
            return write(*arguments)

        for name, text in texts.items():
            (folder / name).write_text(text if stop_at % 3 else f"{stop_at} other words " * 30)
        (folder / "four.md").write_text(f"new {stop_at}")
        monkeypatch.setattr(copying, "_copy_chunks", interrupted)
        try:
            report = ragkernel.ingest(service, folder, kb="x", keep=1)
        except KeyboardInterrupt:
            continue
        held = documents(service, report.kb_id)
        with service.read() as conn:
            assert queries.documents.count_by_kb_id(conn, kb_id=report.kb_id) == len(held) == 4
        for name, row in held.items():
            assert row.content_hash == hashlib.sha256((folder / name).read_bytes()).hexdigest()
            assert row.chunk_count == len(chunks(service, row.id)) > 0
        if stop_at > 30:
            break
    assert report.version > first.version


@pytest.mark.parametrize(("age", "refused"), [(0, True), (60, True), (300, False)])
def test_a_run_elsewhere_lives_by_its_heartbeat(service: SqlService, folder: Path, age: int, refused: bool) -> None:
    """A run of another machine is not overtaken while it was heard of in the last two minutes; then it is."""
    ragkernel.ingest(service, folder, kb="x")
    (folder / "one.md").write_text("changed")
    with service.write() as conn:
        pipeline = queries.pipelines.get_by_name(conn, name="ingest:x")
        assert pipeline is not None
        beat = sql_timestamp(utc_now() - timedelta(seconds=age))
        owner: dict[str, Any] = {"pid": 7, "host": "another machine"}
        queries.pipeline_runs.insert(
            conn,
            id="elsewhere",
            pipeline_id=pipeline.id,
            status="running",
            started_at=utc_now(),
            metrics={"owner": owner, "heartbeat_at": beat},
        )
    if refused:
        with pytest.raises(TransactionFailed, match="process 7 on another machine is building 'x'"):
            ragkernel.ingest(service, folder, kb="x")
        return
    assert ragkernel.ingest(service, folder, kb="x").changed == 1
    with service.read() as conn:
        run = queries.pipeline_runs.get(conn, id="elsewhere")
    assert run is not None
    assert run.status == "failed"


def test_a_run_is_heard_of_while_it_goes_on(service: SqlService, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between files the run notes the moment in its row, also while nothing differs, and its owner stays there."""
    monkeypatch.setattr("ragkernel.knowledge.build.HEARTBEAT_SECONDS", 0.0)
    ragkernel.ingest(service, folder, kb="x")
    beats = []

    def look(report: Any) -> None:
        with service.read() as conn:
            run = queries.pipeline_runs.get(conn, id=report.run_id)
        assert run is not None
        assert isinstance(run.metrics, dict)
        assert "owner" in run.metrics
        beats.append(running.heartbeat_of(run.metrics))

    assert ragkernel.ingest(service, folder, kb="x", progress=look).nothing_to_do
    assert len(set(beats)) == 3
    assert None not in beats


def test_what_another_rule_has_split_is_split_anew(service: SqlService, folder: Path) -> None:
    """A base of an earlier chunking rule is not refused: the next run splits all files by today's rule."""
    first = ragkernel.ingest(service, folder, kb="x")
    with service.write() as conn:
        queries.knowledge_bases.update(conn, id=first.kb_id, metadata={"chunker": "outline-0"})
        conn.execute("UPDATE documents SET metadata = json_remove(metadata, '$.chunker')")
    second = ragkernel.ingest(service, folder, kb="x")
    assert (second.changed, second.copied, second.version) == (3, 0, 2)
    assert ragkernel.ingest(service, folder, kb="x").nothing_to_do


def test_a_base_that_the_application_began_is_completed(service: SqlService, folder: Path) -> None:
    """A `building` version that an application made, with its own sizes, is the one that ingest builds."""
    with service.write() as conn:
        queries.knowledge_bases.insert(
            conn,
            id="mine",
            name="x",
            status="building",
            embedder_model="mine",
            chunk_size=20,
            chunk_overlap=0,
            description="about texts",
        )
    report = ragkernel.ingest(service, folder, kb="x")
    assert (report.kb_id, report.version) == ("mine", 1)
    (folder / "one.md").write_text("changed")
    again = ragkernel.ingest(service, folder, kb="x")
    with service.read() as conn:
        base = queries.knowledge_bases.get(conn, id=again.kb_id)
    assert base is not None
    assert (base.version, base.chunk_size, base.embedder_model, base.description) == (2, 20, "mine", "about texts")
