"""What a kill, a full disk and little memory leave of an export and of an import: real processes, really killed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import queries
from tests.core.pairs import make_pair
from tests.core.support import finish, start_python

from .bases import make_base, members, opened, require_sound, sha

if TYPE_CHECKING:
    import subprocess

HOME = str(Path(ragkernel.__file__).parents[1])

# Does one job with an archive; after `stop` steps of its progress it says `ready` and waits to be killed.
JOB = """
    import sys
    home, job, database, archive, stop = sys.argv[1:]
    sys.path.insert(0, home)
    import ragkernel
    from ragkernel.archive import reading, storing, writing
    reading.PROGRESS_ROWS = writing.PROGRESS_ROWS = storing._BATCH_ROWS = 50
    seen = []
    def look(step, done, total):
        seen.append(step)
        if len(seen) == int(stop):
            print("ready", step, done, flush=True)
            sys.stdin.readline()
    import os
    events = os.path.join(os.path.dirname(database), "events.db")
    config = ragkernel.SqlConfig.single(database)
    if os.path.exists(events):
        config = ragkernel.SqlConfig.split(database, events)
    with ragkernel.SqlService(config) as service:
        if job == "export":
            ragkernel.export_kb(service, "notes", archive, progress=look)
        elif job == "import":
            ragkernel.import_kb(service, archive, progress=look)
        print("done", len(seen), flush=True)
"""


def start(job: str, database: Path, archive: Path, stop: int = 0) -> subprocess.Popen[str]:
    return start_python(JOB, HOME, job, str(database), str(archive), str(stop))


def kill(process: subprocess.Popen[str]) -> str:
    """Kill a process that has said a line; the line."""
    assert process.stdout is not None
    line = process.stdout.readline()
    process.kill()
    process.communicate()
    return line


def steps(job: str, database: Path, archive: Path) -> int:
    """How often a job that is left alone says how far it is."""
    return int(finish(start(job, database, archive)).split()[-1])


def fill(service: ragkernel.SqlService) -> Path:
    """Make the base `notes`, 300 rows in version 1; the path of the database."""
    make_base(service, [[f"text {number} {index}" for index in range(2)] for number in range(100)])
    return Path(service.config.app_db_path)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A database with the base `notes`."""
    with opened(tmp_path / "store") as service:
        return fill(service)


@pytest.fixture(params=["single", "split"])
def config(tmp_path: Path, request: pytest.FixtureRequest) -> ragkernel.SqlConfig:
    """The configuration of a database with the base `notes`, in one file and in two."""
    config = make_pair(tmp_path / "store") if request.param == "split" else ragkernel.SqlConfig.test(tmp_path)
    with ragkernel.open(config.app_db_path, config) as service:
        fill(service)
    return config


