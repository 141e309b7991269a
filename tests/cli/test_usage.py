"""What can be typed, what is refused, and how it is told."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import ragkernel
from ragkernel.cli import main
from ragkernel.cli.output import size, table

from .command import COMMAND, environment, run

COMMANDS = ["ingest", "info", "list", "show", "migrate", "status", "backup", "restore", "health"]
LISTS = ["kbs", "documents", "chunks", "runs"]
READING = [["info"], ["status"], ["health"], ["show", "x"], ["backup"], *(["list", kind] for kind in LISTS)]


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS), *(["list", kind] for kind in LISTS)])
def test_help_has_an_example(words: list[str]) -> None:
    """--help of each command says what it does and shows an example of it."""
    done = run(*words, "--help")
    assert (done.code, done.err) == (0, "")
    assert "Example:\n  ragkernel " + " ".join(words) in done.out
    assert "--json" in done.out


def test_version() -> None:
    """--version names ragkernel, Python and SQLite, as text and as JSON."""
    assert run("--version").out.startswith(f"ragkernel {ragkernel.__version__} (Python 3.")
    assert run("--version", "--json").json == {
        "ragkernel": ragkernel.__version__,
        "python": sys.version.split()[0].rstrip("+"),
        "sqlite": sqlite3.sqlite_version,
    }


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["list"],
        ["list", "nonsense"],
        ["show"],
        ["ingest", "somewhere"],
        ["ingest", "--kb", "x"],
        ["ingest", ".", "--kb", "x", "--chunk-size", "many"],
        ["list", "kbs", "--limit", "0"],
        ["list", "kbs", "--limit", "1001"],
        ["list", "kbs", "--status", "sleepy"],
        ["info", "--unknown"],
        ["info", "--js"],
        ["info"],  # which database?
    ],
)
def test_wrong_usage_is_one_line_and_code_2(words: list[str], tmp_path: Path) -> None:
    """What cannot be understood is told in one line with a hint, and with --json as one JSON document."""
    done = run(*words, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("ragkernel: ")
    assert done.err.count("\n") == 1
    assert "Hint: " in done.err
    done = run(*words, "--json", cwd=tmp_path)
    assert (done.code, done.err) == (2, "")
    assert done.json["error"]["exit_code"] == 2
    assert done.json["error"]["message"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", READING)
def test_a_command_that_reads_makes_no_database(words: list[str], tmp_path: Path) -> None:
    """A database that is not there is code 2 with a hint, and is still not there."""
    done = run(*words, "--app-db", tmp_path / "none.db")
    assert done.code == 2
    assert "there is no such database" in done.err
    assert "Hint: " in done.err
    error = run(*words, "--app-db", tmp_path / "none.db", "--json").json["error"]
    assert (error["type"], error["path"]) == ("ConfigurationError", str(tmp_path / "none.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_path_of_ingest_makes_no_database(tmp_path: Path) -> None:
    """What ingest is to take is looked at before the database is made: the folder, its texts, names and sizes."""
    text = tmp_path / "text"
    for name in ("empty", "binary", "good"):
        (text / name).mkdir(parents=True)
    (text / "binary" / "a.txt").write_bytes(b"\0")
    (text / "good" / "a.txt").write_text("text")
    for words, told in (
        (["nowhere"], "nowhere"),
        (["empty"], "no file at"),
        (["binary"], "a.txt: binary"),
        (["good", "--glob", "*.x"], "no file at"),
        (["good", "--chunk-size", "0"], "chunk_size is 0"),
        (["good", "--chunk-overlap", "600"], "chunk_overlap is 600"),
        (["good", "--kb", " "], "the name of a knowledge base"),
    ):
        done = run("ingest", "--kb", "x", text / words[0], *words[1:], "--app-db", tmp_path / "new.db")
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert told in done.err
        assert list(tmp_path.iterdir()) == [text]


def test_why_nothing_can_be_ingested_is_told_with_what_to_do(tmp_path: Path) -> None:
    """The error of ingest tells that no name fits, without folders that no pattern asks for, from files that cannot be
    taken, and its hint fits the reason."""
    text, elsewhere = tmp_path / "text", tmp_path / "elsewhere"
    for folder in ("none", "binary", "fifo", "link"):
        (text / folder).mkdir(parents=True)
        os.mkdir(os.fsencode(text / folder) + b"/\xff")  # is reported, whatever the patterns are
        (text / folder / "more").symlink_to(tmp_path)
    elsewhere.write_text("text")
    (text / "binary" / "a.txt").write_bytes(b"\0")
    os.mkfifo(text / "fifo" / "a.txt")
    (text / "link" / "a.txt").symlink_to(elsewhere)
    for words, told in (
        (["none"], "none has a name that is taken [ingest] Hint: `ragkernel ingest --help` lists them; --glob names"),
        (["none", "--glob", "*.x"], "none matches the patterns [ingest] Hint: '*.md' matches names"),
        (["binary"], "binary can be taken: a.txt: binary: it holds a NUL byte [ingest] Hint: text is UTF-8"),
        (["fifo"], "fifo can be taken: a.txt: not a regular file [ingest] Hint: run it again once"),
        (["link"], "link can be taken: a.txt: symbolic link [ingest] Hint: symbolic links are not followed"),
    ):
        done = run("ingest", "--kb", "x", text / words[0], *words[1:], "--app-db", tmp_path / "new.db")
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert done.err.startswith(f"ragkernel: no file at {text}/{told}")


def test_options_stand_before_or_behind_the_command(made: Path) -> None:
    """--app-db and --json mean the same in both places."""
    behind = run("list", "kbs", "--app-db", made / "app_meta.db", "--json")
    before = run("--app-db", made / "app_meta.db", "--json", "list", "kbs")
    assert behind.json == before.json
    assert len(before.json["items"]) == 1


def test_the_database_comes_from_options_a_file_or_the_environment(made: Path, tmp_path: Path) -> None:
    """--app-db, --config, RAGKERNEL_APP_DB_PATH and RAGKERNEL_CONFIG lead to the same database."""
    database, config = str(made / "app_meta.db"), tmp_path / "config.toml"
    config.write_text(f'app_db_path = "{database}"\n')
    expected = run("info", "--json", "--app-db", database).json
    assert run("info", "--json", "--config", config).json == expected
    assert run("info", "--json", RAGKERNEL_APP_DB_PATH=database).json == expected
    assert run("info", "--json", RAGKERNEL_CONFIG=str(config)).json == expected
    config.write_text(f'[ragkernel]\napp_db_path = "{database}"\n')
    assert run("info", "--json", "--config", config, RAGKERNEL_APP_DB_PATH="elsewhere.db").json == expected
    config.write_text('app_db_path = "elsewhere.db"\n')
    assert run("info", "--json", "--config", config, "--app-db", database).json == expected


@pytest.mark.parametrize("content", ["app_db_path = 5", "unknown = 1", "not toml"])
def test_a_wrong_configuration_is_code_2(content: str, tmp_path: Path) -> None:
    """A configuration file with a wrong value, an unknown name or no TOML is told in one line."""
    (tmp_path / "config.toml").write_text(content)
    done = run("info", "--config", tmp_path / "config.toml")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "config.toml" in done.err


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """Another kind of file is code 1, one line, and is left as it is."""
    (tmp_path / "x.db").write_text("this is no database, but it is longer than a header of 100 bytes " * 4)
    before = (tmp_path / "x.db").read_bytes()
    done = run("info", "--app-db", tmp_path / "x.db")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert (tmp_path / "x.db").read_bytes() == before


def test_a_closed_pipe_ends_quietly(made: Path) -> None:
    """When the reader of the output leaves, as `head` does, there is no message."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [*COMMAND, "list", "chunks", "--app-db", str(made / "app_meta.db")]
    try:
        done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, env=environment(), check=False)
    finally:
        os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_output_that_cannot_take_every_letter(made: Path, tmp_path: Path) -> None:
    """Where the terminal's encoding has no such letter it is escaped, in text and in JSON."""
    (tmp_path / "ä.md").write_text("# Über\n")
    run("ingest", tmp_path / "ä.md", "--kb", "x", "--app-db", tmp_path / "x.db")
    done = run("list", "documents", "--app-db", tmp_path / "x.db", PYTHONIOENCODING="ascii")
    assert (done.code, "\\xdcber" in done.out) == (0, True)
    done = run("list", "documents", "--app-db", tmp_path / "x.db", "--json", PYTHONIOENCODING="ascii")
    assert done.json["items"][0]["title"] == "Über"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_an_output_that_is_full_is_told(made: Path) -> None:
    """When the output cannot be written, that is one line and code 1, not a traceback."""
    with open("/dev/full", "wb") as full:
        command = [*COMMAND, "info", "--app-db", str(made / "app_meta.db")]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment(), check=False)
    assert done.returncode == 1
    assert done.stderr == b"ragkernel: No space left on device: standard output\n"


