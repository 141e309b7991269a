"""What is doubtful in a schema and in the plans of its statements: `python -m codegen lint`.

findings        what a rule and a finding are
rules           every rule by its name: indexes, foreign_keys, columns, defaults, literals look at the schema
plan_rules      looks at EXPLAIN QUERY PLAN of every statement of the generated package (plans)
snapshot        compares the plans with a file of them
acceptance      findings accepted by a comment with a reason
command         the command line
"""
