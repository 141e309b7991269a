DROP INDEX watchers_pair;
