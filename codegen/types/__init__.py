"""Columns → Python types.

declared says what a declared type means to SQLite, typemap what Python makes of it, config and own_types bring in the
application's own classes.
"""
