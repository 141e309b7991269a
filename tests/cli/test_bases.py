"""`ragkernel kb`: what each command prints, as text and as JSON, its exit code, and what it leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel.cli import main
from tests.archive.bases import make_base, members, opened, require_sound

from .command import Done, environment, run

if TYPE_CHECKING:
    from pathlib import Path

ACTIONS = ["list", "versions", "activate", "pin", "unpin", "prune", "remove", "export", "import"]
CHANGES = [["activate", "notes", "1"], ["pin", "notes", "1"], ["unpin", "notes", "1"], ["prune", "notes"]]
CHANGES += [["remove", "notes", "--yes"]]
QUESTIONS = [["list"], ["versions", "notes"], ["export", "notes", "out.zip"]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that has `notes` in versions 1 to 3 and `other` in one, and its archive; not for
    changing."""
    folder = tmp_path_factory.mktemp("made")
    with opened(folder) as service:
        make_base(service, [["one"], ["two", "three"]])
        ragkernel.export_kb(service, "notes", folder / "notes.zip")
        for name in ("notes", "notes", "other"):
            ragkernel.import_kb(service, folder / "notes.zip", name=name)
        service.knowledge_bases.pin("notes", 2)
    return folder


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    """The same database to change, closed."""
    shutil.copy(made / "app_meta.db", tmp_path / "app_meta.db")
    return tmp_path / "app_meta.db"


def kb(store: Path, *words: str | Path) -> Done:
    return run("kb", *words, "--app-db", store, cwd=store.parent)


def kb_json(store: Path, *words: str | Path) -> Any:
    done = kb(store, *words, "--json")
    assert (done.code, done.err) == (0, ""), done
    return done.json


