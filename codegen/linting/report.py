"""Findings as people and as programs read them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from .rules import OF_FILES, OF_PLANS, OF_SCHEMAS, REMARKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .findings import Finding, Rule


def as_text(findings: Sequence[Finding], remarks: Sequence[Finding], accepted: int) -> str:
    """A line a finding, and how many there are."""
    lines = [str(one) for one in (*findings, *remarks)]
    told = f", {len(remarks)} remarks" if remarks else ""
    count = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
    return "\n".join([*lines, f"lint: {count}{told}, {accepted} accepted with a reason"]) + "\n"


def as_json(findings: Sequence[Finding], remarks: Sequence[Finding], accepted: Sequence[Finding]) -> str:
    """One object: `findings`, `remarks` and `accepted`, each a list of objects with the fields of Finding."""
    told = {"findings": findings, "remarks": remarks, "accepted": accepted}
    return json.dumps({name: [asdict(one) for one in those] for name, those in told.items()}, indent=2) + "\n"


def rules_as_text() -> str:
    """Every rule with what it finds, why that matters and where SQLite says so."""
    groups: tuple[tuple[str, Sequence[Rule]], ...] = (
        ("Schema", OF_SCHEMAS),
        ("Plans", OF_PLANS),
        ("Comments and files (not to be accepted)", OF_FILES),
    )
    lines: list[str] = []
    for title, rules in groups:
        lines += [f"{title}:", ""]
        for rule in rules:
            kind = " (remark)" if rule.name in REMARKS else ""
            lines += [f"  {rule.name}{kind}", f"      {rule.summary}", f"      why: {rule.reason}"]
            lines += [f"      see: {rule.page}"] if rule.page else []
        lines.append("")
    return "\n".join(lines)
