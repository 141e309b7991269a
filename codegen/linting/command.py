"""`python -m codegen lint`: prints findings. Exit codes: 0 none, 1 findings, 2 wrong usage or wrong input."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import pipeline
from ..errors import GenerationError
from ..reading import sources
from . import acceptance, columns, defaults, foreign_keys, indexes, literals, plan_rules, report, snapshot
from .advice import advised
from .plans import Plan, plans
from .rules import ACCEPTABLE, OF_PLANS, REMARKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..errors import Note
    from ..pipeline import Analysis
    from .findings import Finding

_EPILOG = """\
Accept a finding with a comment in its statement or above it:
  -- lint: accept RULE: reason
  -- lint: accept RULE OBJECT: reason
The plans of the functions that are generated for a table belong to its CREATE TABLE.
"""


def parser() -> argparse.ArgumentParser:
    """The options of lint."""
    made = argparse.ArgumentParser(
        prog="ragkernel-gen lint",
        description="Find what is doubtful in a schema and in the query plans of its statements.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    several = "SQL files, or folders of them (ordered migrations)"
    made.add_argument("--schema", type=Path, nargs="+", action="extend", default=[], metavar="PATH", help=several)
    queries = "files of named queries, or folders of them"
    made.add_argument("--queries", type=Path, nargs="+", action="extend", default=[], metavar="PATH", help=queries)
    made.add_argument("--config", type=Path, metavar="FILE", help="TOML file of types of your own and of overrides")
    made.add_argument("--plans", type=Path, metavar="FILE", help="file of plans to compare with")
    made.add_argument("--update-plans", action="store_true", help="write the file of plans anew")
    made.add_argument("--remarks", action="store_true", help="also tell what may well be meant")
    made.add_argument("--json", action="store_true", help="print an object instead of lines")
    made.add_argument("--rules", action="store_true", help="print every rule with its reason, and end")
    return made


def main(arguments: Sequence[str]) -> int:
    """Run the command; its exit code. Raises GenerationError for input that cannot be read."""
    usage = parser()
    options = usage.parse_args(list(arguments))
    if options.rules:
        print(report.rules_as_text())
        return 0
    if not options.schema:
        usage.error("the following arguments are required: --schema")
    if options.update_plans and options.plans is None:
        usage.error("--update-plans needs --plans FILE")
    for place in (*options.schema, *options.queries):
        if not place.exists():
            usage.error(f"there is no {place}")
    source = pipeline.Source(tuple(options.schema), tuple(options.queries), config=options.config)
    left, accepted = lint(source, options.plans, update=options.update_plans)
    remarks = [one for one in left if one.rule in REMARKS]
    findings = [one for one in left if one.rule not in REMARKS]
    if options.json:
        print(report.as_json(findings, remarks, accepted), end="")
    else:
        print(report.as_text(findings, remarks if options.remarks else (), len(accepted)), end="")
    return 1 if findings else 0


def lint(source: pipeline.Source, file: Path | None, *, update: bool = False) -> tuple[list[Finding], list[Finding]]:
    """The findings that nobody accepted, and those that somebody did, in the order of files and lines.

    file: of plans, to compare with or, with `update`, to write. Raises GenerationError.
    """
    notes: list[Note] = []
    uncertain: frozenset[str] = frozenset()
    with pipeline.analyse(source, notes.append) as analysis:
        found = in_schema(analysis, notes)
        made = list(plans(analysis))
        slow: dict[Finding, list[Plan]] = {}
        for plan in made:
            for one in plan_rules.check(plan, analysis.catalog):
                slow.setdefault(one, []).append(plan)
        if file is not None and update:
            file.write_text(snapshot.text(made, sqlite3.sqlite_version), encoding="utf-8", newline="\n")
        elif file is not None:
            changed, other = _compare(file, made)
            found += changed
            uncertain = frozenset(rule.name for rule in OF_PLANS) if other else uncertain
        left, accepted = _accept(_texts(source, analysis), [*found, *slow], uncertain)
        told = [one for one in left if one not in slow]
        for plan in {slow[one][0].name: slow[one][0] for one in left if one in slow}.values():
            own = [one for one in left if one in slow and slow[one][0] is plan]
            variants = sum(one.object == plan.object for one in made)
            told += [
                _in_variants(better, len(slow[one]), variants)
                for one, better in zip(own, advised(own, plan, analysis), strict=True)
            ]
    return sorted(told), sorted(accepted)


def _in_variants(finding: Finding, slow: int, variants: int) -> Finding:
    """The finding with the number of the query's variants that have it, where not all of them do."""
    if slow == variants:
        return finding
    return replace(finding, message=f"{finding.message} in {slow} of its {variants} variants")


def in_schema(analysis: Analysis, notes: Sequence[Note]) -> list[Finding]:
    """What the rules that look at the schema find."""
    catalog = analysis.catalog
    found = [one for check in (indexes, foreign_keys, columns, defaults) for one in check.check(catalog)]
    return found + list(literals.check(notes))


def _compare(file: Path, made: Sequence[Plan]) -> tuple[list[Finding], bool]:
    """The findings against the file of plans, and whether it is of another SQLite, where they are warnings only."""
    if not file.exists():
        raise GenerationError("there is no such file", file=str(file), hint="write it with --update-plans")
    kept = sources.text_of(file)
    changed = snapshot.check(made, kept, str(file))
    recorded = snapshot.version(kept)
    if recorded == sqlite3.sqlite_version:
        return changed, False
    told = f"{file} has the plans of SQLite {recorded or '?'}, this is {sqlite3.sqlite_version}"
    print(f"lint: {told}: {len(changed)} plans differ, which is no finding", file=sys.stderr)
    return [], True


def _texts(source: pipeline.Source, analysis: Analysis) -> list[tuple[str, str]]:
    """The files that hold comments, by the names that findings give them."""
    scripts = [(script.name, script.text) for script in sources.read(source.schemas)]
    files = dict.fromkeys(query.statement.file for query in analysis.queries)
    return scripts + [(file, sources.text_of(Path(file))) for file in files]


def _accept(
    texts: Sequence[tuple[str, str]], found: Sequence[Finding], uncertain: frozenset[str]
) -> tuple[list[Finding], list[Finding]]:
    """What is left, with what is wrong with the comments, and what was accepted."""
    acceptances: list[acceptance.Acceptance] = []
    wrong: list[Finding] = []
    for file, text in texts:
        more, malformed = acceptance.read(text, file, ACCEPTABLE)
        acceptances += more
        wrong += malformed
    left, accepted = acceptance.apply(found, acceptances, uncertain)
    return [*dict.fromkeys([*left, *wrong])], accepted
