"""Ingest beside others: what people, other runs, restores and files do to it meanwhile, and where its limits are."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import chunking, queries
from ragkernel.clock import sql_timestamp, utc_now
from ragkernel.core.checkpoint import Checkpointer
from ragkernel.errors import ConfigurationError, FileReplaced, TransactionFailed, WriterTimeout
from ragkernel.ingestion import job, storing
from ragkernel.knowledge.bases import KnowledgeBases
from ragkernel.sources import reading

if TYPE_CHECKING:
    from pathlib import Path

    from ragkernel import IngestReport, SqlService
    from ragkernel.core.connection import Connection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three texts."""
    made = tmp_path / "text"
    made.mkdir()
    for name in ("a.md", "b.md", "c.md"):
        (made / name).write_text(f"# {name}\n\n" + "some words " * 40)
    return made


def held(service: SqlService, kb_id: str) -> dict[str, str]:
    """The paths and hashes of a version's documents, each there once."""
    with service.read() as conn:
        rows = queries.documents.list_by_kb_id(conn, kb_id=kb_id)
    assert len({row.source_path for row in rows}) == len(rows)
    return {row.source_path: row.content_hash for row in rows}


def on_disk(folder: Path) -> dict[str, str]:
    """The paths and hashes of the files of a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def interrupt(report: IngestReport) -> None:
    """Ends a run after its first file."""
    raise KeyboardInterrupt


def once(action: Any) -> Any:
    """A progress callback that does something the first time."""
    done: list[bool] = []

    def look(report: Any) -> None:
        if not done:
            done.append(True)
            action()

    return look


def test_a_version_that_is_pruned_while_it_is_copied_from_ends_the_run(service: SqlService, folder: Path) -> None:
    """Somebody who activates another version, and prunes the one that a run compares with, ends that run; what is
    active is whole, and the next run compares with it.

    the run:     | compares with 1 | reads a.md                      | copies b.md and c.md → TransactionFailed
    a person:                                  | activate 3, prune 1 |
    """
    ragkernel.ingest(service, folder, kb="x")
    for text in ("second", "third"):
        (folder / "a.md").write_text(text)
        ragkernel.ingest(service, folder, kb="x", keep=3)
    bases = service.knowledge_bases
    bases.activate("x", 1)

    def meddle() -> None:
        bases.activate("x", 3)
        bases.prune("x", 1)

    (folder / "a.md").write_text("fourth")
    with pytest.raises(TransactionFailed, match="was pruned, removed or changed meanwhile"):
        ragkernel.ingest(service, folder, kb="x", progress=once(meddle))
    assert set(held(service, bases.version("x").id)) == {"a.md", "b.md", "c.md"}
    report = ragkernel.ingest(service, folder, kb="x")
    assert held(service, report.kb_id) == on_disk(folder)


def test_a_version_that_is_being_pruned_is_not_copied_from(service: SqlService, folder: Path) -> None:
    """Between the mark and the end of the sweep the documents of a version may have lost chunks: none is copied."""
    first = ragkernel.ingest(service, folder, kb="x", chunk_size=10, chunk_overlap=0)
    (folder / "a.md").write_text("second")

    def begin_to_prune() -> None:
        data = {"name": "x", "version": 1, "pruned_at": sql_timestamp(utc_now())}
        with service.knowledge_bases.facts.write() as fact:
            fact.record("knowledge_base", first.kb_id, "KnowledgeBasePruned", data)
        with service.write() as conn:
            assert queries.document_chunks.delete_some(conn, kb_id=first.kb_id, limit=1) == 1

    with pytest.raises(TransactionFailed, match="was pruned, removed or changed meanwhile"):
        ragkernel.ingest(service, folder, kb="x", progress=once(begin_to_prune))


def test_prune_spares_the_version_that_is_copied_from(service: SqlService, folder: Path) -> None:
    """While a version is being built, the one that it takes documents from is not pruned."""
    ragkernel.ingest(service, folder, kb="x")
    (folder / "a.md").write_text("second")
    ragkernel.ingest(service, folder, kb="x")
    bases = service.knowledge_bases
    bases.activate("x", 1)
    (folder / "a.md").write_text("third")

    def stop(report: IngestReport) -> None:
        if report.files == 3:
            raise KeyboardInterrupt

    (folder / "b.md").write_text("x" * storing.BATCH_BYTES)  # makes the version at once
    with pytest.raises(KeyboardInterrupt):
        ragkernel.ingest(service, folder, kb="x", progress=stop)
    assert bases.versions("x")[-1].status == "building"
    bases.activate("x", 2)
    assert bases.prune("x", 1) == []
    (folder / "b.md").write_text("small")
    report = ragkernel.ingest(service, folder, kb="x", keep=1)
    assert held(service, report.kb_id) == on_disk(folder)
    assert [row.version for row in bases.versions("x") if row.documents] == [report.version]


def test_ingest_inside_a_read_scope_is_refused(service: SqlService, folder: Path) -> None:
    """A read scope goes on seeing what was there when it was entered, so comparing inside it would drop documents."""
    with service.read(), pytest.raises(TransactionFailed, match="inside a read scope"):
        ragkernel.ingest(service, folder, kb="x")
    assert ragkernel.ingest(service, folder, kb="x").added == 3


def test_a_large_file_that_will_not_hold_still_keeps_its_document(
    service: SqlService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied by a run that was interrupted, then changing whenever it is read: the document is kept as it was."""
    monkeypatch.setattr(job, "BATCH_DOCUMENTS", 1)
    (folder / "0.md").write_text("first")
    first = ragkernel.ingest(service, folder, kb="x", chunk_size=10, chunk_overlap=0)
    (folder / "0.md").write_text("second")  # makes the version, into which a.md is copied then

    def stop(report: IngestReport) -> None:
        if report.copied:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ragkernel.ingest(service, folder, kb="x", progress=stop)
    unfinished = service.knowledge_bases.versions("x")[-1]
    assert (unfinished.status, unfinished.documents) == ("building", 2)
    monkeypatch.setattr(reading, "SMALL_FILE_BYTES", 100)
    real = chunking.split
    writes = iter(range(1000))

    def moving(*arguments: Any, **options: Any) -> Any:
        (folder / "a.md").write_text(f"{next(writes)} again " * 60)  # between its two readings
        return real(*arguments, **options)

    (folder / "a.md").write_text("other " * 60)
    monkeypatch.setattr(storing, "split", moving)
    report = ragkernel.ingest(service, folder, kb="x")
    assert report.skipped == 1
    now = held(service, report.kb_id)
    assert set(now) == {"0.md", "a.md", "b.md", "c.md"}
    assert now["a.md"] == held(service, first.kb_id)["a.md"]


