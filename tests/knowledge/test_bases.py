"""service.knowledge_bases: versions, which one is active, which are kept, and what removing leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.errors import ConfigurationError, NotFound, SqlError, TransactionFailed, VersionRefused
from ragkernel.knowledge import bases as bases_module
from tests.core.support import finish, run_threads, start_python

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragkernel import SqlService
    from ragkernel.knowledge.bases import Version

HOME = str(Path(ragkernel.__file__).parents[1])


def build(service: SqlService, folder: Path, count: int, name: str = "notes") -> None:
    """Make the next `count` versions of a base: two documents each, of which one differs from version to version."""
    (folder / "text").mkdir(exist_ok=True)
    (folder / "text" / "same.md").write_text("# Same\n\ntext\n")
    for _ in range(count):
        (folder / "text" / "other.md").write_text(ragkernel.new_id())
        ragkernel.ingest(service, folder / "text", kb=name, keep=99)


def add_version(service: SqlService, version: int, status: Any, name: str = "notes", **columns: Any) -> str:
    """A version that the application made by itself, with a document that has a chunk. Its id."""
    kb_id = ragkernel.new_id()
    with service.write() as conn:
        queries.knowledge_bases.insert(
            conn, id=kb_id, name=name, version=version, status=status, embedder_model="none", **columns
        )
        queries.documents.insert(
            conn, id="d" + kb_id, kb_id=kb_id, title="a", source_path="a", content_hash="", chunk_count=1, size_bytes=7
        )
        queries.document_chunks.insert(
            conn, id=kb_id, document_id="d" + kb_id, kb_id=kb_id, chunk_index=0, content="a", content_hash=""
        )
    return kb_id


def told(service: SqlService, name: str = "notes") -> dict[int, str]:
    """The versions of a base: their status, with `*` where pinned and `-` where pruned."""
    marks = {
        one.version: one.status + "*" * one.pinned + "-" * (one.pruned_at is not None)
        for one in service.knowledge_bases.versions(name)
    }
    assert list(marks) == sorted(marks)
    return marks


def events(service: SqlService, version: Version | str) -> list[str]:
    """The types of the events of a version, without the word that they all begin with."""
    kb_id = version if isinstance(version, str) else version.id
    found = service.events.read(("knowledge_base", kb_id))
    return [event.event_type.removeprefix("KnowledgeBase") for event in found]


def counts(service: SqlService) -> tuple[int, int, int]:
    """How many versions, documents and chunks there are of all bases."""
    with service.read() as conn:
        return (
            queries.knowledge_bases.count(conn),
            queries.documents.count(conn),
            queries.document_chunks.count(conn),
        )


def test_versions_tell_what_they_hold(service: SqlService, tmp_path: Path) -> None:
    """versions gives all versions, the oldest first, with what each holds; version gives one, the active one unless
    told otherwise; a name or number that is not there is NotFound with a hint."""
    build(service, tmp_path, 2)
    first, second = service.knowledge_bases.versions("notes")
    assert (first.version, first.status, second.version, second.status) == (1, "inactive", 2, "active")
    assert (second.documents, second.chunks, second.pinned, second.pruned_at) == (2, 2, False, None)
    assert second.size_bytes == sum(path.stat().st_size for path in (tmp_path / "text").iterdir())
    assert service.knowledge_bases.version("notes") == second
    assert service.knowledge_bases.version("notes", 1) == first
    for ask in (
        lambda: service.knowledge_bases.versions("none"),
        lambda: service.knowledge_bases.version("none"),
        lambda: service.knowledge_bases.version("notes", 3),
    ):
        with pytest.raises(NotFound) as missing:
            ask()
        assert "ragkernel kb" in missing.value.hint
    add_version(service, 1, "building", name="new")
    with pytest.raises(NotFound, match="no active version"):
        service.knowledge_bases.version("new")


def test_activate_changes_both_versions_at_once(service: SqlService, tmp_path: Path) -> None:
    """The chosen version is active and the other one inactive, in one transaction with its event; a snapshot taken
    before goes on seeing the old one; the active one again is no event."""
    build(service, tmp_path, 2)
    with service.read() as conn:
        before = queries.knowledge_bases.latest_active(conn, name="notes")
        done: list[Version] = []

        run_threads([lambda: done.append(service.knowledge_bases.activate("notes", 1))])
        assert queries.knowledge_bases.latest_active(conn, name="notes") == before
    assert done[0].status == "active"
    assert told(service) == {1: "active", 2: "inactive"}
    assert events(service, done[0]) == ["Created", "Activated", "Activated"]
    assert service.knowledge_bases.activate("notes", 1) == done[0]
    assert len(events(service, done[0])) == 3


def test_activate_leaves_one_of_several(service: SqlService) -> None:
    """Where an application left several versions active the newest counts; activating any of them leaves that one."""
    for version in (1, 2, 3):
        add_version(service, version, "active")
    assert service.knowledge_bases.version("notes").version == 3
    service.knowledge_bases.activate("notes", 3)
    assert told(service) == {1: "inactive", 2: "inactive", 3: "active"}


def test_ingest_compares_with_the_activated_version(service: SqlService, tmp_path: Path) -> None:
    """After going back to an older version, the next ingest builds upon that one."""
    build(service, tmp_path, 2)
    service.knowledge_bases.activate("notes", 1)
    report = ragkernel.ingest(service, tmp_path / "text", kb="notes")
    assert (report.version, report.changed, report.unchanged) == (3, 1, 1)
    assert told(service) == {1: "inactive-", 2: "inactive", 3: "active"}


def test_only_complete_versions_are_activated_and_pinned(service: SqlService, tmp_path: Path) -> None:
    """Versions that are being built, failed or were pruned can be neither activated nor pinned; nothing changes."""
    build(service, tmp_path, 3)
    assert service.knowledge_bases.prune("notes", keep=2) == [1]
    add_version(service, 4, "building")
    add_version(service, 5, "error")
    before = told(service)
    for act in (service.knowledge_bases.activate, service.knowledge_bases.pin):
        for version, reason in ((1, "was pruned"), (4, "is not complete"), (5, "is not complete")):
            with pytest.raises(VersionRefused, match=reason) as refused:
                act("notes", version)
            assert refused.value.hint
        for name, version in (("notes", 6), ("none", 1)):
            with pytest.raises(NotFound):
                act(name, version)
    with pytest.raises(NotFound):
        service.knowledge_bases.unpin("notes", 6)
    assert told(service) == before


def test_pin_and_unpin(service: SqlService, tmp_path: Path) -> None:
    """Pinning and unpinning are one event each, however often they are asked for."""
    build(service, tmp_path, 1)
    assert service.knowledge_bases.pin("notes", 1).pinned
    assert service.knowledge_bases.pin("notes", 1).pinned
    assert not service.knowledge_bases.unpin("notes", 1).pinned
    assert not service.knowledge_bases.unpin("notes", 1).pinned
    assert events(service, service.knowledge_bases.version("notes"))[2:] == ["Pinned", "Unpinned"]


def test_prune_keeps_the_newest_the_active_and_the_pinned(service: SqlService, tmp_path: Path) -> None:
    """prune removes the documents of complete versions only, but for the newest `keep`, the active one and pinned ones;
    the rows stay and say when; what is not complete is left alone."""
    build(service, tmp_path, 6)
    add_version(service, 7, "building")
    service.knowledge_bases.activate("notes", 2)
    service.knowledge_bases.pin("notes", 4)
    assert service.knowledge_bases.prune("notes", keep=1) == [1, 3, 5]
    marks = {1: "inactive-", 2: "active", 3: "inactive-", 4: "inactive*", 5: "inactive-", 6: "inactive", 7: "building"}
    assert told(service) == marks
    held = [(one.documents, one.chunks, one.size_bytes) for one in service.knowledge_bases.versions("notes")]
    assert [bool(documents) for documents, _, _ in held] == [False, True, False, True, False, True, True]
    assert held[0] == (0, 0, 0)
    assert counts(service) == (7, 7, 7)
    pruned = service.knowledge_bases.version("notes", 1)
    assert events(service, pruned)[-1] == "Pruned"
    assert service.knowledge_bases.prune("notes", keep=1) == []
    assert service.knowledge_bases.version("notes", 1) == pruned
    service.knowledge_bases.unpin("notes", 4)
    assert service.knowledge_bases.prune("notes") == []  # two are kept unless told otherwise
    assert service.knowledge_bases.prune("notes", keep=1) == [4]


@pytest.mark.parametrize("keep", [0, -1, True, 1.0, "2", None])
def test_a_keep_that_is_no_number_of_versions(service: SqlService, tmp_path: Path, keep: Any) -> None:
    """keep is a whole number from 1 on; a base that is not there is NotFound."""
    build(service, tmp_path, 1)
    with pytest.raises(ConfigurationError, match="keep is"):
        service.knowledge_bases.prune("notes", keep=keep)
    with pytest.raises(NotFound):
        service.knowledge_bases.prune("none")


# Prunes, and says `ready` at one point, to be killed there.
PRUNE = """
    import sys
    home, database, where = sys.argv[1:]
    sys.path.insert(0, home)
    import ragkernel
    from ragkernel import queries
    from ragkernel.knowledge import bases
    bases._SWEEP_CHUNKS = bases._SWEEP_DOCUMENTS = 2
    def stop(*_):
        print("ready", flush=True)
        sys.stdin.readline()
    if where == "marked":
        bases.KnowledgeBases._sweep = stop
    else:
        table, calls = getattr(queries, where), []
        delete_some = table.delete_some
        def counted(conn, **given):
            calls.append(1)
            if len(calls) == 3:
                stop()
            return delete_some(conn, **given)
        table.delete_some = counted
    with ragkernel.SqlService(ragkernel.SqlConfig.single(database)) as service:
        service.knowledge_bases.prune("notes", keep=1)
