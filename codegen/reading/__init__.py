"""SQL text → Catalog. Read introspect.py first.

sources gives the scripts, loading runs them in a `:memory:` database, relations asks SQLite what they made, definitions
and checks read from the tokens what PRAGMAs do not tell.
"""
