"""Data sets prepared in a temporary folder."""

import hashlib
from pathlib import Path

from nnunet_losses.data.raw import prepare_raw

SMALL_PHANTOM = {"phantom": {"cases": 3, "shape": [24, 32, 32]}}


def described(source: dict[str, object], **changes: object) -> dict[str, object]:
    """The content of a data-set file."""
    return {"name": "Dataset077_Prepared", "source": source, **changes}


def prepare(description: dict[str, object], tmp_path: Path, **options: object) -> Path:
    """The raw data set that it describes."""
    return prepare_raw(
        description, tmp_path / "prepared", downloads_dir=tmp_path / "downloads", progress=False, **options
    )


def fingerprint(folder: Path) -> dict[str, tuple[str, float]]:
    """Content and time of every file."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime)
        for path in folder.rglob("*")
        if path.is_file()
    }