"""


@pytest.mark.parametrize(("where", "left"), [("marked", (9, 9)), ("document_chunks", (9, 5)), ("documents", (5, 0))])
def test_a_killed_prune_is_finished_by_the_next(
    service: SqlService, tmp_path: Path, where: str, left: tuple[int, int]
) -> None:
    """What prune has marked stays marked when it is killed: its documents are removed some at a time, and the next call
    removes what is left."""
    for version in (1, 2):
        kb_id = add_version(service, version, "active")
        with service.write() as conn:
            for number in range(8):
                queries.documents.insert(
                    conn, id=f"{number}{kb_id}", kb_id=kb_id, title="a", source_path=str(number), content_hash=""
                )
                queries.document_chunks.insert(
                    conn,
                    id=f"{number}{kb_id}",
                    document_id=f"{number}{kb_id}",
                    kb_id=kb_id,
                    chunk_index=0,
                    content="a",
                    content_hash="",
                )
    service.knowledge_bases.activate("notes", 2)
    process = start_python(PRUNE, HOME, str(service.config.app_db_path), where)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.communicate()
    assert told(service) == {1: "inactive-", 2: "active"}
    assert counts(service)[1:] == (9 + left[0], 9 + left[1])
    with pytest.raises(VersionRefused):
        service.knowledge_bases.activate("notes", 1)
    assert service.knowledge_bases.prune("notes") == []
    assert counts(service) == (2, 9, 9)


def test_other_writers_come_between(service: SqlService, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep commits after each part, so that another thread writes before it is done."""
    monkeypatch.setattr(bases_module, "_SWEEP_DOCUMENTS", 1)
    for version in (1, 2):
        kb_id = add_version(service, version, "active")
        with service.write() as conn:
            queries.documents.insert(conn, id=f"x{version}", kb_id=kb_id, title="a", source_path="b", content_hash="")
    service.knowledge_bases.activate("notes", 2)
    delete_some, seen = queries.documents.delete_some, list[int]()

    def counted(conn: Any, **given: Any) -> int:
        with service.read() as reader:
            seen.append(queries.documents.count(reader))
        return delete_some(conn, **given)

    monkeypatch.setattr(queries.documents, "delete_some", counted)
    service.knowledge_bases.prune("notes", keep=1)
    assert seen == [4, 3, 2]


