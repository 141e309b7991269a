CREATE VIEW user_names (user_id, shown) AS SELECT id, coalesce(email, name) FROM users;
