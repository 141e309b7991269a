"""Named queries with their types → functions, row classes and decoders."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

from .. import naming
from ..clashes import Names, of_query
from ..ir import Constant, Decoder, Function, OrderConstant, RowClass
from ..types.typemap import literal
from .query_parameters import Given, batch, given
from .query_results import Composite, Models, Result, result
from .query_types import typed_columns, typed_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from ..errors import Note
    from ..tables.parts import TableParts
    from .named_queries import Query


@dataclass(slots=True)
class QueryParts:
    """What the named queries of a module add to it. choices: constants of Literal parameters. shared: the suffixes of
    decoders that later queries may use."""

    classes: list[RowClass] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    decoders: list[Decoder] = field(default_factory=list)
    composites: list[Composite] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    choices: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    shared: set[str] = field(default_factory=set)

    def extend(self, other: QueryParts) -> None:
        """Add those of one more query."""
        self.classes += other.classes
        self.constants += other.constants
        self.decoders += other.decoders
        self.composites += other.composites
        self.functions += other.functions
        self.choices += other.choices

    def names(self) -> list[tuple[str, str]]:
        """The names that they add to the module, each with its sort."""
        made = [("function", f"{name}{one.suffix}") for one in self.composites for name in ("_row", "_rows_of")]
        choices = [name for name, _ in self.choices]
        return [*module_names(self.functions, self.constants, (), self.decoders, choices), *made]


def module_names(
    functions: Iterable[Function],
    constants: Iterable[Constant],
    orders: Iterable[OrderConstant],
    decoders: Iterable[Decoder],
    choices: Iterable[str],
) -> list[tuple[str, str]]:
    """The names of these things in a module, each with its sort."""
    found = [("function", one.name) for one in functions]
    found += [("constant", one.name) for one in constants]
    found += [("constant", one.name) for one in orders]
    found += [("constant", name) for name in choices]
    for each in decoders:
        upper = each.suffix.upper()
        found += [("constant", f"_COLUMNS{upper}"), ("constant", f"_KEY{upper}")]
        found += [("function", f"_row{each.suffix}"), ("function", f"_rows_of{each.suffix}")]
        found += [("constant", one.choices_constant) for one in each.fields if one.choices]
    return found


def query_parts(
    queries: Sequence[Query],
    own: TableParts,
    models: Models,
    names: Names,
    class_names: Names,
    note: Callable[[Note], None],
) -> QueryParts:
    """The functions of a module's named queries.

    own: the module's table. models: the row classes of tables. names, class_names: those of the module and of models.
    note: told of what is not known, and of a query that got a number because its name is taken.
    """
    parts = QueryParts()
    wanted = {query.name for query in queries}
    for query in queries:
        made = _named(query, wanted, own, models, names, class_names, note)
        _share_decoder(made, parts)
        for what, name in dict.fromkeys(made.names()):
            names.claim(name, what, of_query(query))
        for one in made.classes:
            class_names.claim(one.name, "row class", one.origin)
        parts.extend(made)
    return parts


def _named(
    query: Query,
    kept: Collection[str],
    own: TableParts,
    models: Models,
    names: Names,
    class_names: Names,
    note: Callable[[Note], None],
) -> QueryParts:
    """What a query becomes, under the first name that hides nothing: its own, or that with a number which is none of
    the names `kept` for other queries."""
    wanted, first = query.name, ""
    numbered = (naming.numbered(wanted, number) for number in count(2))
    while True:
        notes: list[Note] = []
        made = QueryParts()
        _add(query, own, models, made, notes.append)
        origin = of_query(query)
        clash = names.clash((name for _, name in made.names()), origin)
        clash = clash or class_names.clash((one.name for one in made.classes), origin)
        if not clash:
            break
        first = first or clash
        query.comment = replace(query.comment, name=next(name for name in numbered if name not in kept))
    if first:
        text = f"the query {query.module}.{wanted} is called {query.name}, because {first} is taken"
        note(query.doubt(text, hint="rename it"))
    for one in notes:
        note(one)
    return made


def _share_decoder(made: QueryParts, parts: QueryParts) -> None:
    """Let a query whose rows are those of a table use the decoder that an earlier query of the module has for them."""
    if len(made.decoders) != 1 or made.classes or made.composites:
        return
    decoder = made.decoders[0]
    for place, one in enumerate(parts.decoders):
        if decoder.class_name and one.class_name == decoder.class_name and one.suffix in parts.shared:
            parts.decoders[place] = replace(one, many=one.many or decoder.many)
            made.functions[0].facts["decoder"] = one.suffix
            made.decoders.clear()
            return
    parts.shared.add(decoder.suffix)


def _add(query: Query, own: TableParts, models: Models, parts: QueryParts, note: Callable[[Note], None]) -> None:
    columns = typed_columns(query, note)
    parameters = typed_parameters(query, note)
    taken = batch(query, parameters) if query.kind == "batch" else given(query, parameters)
    parts.choices += taken.choices
    facts: dict[str, object] = {
        "connection": "Writer" if query.writes else "Reader",
        "arguments": taken.arguments,
        **_statements(query, taken, parts),
    }
    if query.kind in ("one", "many", "iter"):
        annotation = _rows(query, result(query, columns, own, models), facts, parts)
    elif query.kind == "batch":
        annotation = "int"
        facts["item"] = _batch_item(query, taken, parameters[0].type.write, parts)
    else:
        annotation = _changes(query, facts, note)
    parts.functions.append(
        Function(f"query_{query.kind}", query.name, query.doc, tuple(taken.parameters), annotation, facts)
    )


def _statements(query: Query, taken: Given, parts: QueryParts) -> dict[str, object]:
    """The facts about the query's statements, whose constants are made."""
    constant = f"_SQL_{query.name.upper()}"
    every = query.variants.every
    if len(every) == 1:
        parts.constants.append(Constant(constant, every[0].statement.sql))
        return {"sql": constant, "chosen": (), "variants": ()}
    variants = []
    for number, one in enumerate(every):
        name = f"{constant}__{number}"
        parts.constants.append(Constant(name, one.statement.sql))
        key = [str(on) for on in one.given]
        if query.variants.orders:
            key.append("None" if one.order is None else literal(one.order))
        variants.append((key[0] if len(key) == 1 else f"({', '.join(key)})", name))
    return {"sql": constant, "chosen": taken.chosen, "variants": variants}


