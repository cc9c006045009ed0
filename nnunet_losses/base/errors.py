"""The one error that is meant for a person, not for a programmer."""


class UserError(Exception):
    """Wrong input: its text is one clear sentence (what, where, what to do); the CLI prints it and exits with 1."""
