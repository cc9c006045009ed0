"""What a study's processes need of their surroundings: caches that can be written, and UTF-8."""

import os
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import check_writable

_CACHES = {"MPLCONFIGDIR": "matplotlib", "TRITON_CACHE_DIR": "triton"}


def surroundings(folder: Path) -> dict[str, str]:
    """Environment variables for the processes of a study.

    All read and write files as UTF-8, whatever the locale. Where the home folder cannot be written to, the caches of
    Snakemake, matplotlib and Triton move into ``folder``: without one Snakemake does not start, matplotlib reads all
    fonts again in each job, and `torch.compile` fails. What the user has set for one of the latter two stays.

    Args:
        folder: where caches go if they must; the programs make it.
    """
    found = {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}
    try:
        check_writable(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser())
    except (UserError, RuntimeError):  # expanduser() knows no home
        here = folder.absolute()
        found["XDG_CACHE_HOME"] = str(here)
        found |= {name: str(here / part) for name, part in _CACHES.items() if not os.environ.get(name)}
    return found