def _rows(query: Query, made: Result, facts: dict[str, object], parts: QueryParts) -> str:
    """The annotation of the function; its row class, decoders and facts are added."""
    parts.classes += made.classes
    parts.decoders += made.decoders
    facts["decoder"] = made.suffix
    facts["composite"] = made.composite
    if made.composite is not None:
        parts.composites.append(made.composite)
        parts.choices += [(one.choices_constant, one.choices) for one in made.composite.fields if one.choices]
    item = made.item
    if query.kind == "many":
        facts["method"] = "write_all" if query.writes else "fetch_all"
        return f"list[{item}]"
    if query.kind == "iter":
        facts["method"] = "stream"
        return f"Iterator[{item}]"
    if query.group is not None:
        facts["shape"] = "group"
        facts["method"] = "write_all" if query.writes else "fetch_all"
    elif query.inference.one_row:
        facts["shape"] = "always"
        facts["method"] = "write_all" if query.writes else "fetch_all"
        return item
    else:
        facts["shape"] = "perhaps"
        facts["method"] = "write_one" if query.writes else "fetch_one"
    return item if item.endswith("| None") else f"{item} | None"


def _changes(query: Query, facts: dict[str, object], note: Callable[[Note], None]) -> str:
    facts["method"] = "change"
    if query.inference.columns or not query.writes:
        facts["method"] = "write_all" if query.writes else "fetch_all"
        note(query.doubt("the rows that the statement gives are thrown away", hint="use :one or :many"))
    facts["table"] = query.tables[0] if query.tables else ""
    if query.kind == "execlastid":
        tokens = query.statement.tokens
        facts["perhaps"] = any(token.is_word("IGNORE", "NOTHING", "SELECT") for token in tokens)
        return "int | None" if facts["perhaps"] else "int"
    return {"exec": "None", "execresult": "tuple[int, int]"}.get(query.kind, "int")


def _batch_item(query: Query, taken: Given, single: str, parts: QueryParts) -> str:
    """The annotation of what a batch takes for each row: a class where the statement has several parameters."""
    if len(taken.fields) == 1:
        return single
    name = f"{query.row_class}Params"
    doc = (f"What the query {query.module}.{query.name} takes for each row.",)
    parts.classes.append(RowClass(name, doc, tuple(taken.fields), True, of_query(query)))
    return name
