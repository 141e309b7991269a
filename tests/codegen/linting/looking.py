"""Lint over a schema and queries given as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.linting import command, plan_rules
from codegen.linting.plans import Plan, explained, plan, plans
from codegen.pipeline import Source, analyse

if TYPE_CHECKING:
    from pathlib import Path

    from codegen.errors import Note
    from codegen.linting.findings import Finding
    from codegen.pipeline import Analysis


def analysis_of(folder: Path, schema: str, queries: str = "", notes: list[Note] | None = None) -> Analysis:
    """The analysis of a schema and of queries, which are a module `q`, written into a folder.

    notes: gets those of reading them.
    """
    (folder / "schema.sql").write_text(schema)
    (folder / "q.sql").write_text(queries)
    found: list[Note] = [] if notes is None else notes
    return analyse(Source((folder / "schema.sql",), (folder / "q.sql",) if queries else ()), found.append)


def in_schema(folder: Path, schema: str) -> list[Finding]:
    """What the rules find that look at the schema."""
    notes: list[Note] = []
    with analysis_of(folder, schema, notes=notes) as analysis:
        return command.in_schema(analysis, notes)


def in_statement(folder: Path, schema: str, sql: str) -> list[Finding]:
    """What the rules find in the plan of one statement, called `q.ask`."""
    with analysis_of(folder, schema) as analysis:
        return list(plan_rules.check(explained(analysis.connection, statement(sql)), analysis.catalog))


def statement(sql: str) -> Plan:
    """A statement called `q.ask`, without its plan."""
    return plan("q.ask", "q.ask", ("q.sql", 1, 1), sql)


def all_plans(folder: Path, schema: str, queries: str = "") -> list[Plan]:
    """The plans of everything that is generated."""
    with analysis_of(folder, schema, queries) as analysis:
        return list(plans(analysis))