def test_documents_that_an_application_stored_stay(service: SqlService, folder: Path) -> None:
    """What an application put into the active version, also under one path twice, is in the next one."""
    first = ragkernel.ingest(service, folder, kb="x")
    with service.write() as conn:
        for number, path in enumerate(("mine", "mine", "a.md", "mine/too")):
            queries.documents.insert(
                conn, id=str(number), kb_id=first.kb_id, title="t", source_path=path, content_hash=f"hash {number}"
            )
    (folder / "b.md").write_text("changed")
    report = ragkernel.ingest(service, folder, kb="x")
    with service.read() as conn:
        rows = queries.documents.list_by_kb_id(conn, kb_id=report.kb_id)
    assert sorted(row.source_path for row in rows) == ["a.md", "a.md", "b.md", "c.md", "mine", "mine", "mine/too"]


def test_what_an_interrupted_run_stored_of_a_file_that_is_gone_goes(
    service: SqlService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new file that a run stored before it was interrupted, and that is gone by the next run, is in no version."""
    monkeypatch.setattr(job, "BATCH_DOCUMENTS", 1)
    ragkernel.ingest(service, folder, kb="x")
    (folder / "0.md").write_text("new")
    with pytest.raises(KeyboardInterrupt):
        ragkernel.ingest(service, folder, kb="x", progress=interrupt)
    assert service.knowledge_bases.versions("x")[-1].documents == 1
    (folder / "0.md").rename(folder / "9.md")
    report = ragkernel.ingest(service, folder, kb="x")
    assert held(service, report.kb_id) == on_disk(folder)


def test_a_run_of_another_folder_does_not_go_on_with_its_documents(
    service: SqlService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an interrupted run stored of one folder is not taken for the equal file of another, whose changes would then
    be skipped."""
    one, two = tmp_path / "one", tmp_path / "two"
    for place in (one, two):
        place.mkdir()
        (place / "a.md").write_text("the same")
    (one / "b.md").write_text("more")
    monkeypatch.setattr(job, "BATCH_DOCUMENTS", 1)
    with pytest.raises(KeyboardInterrupt):
        ragkernel.ingest(service, one, kb="x", progress=interrupt)
    ragkernel.ingest(service, two, kb="x")
    (two / "a.md").write_text("changed")
    report = ragkernel.ingest(service, two, kb="x")
    assert (report.changed, report.skipped) == (1, 0)


def test_a_version_of_other_sizes_is_not_gone_on_with(service: SqlService, folder: Path) -> None:
    """An unfinished version that was begun with other sizes than the active one has is given up, not mixed."""
    with service.write() as conn:
        for version, status, size in ((1, "active", 512), (2, "building", 100)):
            queries.knowledge_bases.insert(
                conn,
                id=str(version),
                name="x",
                version=version,
                status="active" if status == "active" else "building",
                embedder_model="all-MiniLM-L6-v2",
                chunk_size=size,
                metadata={"build": {"by": "ingest", "run_id": "r", "parent": 1}},
            )
    report = ragkernel.ingest(service, folder, kb="x")
    assert (report.version, service.knowledge_bases.version("x").chunk_size) == (3, 512)
    assert service.knowledge_bases.version("x", 2).pruned_at is not None


def test_an_applications_own_versions_are_never_taken_away(service: SqlService, folder: Path) -> None:
    """A `building` version without the mark of a run, which ingest cannot go on with, is left as it is."""
    ragkernel.ingest(service, folder, kb="x")
    with service.write() as conn:
        queries.knowledge_bases.insert(
            conn, id="mine", name="x", version=2, status="building", embedder_model="another model"
        )
    (folder / "a.md").write_text("changed")
    assert ragkernel.ingest(service, folder, kb="x").version == 3
    mine = service.knowledge_bases.version("x", 2)
    assert (mine.status, mine.pruned_at) == ("building", None)


def test_a_run_that_was_overtaken_ends_nothing(service: SqlService, folder: Path) -> None:
    """A run that another one marked failed neither activates nor gives up what is there; it fails."""
    first = ragkernel.ingest(service, folder, kb="x")

    def overtake() -> None:
        with service.write() as conn:
            (run,) = queries.pipeline_runs.by_status(conn, status="running", limit=9)
            queries.pipeline_runs.update(conn, id=run.id, status="failed", completed_at=utc_now())

    for change in (None, "changed"):
        if change:
            (folder / "a.md").write_text(change)
        with pytest.raises(TransactionFailed, match="took over"):
            ragkernel.ingest(service, folder, kb="x", progress=once(overtake))
        assert service.knowledge_bases.version("x").id == first.kb_id


def test_what_prune_cannot_do_is_no_failure_of_the_run(
    service: SqlService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the version is active the run has succeeded, also where old versions cannot be pruned now."""

    def timeout(*arguments: Any) -> list[int]:
        raise WriterTimeout("somebody holds the lock")

    ragkernel.ingest(service, folder, kb="x")
    (folder / "a.md").write_text("changed")
    monkeypatch.setattr(KnowledgeBases, "prune", timeout)
    report = ragkernel.ingest(service, folder, kb="x")
    assert (report.version, report.pruned) == (2, 0)
    assert service.knowledge_bases.version("x").version == 2


@pytest.mark.parametrize(("silent", "refused"), [(60, True), (3600, False)])
def test_a_silent_run_of_a_living_process_holds_nobody_up_for_ever(
    service: SqlService, folder: Path, silent: int, refused: bool
) -> None:
    """A process that lives may have failed to say that its run ended: ten minutes after it was last heard of, another
    run may begin. Process 1 always lives."""
    from datetime import timedelta

    from ragkernel.knowledge import owner

    ragkernel.ingest(service, folder, kb="x")
    init = {**owner.this_process(), "pid": 1, "started": owner._started(1)}
    with service.write() as conn:
        pipeline = queries.pipelines.get_by_name(conn, name="ingest:x")
        assert pipeline is not None
        beat = sql_timestamp(utc_now() - timedelta(seconds=silent))
        queries.pipeline_runs.insert(
            conn,
            id="r",
            pipeline_id=pipeline.id,
            status="running",
            metrics={"owner": init, "heartbeat_at": beat},
        )
    if refused:
        with pytest.raises(TransactionFailed, match="process 1 is building 'x'"):
            ragkernel.ingest(service, folder, kb="x")
    else:
        assert ragkernel.ingest(service, folder, kb="x").nothing_to_do


def test_what_an_application_keeps_on_a_base_goes_on(service: SqlService, folder: Path) -> None:
    """Metadata and description that an application gave the active version are the next version's too."""
    first = ragkernel.ingest(service, folder, kb="x")
    with service.write() as conn:
        base = queries.knowledge_bases.get(conn, id=first.kb_id)
        assert base is not None
        assert isinstance(base.metadata, dict)
        queries.knowledge_bases.update(
            conn, id=base.id, description="about", metadata={**base.metadata, "owner": ["me", 1.5]}
        )
    (folder / "a.md").write_text("changed")
    second = ragkernel.ingest(service, folder, kb="x")
    with service.read() as conn:
        base = queries.knowledge_bases.get(conn, id=second.kb_id)
    assert base is not None
    assert isinstance(base.metadata, dict)
    assert (base.description, base.metadata["owner"]) == ("about", ["me", 1.5])
    assert "pruned_at" not in base.metadata


def test_a_folder_that_has_moved_takes_over_with_moved(service: SqlService, tmp_path: Path, folder: Path) -> None:
    """Without `moved` the documents of the old place stay, and are counted; with it they are this folder's, and go
    where it has no such file."""
    ragkernel.ingest(service, folder, kb="x")
    there = tmp_path / "there"
    folder.rename(there)
    (there / "b.md").unlink()
    report = ragkernel.ingest(service, there, kb="x")
    assert (report.changed, report.removed, report.elsewhere) == (2, 0, 1)
    report = ragkernel.ingest(service, there, kb="x", moved=True)
    assert (report.removed, report.elsewhere) == (1, 0)
    assert held(service, report.kb_id) == on_disk(there)
    shutil.copytree(there, folder)
    (folder / "a.md").write_text("in the copy")
    assert ragkernel.ingest(service, folder, kb="x").skipped == 2
    report = ragkernel.ingest(service, folder, kb="x", moved=True)
    assert (report.skipped, held(service, report.kb_id)) == (0, on_disk(folder))
    assert ragkernel.ingest(service, folder, kb="x").nothing_to_do


@pytest.mark.parametrize(("size", "overlap"), [(8, 7), (50_000, 0)])
def test_transactions_are_bounded_by_what_they_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, overlap: int
) -> None:
    """Chunks that overlap much are many times their file, and few large ones never make a batch by their number: the
    -wal file stays within its limit with both."""
    for module in (storing, ragkernel.ingestion.copying):
        monkeypatch.setattr(module, "TRANSACTION_BYTES", 2**18)
    (tmp_path / "text").mkdir()
    for number in range(2):
        (tmp_path / "text" / f"{number}.txt").write_text(f"word{number} " * (30_000 if overlap else 2_500_000))
    config = ragkernel.SqlConfig.test(tmp_path, journal_size_limit=12 * 2**20)
    most = 0
    with ragkernel.open(config) as service:
        real = Checkpointer.after_commit

        def look(checkpointer: Checkpointer, writer: Connection) -> None:
            nonlocal most
            most = max(most, os.stat(f"{config.app_db_path}-wal").st_size)
            real(checkpointer, writer)

        monkeypatch.setattr(Checkpointer, "after_commit", look)
        ragkernel.ingest(service, tmp_path / "text", kb="x", chunk_size=size, chunk_overlap=overlap)
        (tmp_path / "text" / "0.txt").write_text("other")
        assert ragkernel.ingest(service, tmp_path / "text", kb="x").copied == 1
    assert 0 < most <= 12 * 2**20


def test_a_name_that_means_a_version_is_refused(service: SqlService, folder: Path) -> None:
    """NAME@2 is the second version of NAME, so no base is called that."""
    with pytest.raises(ConfigurationError, match="does not end in @ and digits"):
        ragkernel.ingest(service, folder, kb="x@2")
    assert ragkernel.ingest(service, folder, kb="me@home").added == 3


def test_a_database_that_goes_away_at_the_end_is_no_success(tmp_path: Path, folder: Path) -> None:
    """When the file is deleted after the last document was stored, nothing is reported as active."""
    config = ragkernel.SqlConfig.test(tmp_path)
    service = ragkernel.open(config)

    def delete(report: Any) -> None:
        if report.files == 3:
            for path in tmp_path.glob("app_meta.db*"):
                path.unlink()

    with pytest.raises(FileReplaced):
        ragkernel.ingest(service, folder, kb="x", progress=delete)
    with pytest.raises(FileReplaced):
        service.close()