def test_a_killed_export_leaves_no_archive(store: Path, tmp_path: Path) -> None:
    """Wherever an export is killed nothing stands under the name, the database is sound, and the next one succeeds and
    removes what was left, once its process is gone for a while."""
    out = tmp_path / "out"
    out.mkdir()
    count = steps("export", store, tmp_path / "whole.zip")
    assert count > 4
    for stop in (1, count // 2, count - 1, count):
        assert kill(start("export", store, out / "a.zip", stop)).startswith("ready")
        assert not (out / "a.zip").exists()
        left = list(out.iterdir())
        assert [path.name.startswith(".a.zip.") for path in left] == [True]
        left[0].unlink()
    require_sound(store)
    finish(start("export", store, out / "a.zip"))
    assert members(out / "a.zip") == members(tmp_path / "whole.zip")


def test_what_a_killed_export_left_is_removed_later(store: Path, tmp_path: Path) -> None:
    """The next export into the folder removes the unfinished file of one whose process is gone, a minute later."""
    import os

    kill(start("export", store, tmp_path / "a.zip", 1))
    (left,) = tmp_path.glob(".a.zip.*")
    finish(start("export", store, tmp_path / "b.zip"))
    assert left.exists()  # it may be of a process on another machine that shares the folder
    os.utime(left, (0, 0))
    finish(start("export", store, tmp_path / "c.zip"))
    assert not left.exists()


def test_a_killed_import_changes_nothing_that_is_read(config: ragkernel.SqlConfig, tmp_path: Path) -> None:
    """Wherever an import is killed the database is sound and the active version as before; the next import succeeds,
    and removes the documents of the version that was left."""
    store, archive = Path(config.app_db_path), tmp_path / "a.zip"
    finish(start("export", store, archive))
    count = steps("import", store, archive)
    expected: list[tuple[int, str, int]] = [(1, "inactive", 100), (2, "active", 100)]
    assert version_states(config) == expected
    for stop in (1, count // 2 + 3, count):
        step = kill(start("import", store, archive, stop)).split()[1]
        require_sound(store)
        states = version_states(config)
        assert states[:2] == expected[:2]
        if step == "store":
            assert [(number, state) for number, state, _ in states[2:]] == [(3, "building")]
            assert states[2][2] > 0
        with ragkernel.open(store, config) as service:
            done = ragkernel.import_kb(service, archive)
            states = version_states(config)
            left = [state for state in states if state[0] not in (1, 2, done.version)]
            assert all((state, documents) == ("inactive", 0) for _, state, documents in left)
            assert [run.status for run in runs(service)].count("running") == 0
            service.knowledge_bases.remove("notes")
            for _ in range(2):
                ragkernel.import_kb(service, archive)
    with ragkernel.open(store, config) as service:
        ragkernel.export_kb(service, "notes", tmp_path / "again.zip", version=1)
    assert members(archive) == members(tmp_path / "again.zip")


def version_states(config: ragkernel.SqlConfig) -> list[tuple[int, str, int]]:
    """The versions of `notes`: number, status, documents."""
    with ragkernel.open(config.app_db_path, config) as service:
        return [(one.version, one.status, one.documents) for one in service.knowledge_bases.versions("notes")]


def runs(service: ragkernel.SqlService) -> list[Any]:
    with service.read() as conn:
        return queries.pipeline_runs.list_all(conn)


def test_a_full_disk(store: Path, tmp_path: Path) -> None:
    """An export that the disk has no room for is one clear error, and nothing is left of it."""
    out = tmp_path / "out"
    out.mkdir()
    script = """
        import resource, sys
        home, database, archive = sys.argv[1:]
        sys.path.insert(0, home)
        import ragkernel
        with ragkernel.SqlService(ragkernel.SqlConfig.single(database)) as service:
            service.knowledge_bases.versions("notes")
            for limit in (0, 30, 5000):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
                try:
                    ragkernel.export_kb(service, "notes", archive)
                except ragkernel.errors.ExportFailed as error:
                    print(error.message)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    """
    out_text = finish(start_python(script, HOME, str(store), str(out / "a.zip")))
    assert out_text.splitlines() == ["cannot write the archive: File too large"] * 3
    assert list(out.iterdir()) == []


MEASURE = """
    import re, sys
    home, database, archive = sys.argv[1:]
    sys.path.insert(0, home)
    import ragkernel
    def most_kib():
        with open("/proc/self/status") as status:
            return int(re.search(r"VmHWM:\\s+(\\d+)", status.read())[1])
    config = ragkernel.SqlConfig.single(database, mmap_size=0, cache_size_kib=2000)
    with ragkernel.open(database, config) as service:
        ragkernel.export_kb(service, "small", archive + ".small")
        ragkernel.import_kb(service, archive + ".small")
        before = most_kib()
        ragkernel.export_kb(service, "notes", archive)
        ragkernel.import_kb(service, archive, name="other")
        print(before, most_kib())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_memory_stays_flat(tmp_path: Path) -> None:
    """A base of 40 MB, 29 MB of them in one document, goes out and in with less than 20 MB more than a small one."""
    with opened(tmp_path / "store") as service:
        path = Path(service.config.app_db_path)
        make_base(service, [["one"]], name="small")
        texts = [(sha(f"{number} {index}") * 64 for index in range(60)) for number in range(50)]
        make_base(service, [*texts, (sha(str(index)) * 3000 for index in range(150))])
    before, most = map(int, finish(start_python(MEASURE, HOME, str(path), str(tmp_path / "a.zip"))).split())
    assert most - before < 20 * 1024, f"{most - before} KiB"
