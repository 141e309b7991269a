"""The round trip: generate a package for a schema, import it, and drive rows through every function of every table.

package      generates and imports, and opens a database with the schema in it
annotations  what the annotations of generated code say of a value
guesses      values that might suit a column, seeded by the literals of its CHECKs
seeds        rows that SQLite accepts, parents first
walk         insert → get → update → page → delete, and all the rest, for one table
nullability  the claim `| None` of every column against what SQLite accepts
report       what came of it
run          all of these for one schema
public       the same for schemas from elsewhere, as a command
"""
