DROP VIEW ticket_activity;
