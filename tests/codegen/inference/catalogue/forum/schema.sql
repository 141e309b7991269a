-- A forum: people, threads of posts, tags, votes, full-text search.
CREATE TABLE people (
    id INTEGER PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE,
    bio TEXT,
    born DATE,
    settings JSON TEXT NOT NULL
);
CREATE TABLE posts (
    id INTEGER PRIMARY KEY,
    author_id INTEGER REFERENCES people (id),
    parent_id INTEGER REFERENCES posts (id),
    body TEXT NOT NULL,
    score INTEGER NOT NULL DEFAULT 0,
    edited_at DATETIME
);
CREATE TABLE tags (post_id INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (post_id, tag)) WITHOUT ROWID;
CREATE TABLE follows (follower INTEGER NOT NULL, followed INTEGER NOT NULL, since TEXT, PRIMARY KEY (follower, followed));
CREATE VIRTUAL TABLE search USING fts5 (title, body);
CREATE VIEW threads AS
WITH RECURSIVE tree (id, root, depth) AS (
    SELECT id, id, 0 FROM posts WHERE parent_id IS NULL
    UNION ALL
    SELECT posts.id, tree.root, tree.depth + 1 FROM posts JOIN tree ON posts.parent_id = tree.id
)
SELECT root, count(*) AS size, max(depth) AS depth FROM tree GROUP BY root;
CREATE VIEW named_threads AS
SELECT threads.*, people.handle FROM threads JOIN posts ON posts.id = threads.root LEFT JOIN people ON people.id = posts.author_id;
