"""Ingest killed after each of its commits, in one file and in two: what readers see, what the next run makes of it.

A kill anywhere inside a transaction leaves what its last commit left, so there are no points but those after commits.
In split mode one of them lies between the commit of the events and that of app_meta.
"""

from __future__ import annotations

import shutil
import signal
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel import queries
from tests.core.support import start_python

if TYPE_CHECKING:
    from pathlib import Path

    from ragkernel import SqlConfig, SqlService

# Runs a line of Python with `service` and `folder`, and dies by SIGKILL right after the commit of that number.
CHILD = """
    import os, signal, sys
    import ragkernel
    from ragkernel.core import connection
    from ragkernel.ingestion import copying

    number, app, events, folder, code = int(sys.argv[1]), *sys.argv[2:6]
    copying.BATCH_DOCUMENTS = copying.BATCH_CHUNKS = 2
    ragkernel.ingestion.job.BATCH_DOCUMENTS = 2
    config = ragkernel.SqlConfig.split(app, events) if events else ragkernel.SqlConfig.single(app)
    service = ragkernel.open(app, config)
    commits = 0

    class Killing(connection.Connection):
        def execute(self, sql, *rest):
            global commits
            done = super().execute(sql, *rest)
            if "COMMIT" in sql and armed:
                commits += 1
                if commits == number:
                    os.kill(os.getpid(), signal.SIGKILL)
            return done

    armed = False
    service.close()
    connection.Connection = Killing
    service = ragkernel.open(app, config)
    armed = True
    exec(code)
    armed = False
    service.close()
"""

FIRST = {"a.md": "# A\n\nfirst\n", "b.md": "# B\n\nstays\n", "c.md": "# C\n\ngoes\n", "d.txt": "stays too\n"}
SECOND = {"a.md": "# A\n\nsecond\n", "b.md": "# B\n\nstays\n", "d.txt": "stays too\n", "e.md": "# E\n", "f.md": "# F\n"}


def write(folder: Path, files: dict[str, str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)


def configured(folder: Path, mode: str) -> SqlConfig:
    app = folder / "app_meta.db"
    return ragkernel.SqlConfig.split(app, folder / "events.db") if mode == "split" else ragkernel.SqlConfig.single(app)


def killed(number: int, config: SqlConfig, folder: Path, code: str) -> bool:
    """Whether the child was killed after its commit of that number; False where it made fewer."""
    process = start_python(
        CHILD, str(number), str(config.app_db_path), str(config.events_db_path or ""), str(folder), code
    )
    _, err = process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGKILL), err
    return process.returncode != 0


def active_texts(service: SqlService) -> dict[str, str] | None:
    """What readers see: the texts of the active version; None where there is none."""
    with service.read() as conn:
        base = queries.knowledge_bases.latest_active(conn, name="x")
        if base is None:
            return None
        rows = queries.documents.list_by_kb_id(conn, kb_id=base.id)
        found = {
            row.source_path: "".join(
                chunk.content for chunk in queries.document_chunks.list_by_document_id(conn, document_id=row.id)
            )
            for row in rows
        }
        assert len(found) == len(rows)
    return found


def stripped(files: dict[str, str]) -> dict[str, str]:
    return {name: text.strip() for name, text in files.items()}


def require_sound(service: SqlService) -> None:
    """No run is left running, each version was activated once, and nothing belongs to nobody."""
    assert service.health_check(deep=True).status != "failing"
    with service.read() as conn:
        assert queries.pipeline_runs.by_status(conn, status="running", limit=9) == []
        bases = queries.knowledge_bases.list_by_name(conn, name="x")
    assert sum(base.status == "active" for base in bases) == 1
    for base in bases:
        events = [event.event_type for event in service.events.read(("knowledge_base", base.id))]
        assert events.count("KnowledgeBaseCreated") == 1
        assert events.count("KnowledgeBaseActivated") == 1


@pytest.mark.parametrize("mode", ["single", "split"])
@pytest.mark.parametrize("before", [{}, FIRST], ids=["new", "next"])
def test_a_killed_ingest_leaves_the_version_that_was_and_the_next_run_completes(
    tmp_path: Path, mode: str, before: dict[str, str]
) -> None:
    """Killed after any of its commits, ingest has left the old version for readers or the new one, whole; opening the
    store and running it again ends with the new one, each document once, and no run that still claims to be running."""
    folder, prepared = tmp_path / "text", tmp_path / "prepared"
    prepared.mkdir()
    config = configured(prepared, mode)
    with ragkernel.open(config.app_db_path, config) as service:
        if before:
            write(folder, before)
            ragkernel.ingest(service, folder, kb="x")
    write(folder, SECOND)
    code = "ragkernel.ingest(service, folder, kb='x', keep=1)"
    kills = 0
    resumed = 0
    while True:
        place = tmp_path / f"kill{kills}"
        shutil.copytree(prepared, place)
        config = configured(place, mode)
        if not killed(kills + 1, config, folder, code):
            break
        kills += 1
        with ragkernel.open(config.app_db_path, config) as service:
            assert active_texts(service) in ((stripped(before) if before else None), stripped(SECOND))
            report = ragkernel.ingest(service, folder, kb="x", keep=1)
            resumed += report.resumed
            assert active_texts(service) == stripped(SECOND)
            assert report.nothing_to_do or report.version == (2 if before else 1)
            assert ragkernel.ingest(service, folder, kb="x").nothing_to_do
            require_sound(service)
        shutil.rmtree(place)
    assert kills >= 6  # begin, make the version, store, copy, activate: one commit each at least
    assert resumed  # a run went on with what another one had stored


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("service.knowledge_bases.activate('x', 1)", (("active", False), ("inactive", False))),
        ("service.knowledge_bases.pin('x', 1)", (("inactive", True), ("active", False))),
        ("service.knowledge_bases.remove('x')", ()),
    ],
)
def test_a_fact_killed_between_the_two_files_is_finished_at_the_next_opening(
    tmp_path: Path, code: str, expected: tuple[tuple[str, bool], ...]
) -> None:
    """In split mode the event is committed first; killed before app_meta has applied it, the next opening does it."""
    folder = tmp_path / "text"
    config = configured(tmp_path, "split")
    with ragkernel.open(config.app_db_path, config) as service:
        for files in (FIRST, SECOND):
            write(folder, files)
            ragkernel.ingest(service, folder, kb="x")
        ids = [version.id for version in service.knowledge_bases.versions("x")]
    assert killed(1, config, folder, code)  # its first commit is that of events.db
    with ragkernel.SqlService(config) as service:
        with service.read() as conn:
            rows = sorted(queries.knowledge_bases.list_by_name(conn, name="x"), key=lambda row: row.version)
        assert [row.status for row in rows] == ["inactive", "active"]  # the log is ahead, never the rows
        assert [row.pinned_version for row in rows] == [None, None]
        service.run_migrations()
        with service.read() as conn:
            rows = sorted(queries.knowledge_bases.list_by_name(conn, name="x"), key=lambda row: row.version)
            applied = queries.kernel_state.get(conn, key="events_applied")
        assert tuple((row.status, row.pinned_version is not None) for row in rows) == expected
        last = max(event.id for kb_id in ids for event in service.events.read(("knowledge_base", kb_id)))
        assert applied is not None
        assert int(applied.value) == last
        assert service.knowledge_bases.facts.catch_up() == 0
