CREATE INDEX tickets_user_id ON tickets (user_id);
