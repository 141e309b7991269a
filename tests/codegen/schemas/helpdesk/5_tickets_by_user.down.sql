DROP INDEX tickets_user_id;
