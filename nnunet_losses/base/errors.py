"""The one error that is meant for a person, not for a programmer, and the line that tells it."""

import re
from pathlib import Path

_LINE = re.compile(r"^nnunet-losses(?: [\w-]+)?: (.+)$", re.MULTILINE)


class UserError(Exception):
    """Wrong input: its text is one clear sentence (what, where, what to do); the CLI prints it and exits with 1."""


def line_of(error: object, command: str = "") -> str:
    """What a terminal shows of a `UserError`. In the log of a job, `told_in` finds it.

    Args:
        error: it, or its text.
        command: of `nnunet-losses`; empty if nnU-Net's own command was called.
    """
    return f"nnunet-losses{' ' * bool(command)}{command}: {error}"


def told_in(log: Path) -> str | None:
    """The text of the last `UserError` in the log of a job, which would end so again; None if there is none."""
    try:
        found = _LINE.findall(log.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return found[-1] if found else None
