"""The generator: reads SQLite DDL and named queries, writes a typed Python package over the standard library's sqlite3.

Start with `pipeline.py`. Run it as `python -m codegen`; installed, it is `python -m ragkernel_codegen`.
"""
