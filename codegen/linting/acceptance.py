"""Findings that somebody accepted: `-- lint: accept RULE[ OBJECT]: reason`, in the statement or directly above it.

It accepts the findings of that rule in that statement, those about OBJECT where one is named; the plans of the
functions that are generated for a table belong to its CREATE statement. An acceptance without a reason, of a rule that
does not exist, or of nothing that was found is a finding itself: it would hide the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..reading.tokens import COMMENT, Statement, Token, split, tokenize
from .findings import Finding, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MALFORMED = Rule(
    "accept-malformed",
    "a lint comment that accepts nothing: no reason, an unknown rule, or words that are none of its own",
    "a finding is accepted for a reason, which the next reader needs",
    "",
)
UNUSED = Rule(
    "accept-unused",
    "a lint comment for something that is not found there",
    "what it accepted is mended, or it stands in the wrong place; left there it would hide the next finding",
    "",
)
_MARK = "lint:"
_HINT = "write `-- lint: accept RULE: reason` or `-- lint: accept RULE OBJECT: reason`"


@dataclass(slots=True)
class Acceptance:
    """One comment. first, last: the lines of its statement. used: whether it accepted something."""

    file: str
    token: Token
    first: int
    last: int
    rule: str
    object: str
    used: bool = False

    def covers(self, finding: Finding) -> bool:
        """Whether it accepts this finding."""
        here = self.file == finding.file and self.first <= finding.line <= self.last
        return here and self.rule == finding.rule and self.object.lower() in ("", finding.object.lower())


def read(text: str, file: str, rules: Mapping[str, Rule]) -> tuple[list[Acceptance], list[Finding]]:
    """The acceptances in a file of SQL, and findings about comments that accept nothing."""
    found: list[Acceptance] = []
    wrong: list[Finding] = []
    statements = list(split(text, file))
    for token in tokenize(text, file):
        if token.kind != COMMENT or not _words(token).startswith(_MARK):
            continue
        made = _parse(token, file, rules)
        owner = next((one for one in statements if one.start + len(one.sql) > token.start), None)
        if isinstance(made, str) or owner is None:
            message = made if isinstance(made, str) else "a lint comment with no statement below it"
            wrong.append(Finding(file, token.line, token.column, MALFORMED.name, "", message, _HINT))
            continue
        rule, name = made
        found.append(Acceptance(file, token, *_lines(owner), rule, name))
    return found, wrong


def apply(
    findings: Iterable[Finding], acceptances: Sequence[Acceptance], uncertain: frozenset[str] = frozenset()
) -> tuple[list[Finding], list[Finding]]:
    """What is left of the findings with those about unused acceptances added, and what was accepted.

    uncertain: rules whose findings may be absent here for reasons of this machine: an acceptance of them may be unused.
    """
    left: list[Finding] = []
    accepted: list[Finding] = []
    for finding in findings:
        by = [one for one in acceptances if one.covers(finding)]
        for one in by:
            one.used = True
        (accepted if by else left).append(finding)
    for one in acceptances:
        if not one.used and one.rule not in uncertain:
            about = f" about {one.object}" if one.object else ""
            message = f"there is no finding of {one.rule}{about} in this statement"
            left.append(
                Finding(one.file, one.token.line, one.token.column, UNUSED.name, one.object, message, "drop it")
            )
    return left, accepted


def _words(token: Token) -> str:
    return token.text.removeprefix("--").strip() if token.text.startswith("--") else ""


def _parse(token: Token, file: str, rules: Mapping[str, Rule]) -> tuple[str, str] | str:
    """The rule and the object, "" for any; or what is wrong with the comment."""
    head, colon, reason = _words(token).removeprefix(_MARK).partition(":")
    word, _, rest = head.strip().partition(" ")
    rule, _, name = rest.strip().partition(" ")
    if word != "accept" or not rule:
        return "a lint comment says `accept` and a rule"
    if rule not in rules:
        return f"there is no rule {rule} that could be accepted"
    if not colon or not reason.strip():
        return f"{rule} is accepted without a reason"
    return rule, name.strip()


def _lines(statement: Statement) -> tuple[int, int]:
    first = statement.tokens[0].line
    above = min((token.line for token in statement.above), default=first)
    last = statement.tokens[-1]
    return min(first, above), last.line + last.text.count("\n")
