"""Tests of migrations that are written from differences."""