@pytest.mark.parametrize("words", [["list", "kbs"], ["list", "kbs", "--json"], ["--help"], ["--version"]])
def test_a_closed_output_is_told(made: Path, words: list[str]) -> None:
    """Where standard output is closed that is one line and code 1; standard error may be closed too."""
    command = shlex.join([*COMMAND, *words, "--app-db", str(made / "app_meta.db")])
    for closed, told in ((">&-", 1), (">&- 2>&-", 0)):
        done = subprocess.run(
            ["sh", "-c", f"{command} {closed}"], env=environment(), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", told)
        assert "standard output is closed" in done.stderr or not told
    quiet = subprocess.run(["sh", "-c", f"{command} 2>&-"], env=environment(), capture_output=True, check=False)
    assert (quiet.returncode, quiet.stderr) == (0, b"")


@pytest.mark.parametrize("broken", ["closed pipe", "/dev/full"])
def test_an_error_output_that_takes_nothing_stops_nothing(made: Path, broken: str) -> None:
    """Where standard error cannot be written, the rows and the exit code are what they are otherwise."""
    if broken == "closed pipe":
        read_end, descriptor = os.pipe()
        os.close(read_end)
    elif os.path.exists(broken):
        descriptor = os.open(broken, os.O_WRONLY)
    else:
        pytest.skip(f"no {broken} here")
    try:
        for words, code in ((["documents", "--limit", "1"], 0), (["documents", "--kb", "nobody"], 2)):
            command = ["list", *words, "--app-db", str(made / "app_meta.db")]
            done = subprocess.run(
                [*COMMAND, *command], stdout=subprocess.PIPE, stderr=descriptor, env=environment(), check=False
            )
            assert (done.returncode, done.stdout.decode()) == (code, run(*command).out)
    finally:
        os.close(descriptor)


def test_tables_and_sizes() -> None:
    """Columns stay aligned beside wide and combining characters, and no size is 1024 of a unit."""
    assert table(("name", "n"), [("日本", 1), ("e\u0301", 10), ("abcde", 100)]).splitlines() == [
        "name     n",
        "日本     1",
        "e\u0301       10",
        "abcde  100",
    ]
    assert [size(count) for count in (0, 1023, 1024, 2**20 - 1, 2**30 - 1, 2**40)] == [
        *("0 B", "1023 B", "1.0 KiB", "1.0 MiB", "1.0 GiB", "1024.0 GiB")
    ]


OLD = [shutil.which(name) for name in ("python3.10", "python3.9", "python3.8")]
OLD += map(str, Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.10.*/bin/python"))
PRETEND = "import sys, runpy; sys.version_info = (3, 10, 13, 'final', 0); "


def test_an_older_python_is_told_in_one_line(tmp_path: Path) -> None:
    """The command says in one line which Python it needs, code 2; `import ragkernel` is an ImportError that says it."""
    script = tmp_path / "ragkernel"
    script.write_text("import sys; from ragkernel.__main__ import main; sys.exit(main())")
    as_module = PRETEND + "sys.argv = ['-m']; runpy.run_module('ragkernel', run_name='__main__')"
    as_script = PRETEND + f"sys.argv = [{str(script)!r}]; runpy.run_path({str(script)!r}, run_name='__main__')"
    commands = [[sys.executable, "-c", as_module], [sys.executable, "-c", as_script]]
    imports = [[sys.executable, "-c", PRETEND + "import ragkernel"]]
    for python in filter(None, OLD):
        if subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0:
            commands += [[python, "-m", "ragkernel", "info"], [python, str(script), "info"]]
            imports.append([python, "-c", "import ragkernel"])
    for command in commands:
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
        assert done.stderr.startswith("ragkernel: Python 3.11 or newer is needed; this is 3.")
    for command in imports:
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        assert done.stderr.splitlines()[-1].startswith("ImportError: ragkernel needs Python 3.11 or newer; this is 3.")


def test_a_bug_is_one_line_without_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made: Path
) -> None:
    """An exception that nobody foresaw is told by its type and place, without its text, and is code 1."""

    def broken(config: object) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr(ragkernel, "SqlService", broken)
    assert main(["info", "--app-db", str(made / "app_meta.db")]) == 1
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith("ragkernel: internal error: KeyError at test_usage.py:")
    assert "secret" not in told.err
    assert main(["info", "--app-db", str(made / "app_meta.db"), "--json"]) == 1
    assert "secret" not in capsys.readouterr().out
