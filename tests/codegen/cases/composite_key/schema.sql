-- part: main

-- Who may do what.
CREATE TABLE grants (
    user TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('reader', 'writer')),
    PRIMARY KEY (user, role)
) WITHOUT ROWID;
