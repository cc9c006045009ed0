"""A table of results that somebody else wrote, and how it becomes a table of cases."""
