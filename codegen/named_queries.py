from __future__ import annotations
class Query:
    module=""
    row_class=""
    def error(self, m, hint=""): ...
def read_queries(connection, catalog, files): return []
