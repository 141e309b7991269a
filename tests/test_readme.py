"""What the README shows and says is true: its examples run, its tables are the code's."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import ragkernel
from ragkernel.config_rules import settle

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The section for other schemas needs the generator: tests/codegen/test_own_schema.py runs it.
OWN_SCHEMA = re.compile(r"^## Use it for your own schema\n.*?(?=^## )", re.MULTILINE | re.DOTALL)
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", OWN_SCHEMA.sub("", README), re.MULTILINE | re.DOTALL)
FIELDS = {
    name: (default.strip("`"), meaning)
    for name, default, meaning in re.findall(r"^\| `(\w+)` \| (\S+) \| (.+) \|$", README, re.MULTILINE)
}


def test_there_are_examples_and_fields() -> None:
    """The patterns of this file find what they look for."""
    assert EXAMPLES
    assert FIELDS


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_and_prints_what_it_says(example: str, tmp_path: Path) -> None:
    """Each Python block runs twice in an empty folder, warnings as errors; `print(…)  # text` says what is printed."""
    home = str(Path(ragkernel.__file__).parents[1])
    program = f"import sys; sys.path.insert(0, {home!r})\n{example}"
    command = [sys.executable, "-I", "-W", "error", "-c", program]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == re.findall(r"^ *print\(.*\)  # (.*)$", example, re.MULTILINE)


def test_the_configuration_table_is_the_configuration() -> None:
    """Every field stands in the table with its default, in order, and no other."""
    parameters = inspect.signature(ragkernel.SqlConfig).parameters
    assert list(FIELDS) == list(parameters)
    for name, (told, _) in FIELDS.items():
        default: Any = parameters[name].default
        if told == "required":
            assert default is inspect.Parameter.empty, name
        elif told == "none":
            assert default is None, name
        else:
            assert settle(name, told, raw=True) == default, name


def test_the_examples_of_durations_and_sizes_are_read() -> None:
    """The spellings that the text names are those that the configuration takes."""
    texts = {"250ms": 0.25, "30s": 30, "5m": 300, "24h": 86400, "7d": 604800}
    for text, seconds in texts.items():
        assert f'"{text}"' in README
        assert settle("vacuum_interval", text, raw=True) == timedelta(seconds=seconds)


@pytest.mark.checkout
def test_every_target_and_command_that_is_named_exists() -> None:
    """`make x` in the text is a target of the Makefile, `ragkernel x` a command."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert (
        set(re.findall(r"\bmake ([a-z-]+)\b", "\n".join(re.findall(r"`[^`\n]+`|^make .*$", README, re.M)))) <= targets
    )
    done = subprocess.run([sys.executable, "-m", "ragkernel", "--help"], capture_output=True, text=True, check=True)
    commands = re.search(r"```\n(ragkernel ingest.*?)```", README[README.index("## Command line") :], re.DOTALL)
    assert commands
    lines = commands[1].splitlines()
    assert {line.split()[1] for line in lines} == set(re.findall(r"^    ([a-z]+) ", done.stdout, re.MULTILINE))
    for line in lines:
        words = re.match(r"ragkernel( [a-z]+)+", line)
        assert words
        told = subprocess.run(
            [sys.executable, "-m", *words[0].split(), "--help"], capture_output=True, text=True, check=True
        ).stdout
        shared = {"--help", "--app-db", "--events-db", "--config", "--json"}
        assert set(re.findall(r"--[a-z-]+", line)) == set(re.findall(r"^  (--[a-z-]+)", told, re.MULTILINE)) - shared
