"""Every rule by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import acceptance, columns, defaults, foreign_keys, indexes, literals, plan_rules, snapshot

if TYPE_CHECKING:
    from .findings import Rule

OF_PLANS: tuple[Rule, ...] = (plan_rules.SCAN, plan_rules.SORT, plan_rules.AUTOMATIC, plan_rules.CORRELATED)
OF_SCHEMAS: tuple[Rule, ...] = (
    indexes.DUPLICATE,
    indexes.PREFIX,
    foreign_keys.UNINDEXED,
    foreign_keys.DANGLING,
    foreign_keys.NOT_UNIQUE,
    columns.NULLABLE_KEY,
    columns.UNTYPED,
    columns.MISLEADING,
    columns.AUTOINCREMENT,
    defaults.KIND,
    defaults.MOMENT,
    literals.QUOTED,
)
# What a comment cannot accept: each is mended in one step.
OF_FILES: tuple[Rule, ...] = (plan_rules.INVALID, snapshot.CHANGED, acceptance.MALFORMED, acceptance.UNUSED)

RULES: tuple[Rule, ...] = (*OF_SCHEMAS, *OF_PLANS, *OF_FILES)
ACCEPTABLE: dict[str, Rule] = {rule.name: rule for rule in (*OF_SCHEMAS, *OF_PLANS)}
REMARKS: frozenset[str] = frozenset(rule.name for rule in RULES if rule.remark)
