"""The README's section for other people's schemas is true: its files, commands and example run as they stand, with what
a user has: the wheel, Jinja2 for the generator, and another environment with nothing at all for the package."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADING = "## Use it for your own schema\n"
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = re.split(r"^## ", README.partition(HEADING)[2], maxsplit=1, flags=re.MULTILINE)[0]
# (file that the line above names, language, text) of each block.
BLOCKS = re.findall(r"(?:^`([\w./]+)`[^\n]*:\n\n)?^```(\w*)\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
FILES = [(name, text) for name, _, text in BLOCKS if name]
COMMANDS = [line for _, language, text in BLOCKS if not language for line in text.splitlines()]
EXAMPLES = [text for _, language, text in BLOCKS if language == "python"]
pytestmark = pytest.mark.checkout


def environment(folder: Path) -> Path:
    """A virtual environment with nothing in it, not even pip; its folder of commands."""
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    return folder / ("Scripts" if os.name == "nt" else "bin")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([ROOT / ".ci/wheel", sys.executable, folder], check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def generator(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment in which the wheel is installed without its extra."""
    folder = tmp_path_factory.mktemp("generator")
    commands = environment(folder)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(commands / "python"),
        "install",
        "-qq",
        "--no-index",
        "--no-deps",
    ]
    subprocess.run([*pip, str(wheel)], check=True)
    return commands


@pytest.fixture(scope="module")
def with_extra(generator: Path) -> Path:
    """The same with the packages of the extra, taken from this environment: no package index is asked."""
    (site,) = generator.parent.rglob("site-packages")
    for name in ("jinja2", "markupsafe"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        if not (site / name).exists():
            shutil.copytree(Path(spec.origin).parent, site / name)
    return generator


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)


def test_the_section_is_there() -> None:
    """The patterns of this file find what they look for, and every command is one that is run here or by pip."""
    assert [name for name, _ in FILES] == ["music.sql", "queries/albums.sql", "types.toml"]
    assert len(EXAMPLES) == 1
    assert COMMANDS[0] == "pip install 'ragkernel[gen]'"
    assert all(line.startswith("ragkernel-gen --schema ") for line in COMMANDS[1:])
    assert len(COMMANDS) == 3


def test_without_the_extra_the_command_says_what_to_install(generator: Path, tmp_path: Path) -> None:
    """Without Jinja2 `ragkernel-gen` says which extra it needs, and exits with 2."""
    (site,) = generator.parent.rglob("site-packages")
    if (site / "jinja2").exists():
        pytest.fail("the extra is installed already: this test comes first")
    (tmp_path / "s.sql").write_text("CREATE TABLE t (id INTEGER PRIMARY KEY);")
    done = run([str(generator / "ragkernel-gen"), "--schema", "s.sql", "--out", "out"], tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "the generator needs jinja2: run `pip install 'ragkernel[gen]'`\n"


def test_the_example_runs(with_extra: Path, tmp_path: Path) -> None:
    """The files, commands and Python of the section do in an empty folder what it says; the package runs in an
    environment that has nothing but the standard library."""
    for name, text in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for line in COMMANDS[1:]:
        word, *arguments = line.split()
        done = run([str(with_extra / word), *arguments], tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    bare = environment(tmp_path / "bare")
    program = "import sys; sys.path.insert(0, '.')\n" + EXAMPLES[0]
    done = run([str(bare / "python"), "-I", "-W", "error", "-c", program], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == re.findall(r"^ *print\(.*\)  # (.*)$", EXAMPLES[0], re.MULTILINE)


def test_the_example_is_typed(with_extra: Path, tmp_path: Path) -> None:
    """The package and the example pass mypy --strict."""
    pytest.importorskip("mypy")
    test_the_example_runs(with_extra, tmp_path)
    (tmp_path / "example.py").write_text(EXAMPLES[0])
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "example.py", "music"]
    done = run(command, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
