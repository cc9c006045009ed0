"""A study: what its config asks for, and the record of it that comparison and report read."""