def test_remove_leaves_runs_and_events(service: SqlService, tmp_path: Path) -> None:
    """remove deletes all versions with their documents; runs stay without the base and keep its name and version; so do
    the events, with one more for each version; the name can be used again."""
    build(service, tmp_path, 2)
    build(service, tmp_path, 1, name="other")
    ids = [one.id for one in service.knowledge_bases.versions("notes")]
    assert service.knowledge_bases.remove("notes") == ("notes", 2, 4, 4)
    assert counts(service) == (1, 2, 2)
    with pytest.raises(NotFound):
        service.knowledge_bases.versions("notes")
    with pytest.raises(NotFound):
        service.knowledge_bases.remove("notes")
    with service.read() as conn:
        runs = sorted(queries.pipeline_runs.list_all(conn), key=lambda run: run.id)
    kept = [(run.kb_id, run.metrics["kb_name"], run.metrics["kb_version"]) for run in runs[:2]]  # type: ignore[index, call-overload]
    assert kept == [(None, "notes", 1), (None, "notes", 2)]
    assert runs[0].metrics["chunks"] == 2  # type: ignore[index, call-overload]
    assert runs[2].kb_id is not None
    assert [events(service, kb_id) for kb_id in ids] == [["Created", "Activated", "Removed"]] * 2
    build(service, tmp_path, 1)
    assert told(service) == {1: "active"}


