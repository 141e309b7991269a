CREATE TABLE users (
  uuid        TEXT     NOT NULL PRIMARY KEY,
  created_at  DATETIME NOT NULL,
  email       TEXT     NOT NULL UNIQUE,
  akey        BLOB     NOT NULL,
  excluded_globals TEXT NOT NULL DEFAULT '[[1,[]]]'
);
CREATE TABLE ciphers (uuid TEXT NOT NULL PRIMARY KEY, user_uuid TEXT REFERENCES users (uuid), atype INTEGER NOT NULL, data TEXT NOT NULL, favorite BOOLEAN NOT NULL);
