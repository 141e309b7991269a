"""A file of plans: what each statement's plan was when somebody read it last, and on which SQLite.

A change of schema or of a query that makes a plan worse shows in the difference of this file. The planner differs from
version to version, so on another SQLite than the one named the file decides nothing.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from .findings import Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .plans import Plan

CHANGED = Rule(
    "plan-changed",
    "a plan that is not the one in the file of plans",
    "somebody should see that a plan changes, and that a statement is new or gone",
    "https://www.sqlite.org/eqp.html",
)
_VERSION = re.compile(r"# Plans of SQLite (\S+)\.")
_HINT = "if it is meant, write the file anew with --update-plans"


def text(plans: Sequence[Plan], version: str) -> str:
    """The file for these plans."""
    head = (
        f"# Plans of SQLite {version}. Written by `python -m codegen lint … --update-plans`: read the difference.\n"
        "# Over the empty schema, without ANALYZE.\n"
    )
    return head + "".join(f"\n{plan.name}\n{plan.text}" for plan in plans if plan.lines)


def version(kept: str) -> str:
    """The SQLite version that a file of plans names, "" where it names none."""
    found = _VERSION.match(kept)
    return found[1] if found else ""


def check(plans: Sequence[Plan], kept: str, file: str) -> list[Finding]:
    """A finding for each statement whose plan is not the one in the file `file` with the text `kept`."""
    found: list[Finding] = []
    before = _read(kept)
    for plan in plans:
        if not plan.lines:
            continue  # an INSERT of values has no plan
        old = before.pop(plan.name, None)
        if old is None:
            message = f"the plan of {plan.name} is not in {file}"
        elif old[1] != plan.text:
            message = f"the plan of {plan.name} is not the one in {file}:{old[0]}\n{_difference(old[1], plan.text)}"
        else:
            continue
        found.append(Finding(plan.file, plan.line, plan.column, CHANGED.name, plan.name, message, _HINT))
    for name, (line, _) in before.items():
        message = f"{file} has a plan of {name}, which is no statement"
        found.append(Finding(file, line, 0, CHANGED.name, name, message, _HINT))
    return found


def _read(kept: str) -> dict[str, tuple[int, str]]:
    """Name → the line where it stands and the text of its plan."""
    found: dict[str, tuple[int, str]] = {}
    name = ""
    for number, line in enumerate(kept.splitlines(), 1):
        if line.startswith(" "):
            at, plan = found.get(name, (number, ""))
            found[name] = (at, f"{plan}{line}\n")
        elif line and not line.startswith("#"):
            name = line
            found[name] = (number, "")
    return found


def _difference(old: str, new: str) -> str:
    lines = difflib.ndiff(old.splitlines(), new.splitlines())
    return "\n".join(f"  {line.rstrip()}" for line in lines if not line.startswith("?"))
