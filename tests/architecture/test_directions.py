"""Every file keeps the rules of the house, and every rule is able to fail."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import code_rules, import_rules
from .code_rules import unfinished
from .import_rules import RANKS, room_of
from .sources import ROOT, Source, sources, texts

if TYPE_CHECKING:
    from .rule import Example, Rule

RULES = (*import_rules.RULES, *code_rules.RULES)
FILES = list(sources())
BROKEN = [pytest.param(rule, example, id=rule.name) for rule in RULES for example in rule.broken]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    """No file of the project breaks the rule."""
    offences = [f"{file}:{line}: {what}" for file in FILES for line, what in rule.check(file)]
    assert not offences, f"{rule.name}: {rule.reason}\n" + "\n".join(offences)


@pytest.mark.parametrize(("rule", "example"), BROKEN)
def test_the_rule_catches_what_breaks_it(rule: Rule, example: Example) -> None:
    """A file that breaks the rule is caught."""
    assert list(rule.check(Source(*example)))


def test_harmless_texts_are_left_alone() -> None:
    """Words that only look like SQL, and SQL where it belongs, break no rule."""
    harmless = Source(
        "ragkernel/service.py",
        '"""Select, then update: BEGIN IMMEDIATE stands in docstrings."""\n'
        "import json\nfrom ragkernel.core.database import Database\nfrom .events import store\n"
        "x = ['commit', 'select a base', 'Update the file', 'the PRAGMA that is set', f'begin {json}']\n"
        "def f(self):\n    with self.write() as conn:\n        return conn\n",
    )
    core = Source("ragkernel/core/writer.py", '"""a"""\nx = ["BEGIN IMMEDIATE", "SELECT 1", f"SAVEPOINT {n}"]\n')
    assert not [(rule.name, found) for rule in RULES for file in (harmless, core) for found in rule.check(file)]


def test_nothing_is_left_for_later_in_other_files() -> None:
    """SQL, templates, scripts and prose hold no unfinished places either."""
    assert not [f"{path}:{line}: {what}" for path, text in texts() for line, what in unfinished(text)]


def test_rooms_do_not_import_each_other_in_a_circle() -> None:
    """Following the imports from room to room never leads back."""
    edges: dict[str, set[str]] = {}
    for file in FILES:
        if file.path.parts[0] == "ragkernel" and file.room != "ragkernel.__init__":
            rooms = {room_of(name) for _, name in file.imports}
            edges.setdefault(file.room, set()).update(rooms & RANKS.keys() - {file.room})
    finished: set[str] = set()

    def visit(room: str, path: tuple[str, ...]) -> None:
        assert room not in path, " → ".join([*path, room])
        if room not in finished:
            for below in edges.get(room, ()):
                visit(below, (*path, room))
            finished.add(room)

    for room in edges:
        visit(room, ())


def test_the_rules_see_the_whole_project() -> None:
    """The files that are checked are those of this project, and all rooms that exist are among them."""
    seen = {file.path.parts[0] for file in FILES}
    assert {"ragkernel", "codegen", "tests"} <= seen
    assert Path(sys.modules[__name__].__file__ or "").resolve().is_relative_to(ROOT)
