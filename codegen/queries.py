from __future__ import annotations
from dataclasses import dataclass, field
@dataclass
class QueryParts:
    classes: list = field(default_factory=list)
    constants: list = field(default_factory=list)
    decoders: list = field(default_factory=list)
    functions: list = field(default_factory=list)
    choices: list = field(default_factory=list)
def query_parts(queries, catalog, own): return QueryParts()
