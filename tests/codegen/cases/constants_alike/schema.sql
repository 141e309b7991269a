-- Names that run into each other when they are joined or put in capitals.
CREATE TABLE t (
    id INTEGER PRIMARY KEY,
    a TEXT NOT NULL,
    b TEXT NOT NULL,
    a_b TEXT NOT NULL,
    x TEXT NOT NULL,
    x_after TEXT NOT NULL
);
CREATE INDEX t_x_a ON t (x, a, b);
CREATE INDEX t_x_b ON t (x_after, a_b);
