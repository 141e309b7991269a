"""`python -m codegen`: what it writes, what --check finds, how it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codegen.__main__ import main
from codegen.render import MARKER

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "schema.sql"
QUERIES = ROOT / "ragkernel/sql/queries"
GENERATED = ROOT / "ragkernel/generated"


def arguments(out: Path, *more: str) -> list[str]:
    return ["--schema", str(SCHEMA), "--queries", str(QUERIES), "--out", str(out), "--runtime", "ragkernel", *more]


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("generated") / "out"
    assert main(arguments(out)) == 0
    return out


@pytest.fixture
def out(generated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(generated, tmp_path / "out"))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_repository_is_up_to_date() -> None:
    """The committed generated code is what the schema and the queries give today."""
    assert main(arguments(GENERATED, "--check")) == 0


def test_every_file_carries_the_marker(generated: Path) -> None:
    """The first line of each file says that it is generated."""
    assert all(data.startswith(MARKER.encode()) for data in contents(generated).values())


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_same_bytes_everywhere(generated: Path, tmp_path: Path, seed: str) -> None:
    """Hash seed, working folder and output folder leave no trace in the output."""
    out = tmp_path / seed / "elsewhere"
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "codegen", *arguments(out)]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path, capture_output=True)
    assert contents(out) == contents(generated)


def test_nothing_to_do(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run touches no file, and --check agrees."""
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert main(arguments(out)) == 0
    assert capsys.readouterr().out == ""
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert main(arguments(out, "--check")) == 0


def change(path: Path) -> None:
    path.write_text(path.read_text().replace("SELECT", "select", 1))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:500])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def add_line_break(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def add_carriage_returns(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def orphan(path: Path) -> None:
    shutil.copy(path, path.with_name("orphan.py"))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (change, "settings.py: changed"),
        (truncate, "settings.py: truncated"),
        (empty, "settings.py: truncated"),
        (add_line_break, "settings.py: changed"),
        (add_carriage_returns, "settings.py: changed"),
        (Path.unlink, "settings.py: missing"),
        (orphan, "orphan.py: orphaned"),
    ],
)
def test_check_finds_and_generation_mends(
    out: Path, generated: Path, capsys: pytest.CaptureFixture[str], damage: object, reason: str
) -> None:
    """--check names each kind of difference, exits 1 and writes nothing; generating mends it."""
    assert callable(damage)
    damage(out / "queries/settings.py")
    damaged = contents(out)
    assert main(arguments(out, "--check")) == 1
    printed = capsys.readouterr().out
    assert reason in printed
    assert ("+++" in printed) == ("changed" in reason or "truncated" in reason)
    assert contents(out) == damaged
    assert main(arguments(out)) == 0
    assert contents(out) == contents(generated)


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.py")


def linked(path: Path) -> None:
    path.rename(path.with_suffix(".txt"))
    path.symlink_to(path.with_suffix(".txt").name)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def linked_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.symlink_to("elsewhere")


def dangling_orphan(path: Path) -> None:
    path.with_name("orphan.py").symlink_to("nowhere.py")


def hidden_source(path: Path) -> None:
    (path.parent / "__pycache__").mkdir(exist_ok=True)
    (path.parent / "__pycache__/hidden.py").write_text("mine = 1\n")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (dangling, "settings.py: a symlink"),
        (linked, "settings.py: a symlink"),
        (folder, "settings.py: a folder"),
        (linked_folder, "settings.py: a symlink"),
        (dangling_orphan, "orphan.py: orphaned"),
        (hidden_source, "hidden.py: orphaned"),
    ],
)
def test_check_finds_what_is_no_generated_file(
    out: Path, generated: Path, capsys: pytest.CaptureFixture[str], damage: object, reason: str
) -> None:
    """Links and folders in the place of files, and sources among the bytecode, are differences; generating mends a
    link that stands for a file and refuses the rest by name."""
    assert callable(damage)
    damage(out / "queries/settings.py")
    assert main(arguments(out, "--check")) == 1
    assert reason in capsys.readouterr().out
    mended = main(arguments(out))
    assert mended == (0 if damage in (dangling, linked) else 2)
    if mended == 0:
        assert contents(out) == contents(generated)
    else:
        assert "hint: move" in capsys.readouterr().err


def test_bytecode_is_nobodys(out: Path) -> None:
    """What Python keeps beside the modules is no difference."""
    cache = out / "queries/__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "settings.cpython-311.pyc").write_bytes(b"x")
    assert main(arguments(out, "--check")) == 0