def test_remove_is_all_or_nothing(service: SqlService, tmp_path: Path) -> None:
    """Where one version cannot be deleted, all stay with their documents, and no event tells otherwise."""
    build(service, tmp_path, 2)
    first, second = service.knowledge_bases.versions("notes")
    with service.write() as conn:
        conn.execute(
            "CREATE TRIGGER stays BEFORE DELETE ON knowledge_bases WHEN old.version = 2"
            " BEGIN SELECT RAISE(ABORT, 'it stays'); END"
        )
    with pytest.raises(SqlError):
        service.knowledge_bases.remove("notes")
    assert service.knowledge_bases.versions("notes") == [first, second]
    assert [events(service, one) for one in (first, second)] == [["Created", "Activated"]] * 2


INGEST = """
    import sys
    home, database, folder = sys.argv[1:]
    sys.path.insert(0, home)
    import ragkernel
    def look(report):
        print("ready", flush=True)
        sys.stdin.readline()
    with ragkernel.open(database) as service:
        ragkernel.ingest(service, folder, kb="notes", progress=look)
"""


def test_a_base_that_is_being_built_is_not_removed(service: SqlService, tmp_path: Path) -> None:
    """While a living process builds the base, removing it is refused with that process; once it is gone it is done."""
    build(service, tmp_path, 1)
    process = start_python(INGEST, HOME, str(service.config.app_db_path), str(tmp_path / "text"))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with pytest.raises(TransactionFailed, match=f"process {process.pid}"):
        service.knowledge_bases.remove("notes")
    assert told(service)[1] == "active"
    process.kill()
    process.communicate()
    assert service.knowledge_bases.remove("notes").name == "notes"


ACTIVATE = """
    import sys
    home, database = sys.argv[1:]
    sys.path.insert(0, home)
    import ragkernel
    with ragkernel.SqlService(ragkernel.SqlConfig.single(database)) as service:
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(20):
            service.knowledge_bases.activate("notes", 1 + number % 2)
            active = [one.version for one in service.knowledge_bases.versions("notes") if one.status == "active"]
            assert len(active) == 1, active
"""


def test_two_processes_activate_at_once(service: SqlService, tmp_path: Path) -> None:
    """However two processes activate versions of one base at once, exactly one is active at any time, and the last
    event of the activations is of that one."""
    build(service, tmp_path, 2)
    processes = [start_python(ACTIVATE, HOME, str(service.config.app_db_path)) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        finish(process)
    active = service.knowledge_bases.version("notes")
    with service.read() as conn:
        activated = [event for event in queries.events.list_all(conn) if event.event_type == "KnowledgeBaseActivated"]
    assert max(activated, key=lambda event: event.id).aggregate_id == active.id
    assert sorted(told(service).values()) == ["active", "inactive"]


@pytest.mark.parametrize(
    "change",
    [
        lambda bases: bases.activate("notes", 1),
        lambda bases: bases.pin("notes", 1),
        lambda bases: bases.remove("notes"),
    ],
)
def test_changes_join_the_callers_transaction(
    service: SqlService, tmp_path: Path, change: Callable[[Any], object]
) -> None:
    """In single mode a change inside a write scope is undone with it, its event too."""
    build(service, tmp_path, 2)
    before = service.knowledge_bases.versions("notes")
    with pytest.raises(ZeroDivisionError), service.write():
        change(service.knowledge_bases)
        raise ZeroDivisionError
    assert service.knowledge_bases.versions("notes") == before
    assert events(service, before[0]) == ["Created", "Activated"]