@pytest.mark.parametrize("words", [[], *([name] for name in ACTIONS)])
def test_help_has_an_example(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """--help of each command says what it does and shows an example of it."""
    assert main(["kb", *words, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Example:\n  ragkernel " + " ".join(["kb", *words]) in out
    assert "--json" in out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["versions"],
        ["activate", "notes"],
        ["activate", "notes", "one"],
        ["export", "notes"],
        ["prune", "notes", "--keep", "0"],
        ["prune", "notes", "--keep", "few"],
        ["remove"],
        ["import"],
        ["import", "none.zip"],
        ["versions", "nobody"],
        ["activate", "notes", "9"],
        ["pin", "nobody", "1"],
        ["export", "notes", "x.zip", "--version", "9"],
    ],
)
def test_wrong_usage_is_one_line_and_code_2(
    store: Path, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be understood, and a base or version that is not there, is one line with a hint, and nothing is
    made."""
    monkeypatch.chdir(store.parent)
    before = sorted(store.parent.iterdir())
    assert main(["kb", *words, "--app-db", str(store)]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith("ragkernel: ")
    assert "Hint: " in told.err
    assert main(["kb", *words, "--app-db", str(store), "--json"]) == 2
    told = capsys.readouterr()
    assert (json.loads(told.out)["error"]["exit_code"], told.err) == (2, "")
    assert sorted(store.parent.iterdir()) == before


@pytest.mark.parametrize("words", [*QUESTIONS, *CHANGES])
def test_no_database_is_made(tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """All but import refuse a database that is not there, and make none."""
    assert main(["kb", *words, "--app-db", str(tmp_path / "none.db")]) == 2
    assert "there is no such database" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_list_is_one_line_a_base(made: Path) -> None:
    """list tells of each base its active version, those kept and pinned, and what the active one holds."""
    done = kb(made / "app_meta.db", "list")
    assert [line.split()[0] for line in done.out.splitlines()] == ["knowledge", "notes", "other"]
    assert done.out.splitlines()[1].split()[1:8] == ["3", "2,", "3", "2", "2", "3", "1"]
    notes, other = kb_json(made / "app_meta.db", "list")["items"]
    assert {**notes, "updated_at": ""} == {
        "name": "notes",
        "active": 3,
        "kept": [2, 3],
        "pinned": [2],
        "documents": 2,
        "chunks": 3,
        "size_bytes": 1,
        "updated_at": "",
    }
    assert (other["name"], other["active"], other["kept"], other["pinned"]) == ("other", 1, [1], [])


def test_versions(made: Path) -> None:
    """versions tells of every version, pruned ones too."""
    data = kb_json(made / "app_meta.db", "versions", "notes")
    rows = [
        (row["version"], row["status"], row["pinned"], row["pruned_at"] is None, row["documents"], row["chunks"])
        for row in data["items"]
    ]
    assert rows == [
        (1, "inactive", False, False, 0, 0),
        (2, "inactive", True, True, 2, 3),
        (3, "active", False, True, 2, 3),
    ]
    out = kb(made / "app_meta.db", "versions", "notes").out
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [
        ["1", "inactive", "-"],
        ["2", "inactive", "yes"],
        ["3", "active", "-"],
    ]


def test_activate_pin_unpin_prune(store: Path) -> None:
    """The commands change what they say, and print the version; what cannot be done is code 1."""
    assert kb_json(store, "activate", "notes", "2")["status"] == "active"
    assert kb(store, "activate", "notes", "3").out == "notes: version 3 is active\n"
    assert kb_json(store, "unpin", "notes", "2")["pinned"] is False
    assert kb(store, "pin", "notes", "2").out == "notes: version 2 is pinned: nothing prunes it\n"
    assert kb(store, "prune", "notes", "--keep", "1").out == "notes: nothing to prune\n"
    assert kb(store, "unpin", "notes", "2").code == 0
    assert kb_json(store, "prune", "notes", "--keep", "1") == {"name": "notes", "pruned": [2]}
    done = kb(store, "activate", "notes", "2")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "was pruned" in done.err
    assert "Hint: " in done.err
    require_sound(store)


def test_remove_asks_for_yes(store: Path) -> None:
    """Without --yes nothing is removed: it is said what would be, code 2."""
    done = kb(store, "remove", "notes")
    assert (done.code, done.out) == (2, "")
    assert "3 versions, 4 documents, 6 chunks" in done.err
    assert "--yes" in done.err
    assert len(kb_json(store, "list")["items"]) == 2
    assert kb_json(store, "remove", "notes", "--yes") == {"name": "notes", "versions": 3, "documents": 4, "chunks": 6}
    assert kb(store, "remove", "other", "--yes").out == "other: 1 version, 2 documents, 3 chunks removed\n"
    done = kb(store, "list")
    assert (done.code, done.out, done.err) == (0, "", "there is no knowledge base\n")
    assert kb_json(store, "list") == {"items": []}


def test_export_and_import(store: Path, made: Path) -> None:
    """An archive goes from one database into another that import makes; a file that is there is not replaced."""
    folder = store.parent
    exported = kb_json(store, "export", "other", "a.zip")
    assert (exported["path"], exported["version"], exported["documents"]) == (str(folder / "a.zip"), 1, 2)
    done = kb(store, "export", "other", "a.zip")
    assert (done.code, "there is a file of this name" in done.err) == (2, True)
    done = kb(folder / "new.db", "import", "a.zip", "--name", "notes")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0].split(maxsplit=1)[1] == "notes, version 1, is active"
    assert kb(folder / "new.db", "export", "notes", "b.zip", "--version", "1").code == 0
    assert {**members(folder / "b.zip"), "manifest.json": b""} == {
        **members(made / "notes.zip"),
        "manifest.json": b"",
    }
    again = kb_json(folder / "new.db", "import", "b.zip")
    assert (again["name"], again["version"], again["pruned"]) == ("notes", 2, [])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["text"], "no zip file"),
        (["good.zip", "--name", " "], "the name of"),
        (["good.zip", "--name", "handbook@2"], "because that means a version"),
        (["."], "it is a folder"),
    ],
)
def test_a_refused_import_makes_no_database(made: Path, tmp_path: Path, words: list[str], told: str) -> None:
    """What import refuses it refuses before the database is made: one line, code 2."""
    (tmp_path / "text").write_text("no archive")
    shutil.copy(made / "notes.zip", tmp_path / "good.zip")
    done = kb(tmp_path / "new.db", "import", *words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert told in done.err
    assert not (tmp_path / "new.db").exists()


# The command, which gives itself the signal of a Ctrl-C at the first progress of a step.
INTERRUPTED = """
import os, signal, sys
from ragkernel.cli import main
from ragkernel.cli.progress import Progress
from ragkernel.knowledge.bases import KnowledgeBases
def show_rows(self, step, done, total):
    if step == os.environ["STEP"]:
        os.kill(os.getpid(), signal.SIGINT)
def prune(self, name, keep):
    raise KeyboardInterrupt
Progress.show_rows = show_rows
if os.environ["STEP"] == "prune":
    KnowledgeBases.prune = prune
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("step", "words", "told"),
    [
        ("write", ["export", "notes", "out.zip"], "interrupted; no file was written"),
        ("check", ["import", "notes.zip"], "interrupted; the base is as it was"),
        ("store", ["import", "notes.zip"], "interrupted; the base is as it was"),
    ],
)
def test_ctrl_c(store: Path, made: Path, step: str, words: list[str], told: str) -> None:
    """Ctrl-C ends export and import with code 130 and one line; no file is left, and the active version stays."""
    shutil.copy(made / "notes.zip", store.parent / "notes.zip")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", INTERRUPTED, "kb", *words, "--app-db", str(store)],
        cwd=store.parent,
        env=environment(STEP=step),
        capture_output=True,
        text=True,
        check=False,
        # A test runner in the background is started with SIGINT ignored, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"ragkernel: {told}\n"), done
    assert {name for name in os.listdir(store.parent) if "zip" in name} == {"notes.zip"}
    (notes,) = (base for base in kb_json(store, "list")["items"] if base["name"] == "notes")
    assert (notes["active"], notes["kept"]) == (3, [2, 3])
    assert kb_json(store, "import", "notes.zip")["version"] == (5 if step == "store" else 4)


def test_ctrl_c_after_the_activation(store: Path, made: Path) -> None:
    """Ctrl-C while old versions are pruned does not say that the base is as it was: the new version is active."""
    shutil.copy(made / "notes.zip", store.parent / "notes.zip")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", INTERRUPTED, "kb", "import", "notes.zip", "--app-db", str(store)],
        cwd=store.parent,
        env=environment(STEP="prune"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "ragkernel: interrupted; version 4 is active already\n")
    (notes,) = (base for base in kb_json(store, "list")["items"] if base["name"] == "notes")
    assert notes["active"] == 4
