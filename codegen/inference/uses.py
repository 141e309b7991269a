"""What the uses of a parameter say about it, and what follows from all of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..types.typemap import Type
from .result import InferredParameter
from .values import NULL, UNKNOWN, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

# How much a use says: a function takes what can be made a text; an expression has a type; a column has its own.
GENERAL, TYPED, COLUMN = 1, 2, 3
# Kinds that say more than the storage class that they have.
_LOOSE = ("scalar", "plain_scalar", "real_scalar", "json_scalar")
_PLAIN = ("text", "integer", "real", "number", "json_scalar", "scalar", "plain_scalar", "real_scalar", "blob")


@dataclass(frozen=True, slots=True)
class Use:
    """nullable: True where NULL means something, False where NULL is refused, None where it says nothing."""

    value: Value
    weight: int
    nullable: bool | None = None
    many: bool = False


@dataclass(slots=True)
class Uses:
    """The uses of all parameters by name."""

    found: dict[str, list[Use]] = field(default_factory=dict)

    def add(self, name: str, value: Value, weight: int, nullable: bool | None = None, many: bool = False) -> None:
        """Note a use. A value of unknown kind says nothing but whether NULL may stand there."""
        if value.origin is not None and weight == TYPED:
            weight = COLUMN
        self.found.setdefault(name, []).append(Use(value, weight, nullable, many))

    def parameters(self, names: Iterable[str]) -> tuple[InferredParameter, ...]:
        """The parameters of these names."""
        return tuple(_parameter(name, self.found.get(name, [])) for name in names)


def _parameter(name: str, uses: list[Use]) -> InferredParameter:
    many = any(use.many for use in uses)
    telling = [use for use in uses if use.value.kind not in (UNKNOWN, NULL)]
    nullable = any(use.nullable for use in uses) and not any(use.nullable is False for use in uses)
    if not telling and many:
        # Nothing is asked of its items: JSON, whatever it holds.
        return InferredParameter(name, Type("text", False), "", name)
    if not telling:
        return InferredParameter(name, None, "", name, many, "cannot be inferred")
    best: Use | None = telling[0]
    for use in telling[1:]:
        best = best and _agreed(best, use)
    if best is None:
        return InferredParameter(name, None, "", name, many, "is used as more than one type")
    kind = replace(best.value, nullable=nullable and not many)
    table, column = best.value.origin or (None, None)
    return InferredParameter(name, kind.type, table.name if table else "", column.name if column else name, many)


def _agreed(one: Use, other: Use) -> Use | None:
    """The use that says what both say; None where they contradict each other."""
    first, second = one.value, other.value
    if (first.kind, first.choices, first.own) == (second.kind, second.choices, second.own):
        return one if one.weight >= other.weight else other
    if one.weight != other.weight and GENERAL in (one.weight, other.weight):
        strong, weak = (one, other) if one.weight > other.weight else (other, one)
        if strong.value.kind not in _LOOSE or strong.value.stored <= weak.value.stored:
            return strong
    if first.stored < second.stored:
        return one
    if second.stored < first.stored:
        return other
    if first.stored == second.stored:
        special = [use for use in (one, other) if use.value.kind not in _PLAIN]
        if len(special) == 1:
            return special[0]
        if one.weight != other.weight:
            return one if one.weight > other.weight else other
        return None
    return None
