"""Tables, views and virtual tables → functions. Read parts.py first.

access and orders say which look-ups an index serves, writes what inserts and updates are, abilities what a kind of
table can do.
"""
