"""What came of a schema: table by table, and as a line of a table for all schemas."""

from __future__ import annotations

from dataclasses import dataclass, field

ROUND_TRIPPED = "round-tripped"
NO_ROW = "no row found"
NAMELESS = "no row can be named"
FAILED = "failed"


@dataclass
class TableOutcome:
    """One table. reason: SQLite's, where no row was found. problems: what the generated code got wrong. remarks: what
    could not be tried, and why."""

    table: str
    status: str = ROUND_TRIPPED
    reason: str = ""
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def fail(self, problem: str) -> None:
        """One problem of a kind is enough: what stands before its colon tells them apart."""
        self.status = FAILED
        if problem.partition(":")[0] not in {one.partition(":")[0] for one in self.problems}:
            self.problems.append(problem)


@dataclass
class SchemaOutcome:
    """One schema. error: why there is no package at all. unsound: columns claimed not null that take NULL. wide:
    columns claimed nullable that never took it, and the likely reason."""

    name: str
    tables: list[TableOutcome] = field(default_factory=list)
    others: list[TableOutcome] = field(default_factory=list)
    views: int = 0
    virtual: int = 0
    columns: int = 0
    nullabilities: int = 0
    unsound: list[str] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def round_tripped(self) -> int:
        return sum(one.status == ROUND_TRIPPED for one in self.tables)

    @property
    def problems(self) -> list[str]:
        """Everything that is the generator's fault."""
        found = [f"{self.name}: {self.error}"] if self.error else []
        for one in (*self.tables, *self.others):
            found += [f"{self.name}.{one.table}: {problem}" for problem in one.problems]
        return found + [f"{self.name}.{one}" for one in self.unsound]

    @property
    def rest(self) -> list[str]:
        """The tables for which no row was found, or whose rows nothing names, each with the reason."""
        return [f"{one.table}: {one.reason}" for one in self.tables if one.status in (NO_ROW, NAMELESS)]

    @property
    def wrong_claims(self) -> list[str]:
        return self.unsound + self.wide


def markdown(outcomes: list[SchemaOutcome]) -> str:
    """The table of all schemas."""
    lines = [
        "| schema | tables | views | virtual | columns | round-tripped | not null claims wrong | the rest |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for one in outcomes:
        rest = one.error or "; ".join(one.rest)
        share = f"{one.round_tripped} of {len(one.tables)}"
        cells = (one.name, len(one.tables), one.views, one.virtual, one.columns, share, len(one.unsound), rest)
        lines.append(f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)