def test_what_is_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What nothing is generated for, as TEMP objects, is named with its place on stderr."""
    schema = tmp_path / "schema.sql"
    schema.write_text(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT);\n"
        "CREATE VIEW seen AS SELECT id FROM t;\n"
        "CREATE VIRTUAL TABLE search USING fts5(body);\n"
        "CREATE TEMP TABLE scratch (id INTEGER);\n\n"
        "CREATE TEMP VIEW passing AS SELECT id FROM t;\n"
    )
    assert main(["--schema", str(schema), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err.replace(str(schema), "schema.sql").splitlines()
    assert [line.partition(" (")[0] for line in said] == [
        "schema.sql:4:1: note: no code is generated for the TEMP table scratch",
        "schema.sql:6:1: note: no code is generated for the TEMP view passing",
    ]
    assert main(["--schema", str(SCHEMA), "--queries", str(QUERIES), "--out", str(tmp_path / "own")]) == 0
    assert capsys.readouterr().err == ""


def test_a_foreign_file_is_never_removed(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file without the marker in the generator's folder is an error, not a thing to delete."""
    foreign = out / "notes.py"
    foreign.write_text("mine = 1\n")
    assert main(arguments(out)) == 2
    assert "notes.py" in capsys.readouterr().err
    assert foreign.read_text() == "mine = 1\n"


def test_wrong_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing or binary schema is exit code 2 with the file named; nothing is written."""
    assert main(["--schema", str(tmp_path / "none.sql"), "--out", str(tmp_path / "out")]) == 2
    assert "none.sql:0:0: No such file" in capsys.readouterr().err
    (tmp_path / "latin.sql").write_bytes(b"\xff")
    assert main(["--schema", str(tmp_path / "latin.sql"), "--out", str(tmp_path / "out")]) == 2
    assert "not UTF-8" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(SystemExit) as caught:
        main(["--schema", str(SCHEMA), "--queries", str(tmp_path / "none"), "--out", str(tmp_path / "out")])
    assert caught.value.code == 2


def test_the_output_needs_no_formatter(generated: Path) -> None:
    """The output is as `ruff format` would leave it, and `ruff check` finds nothing in it."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    subprocess.run([ruff, "format", "--check", *config, str(generated)], check=True, capture_output=True)
    ignored = ["--extend-ignore", "E501,A,RUF012"]
    found = subprocess.run([ruff, "check", *config, *ignored, str(generated)], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "small.sql").write_text("CREATE TABLE t (id INTEGER PRIMARY KEY);\n")
    return tmp_path / "small.sql"


def test_the_package_has_a_folder_of_its_own(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--package NAME is made below --out, dots are folders, what stands beside it is nobody's business; an --out that
    ends in the name is the package itself."""
    out = small.parent / "src"
    out.mkdir()
    (out / "mine.py").write_text("mine = 1\n")
    for place in (out, out / "shop" / "store"):
        for more in ([], ["--check"]):
            assert main(["--schema", str(small), "--out", str(place), "--package", "shop.store", *more]) == 0
    assert {path.name for path in out.iterdir()} == {"mine.py", "shop"}
    assert [path.name for path in (out / "shop").iterdir()] == ["store"]
    assert capsys.readouterr().out.count("models.py") == 1
    (out / "shop/store/models.py").unlink()
    assert main(["--schema", str(small), "--out", str(out), "--package", "shop.store", "--check"]) == 1
    assert "generate again" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "a b", "a..b", "class", "shop.if", "1st", "a/b"])
def test_a_wrong_package_name_is_wrong_usage(small: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """What is no name for a Python package is exit code 2 before anything is read."""
    with pytest.raises(SystemExit) as caught:
        main(["--schema", str(small), "--out", str(small.parent / "out"), "--package", name])
    assert caught.value.code == 2
    assert "is no name for a Python package" in capsys.readouterr().err


def test_one_folder_takes_either_kind_of_output(small: Path) -> None:
    """What was generated with the runtime's leaves is the generator's own also for standalone output, and back."""
    out = str(small.parent / "out")
    for runtime in ([], ["--runtime", "ragkernel"], []):
        assert main(["--schema", str(small), "--out", out, *runtime]) == 0
        assert (small.parent / "out/errors.py").exists() == (not runtime)
        assert main(["--schema", str(small), "--out", out, *runtime, "--check"]) == 0


def test_strict_makes_an_error_of_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is a note otherwise ends generation with --strict, with its place, and nothing is written."""
    (tmp_path / "s.sql").write_text("CREATE TABLE t (\n  id INTEGER PRIMARY KEY,\n  done BOOLEAN DEFAULT 'f'\n);\n")
    arguments = ["--schema", str(tmp_path / "s.sql"), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--strict"]) == 2
    assert "s.sql:3:0: the default of t.done is stored as str" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(arguments) == 0
    assert "s.sql:3:0: note: the default of t.done is stored as str" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["lint", "diff"])
def test_commands_have_their_own_help(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """lint and diff are commands of the same program, with options of their own."""
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert "--schema" in capsys.readouterr().out
