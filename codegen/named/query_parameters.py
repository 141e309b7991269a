"""The parameters of a named query → those of its function, and the code that checks and converts them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .. import layout, naming
from ..ir import Parameter
from ..tables.fields import make_field
from ..types import typemap
from ..types.typemap import Type, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..ir import Field
    from .named_queries import Query
    from .query_types import QueryParameter


@dataclass(slots=True)
class Given:
    """What a function takes. arguments: the key of each value that SQLite gets, with its expression. chosen: the
    expressions that pick the statement of a query with variants. choices: constants with the allowed values of Literal
    parameters. fields: those of a batch's rows."""

    parameters: list[Parameter] = field(default_factory=list)
    arguments: list[tuple[str, str]] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    choices: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)


def given(query: Query, parameters: Sequence[QueryParameter]) -> Given:
    """The parameters of a query's function. Raises GenerationError for two that would share a name."""
    result = Given()
    names = _names(query, parameters)
    type_of = naming.type_function(names)
    for name, one in names.items():
        constant = f"_{query.name}_{name}_IN".upper()
        if one.many:
            data = query.blobs.get(one.name)
            made = _listed(one, name, names, blobs=data is not None)
            if data is not None:
                result.arguments.append((literal(data), naming.free(f"{name}_data", names)))
        else:
            if one.type.choices:
                result.choices.append((constant, tuple(map(literal, one.type.choices))))
            made = _parameter(query, one, name, constant, type_of)
        result.parameters.append(made)
        result.arguments.append((literal(one.name), made.bind))
    for switch in query.variants.switches:
        if not switch.parameter:
            name = naming.parameter(switch.name)
            if name in names or (name == "order" and query.variants.orders):
                raise query.error(
                    f"the part {switch.name} is called as a parameter is", switch.token, "rename one of them"
                )
            checked = f"_values.flag({typemap.quoted(query.module)}, {typemap.quoted(switch.name)}, {name})"
            result.parameters.append(Parameter(name, "bool", "False", "", (checked,)))
            result.chosen.append(f"{name} is True")
            continue
        one = next(one for one in parameters if one.name == switch.name)
        unset = "_rows.UNSET" if one.type.nullable else "None"
        result.chosen.append(f"{naming.parameter(one.name)} is not {unset}")
    if query.variants.orders:
        if "order" in names:
            raise query.error(
                "a query with @order has a parameter `order`", query.comment.orders[0].token, "rename :order"
            )
        constant = f"_{query.name}_ORDER_IN".upper()
        kind = Type("choice", True, query.variants.orders)
        confirm = typemap.confirm(kind, query.module, "order", "order", constant, type_of)
        result.choices.append((constant, tuple(map(literal, kind.choices))))
        result.parameters.append(Parameter("order", kind.write, "None", "", confirm))
        result.chosen.append("order")
    return result


def batch(query: Query, parameters: Sequence[QueryParameter]) -> Given:
    """The fields of the rows that a batch takes, and what SQLite gets for each `row`."""
    result = Given()
    attributes = naming.attributes([one.name for one in parameters])
    for place, (one, attribute) in enumerate(zip(parameters, attributes, strict=True)):
        constant = f"_{query.name}_{attribute}_IN".upper()
        if one.type.choices:
            result.choices.append((constant, tuple(map(literal, one.type.choices))))
        value = f"row.{attribute}" if len(parameters) > 1 else "row"
        bind = typemap.bind(one.type, one.table, one.column, value, constant)
        result.arguments.append((literal(one.name), bind))
        default = "None" if one.type.nullable else None
        result.fields.append(
            make_field(one.table, one.column, attribute, place, one.type, default=default, choices_constant=constant)
        )
    return result


def _names(query: Query, parameters: Sequence[QueryParameter]) -> dict[str, QueryParameter]:
    names: dict[str, QueryParameter] = {}
    for one in parameters:
        name = naming.parameter(one.name)
        other = names.setdefault(name, one)
        if other is not one:
            raise query.error(
                f":{other.name} and :{one.name} would both get the parameter {name}",
                query.parameters[one.name],
                "rename one of them",
            )
    return names


def _parameter(query: Query, one: QueryParameter, name: str, constant: str, type_of: str) -> Parameter:
    kind = one.type
    unset = one.switch and kind.nullable
    if one.switch:
        kind = replace(kind, nullable=True)
    confirm: tuple[str, ...] = ()
    if query.writes:
        bind = typemap.bind(kind, one.table, one.column, name, constant)
    else:
        bind = typemap.look_up(kind, one.table, one.column, name)
        confirm = typemap.confirm(kind, one.table, one.column, name, constant, type_of)
    if not unset:
        return Parameter(name, kind.write, "None" if kind.nullable else None, bind, confirm)
    if confirm:  # it begins with `if name is not None:`
        confirm = (f"if {name} is not None and {name} is not _rows.UNSET:", *confirm[1:])
    return Parameter(name, kind.optional, "_rows.UNSET", f"None if {name} is _rows.UNSET else {bind}", confirm)


def _listed(one: QueryParameter, name: str, taken: Iterable[str], *, blobs: bool) -> Parameter:
    """A list: one JSON array, made before the statement runs; of BLOBs with a BLOB that holds them all."""
    item = replace(one.type, nullable=False)
    optional = one.type.nullable or one.switch
    variable = naming.free(f"{name}_json", taken)
    indent = 8 if optional else 4
    table, column = typemap.quoted(one.table), typemap.quoted(one.column)
    bound = typemap.look_up(item, one.table, one.column, "wanted")
    values = f"list({name})" if bound == "wanted" else f"[{bound} for wanted in {name}]"
    variables = [variable]
    if blobs:
        annotation = item.write
        variables.insert(0, naming.free(f"{name}_data", taken))
        lines = layout.call(f"{', '.join(variables)} = _values.blobs_text(", [table, column, values], ")", indent)
    elif item.kind == "scalar":
        annotation = "str | int"
        lines = layout.call(f"{variable} = _values.json_text(", [table, column, f"list({name})"], ")", indent)
    else:
        annotation = item.write
        columns = f"(({column}, {typemap.in_json(item)}),)"
        lines = layout.call(f"{variable} = _values.keys_text(", [table, columns, values], ")", indent)
    made = [line[4:] for line in lines.split("\n")]
    unset = (*(f"{each} = None" for each in variables), f"if {name} is not None:")
    confirm = (*unset, *made) if optional else tuple(made)
    text = f"Iterable[{annotation}]" + (" | None" if optional else "")
    return Parameter(name, text, "None" if optional else None, variable, confirm)
