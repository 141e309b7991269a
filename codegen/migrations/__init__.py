"""Migrations from differences: `python -m codegen diff`.

building     the migrations so far, and schema.sql, each run in a `:memory:` database
model        what such a database is, for comparison: tokens, not text; sets where SQLite knows no order
compare      how two models differ, in words
losses       which of these differences can lose data, or fail on the data that is there
planning     the statements from the one to the other, tried out in `:memory:` while they are chosen
  changes    ALTER where SQLite can and the result is the same, by trial
  rebuilding the table rebuild of https://www.sqlite.org/lang_altertable.html#otheralter
writing      the text of the two files, and the files themselves
command      the command line
"""
