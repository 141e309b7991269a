"""Query files → functions. Read named_queries.py first.

query_comments reads the annotations, sqlc and rewriting make plain SQL of sqlc's macros, variants the statements of
optional parts, queries what the templates print.
"""
