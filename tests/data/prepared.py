"""Data sets prepared in a temporary folder."""

import hashlib
import types
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from nnunetv2.experiment_planning import verify_dataset_integrity as nnunet

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


def verify_in_threads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """nnU-Net's ``--verify_dataset_integrity``, in threads: its processes would take seconds to start."""
    threads = types.SimpleNamespace(Pool=ThreadPool)
    monkeypatch.setattr(nnunet.multiprocessing, "get_context", lambda _: threads)
    nnunet.verify_dataset_integrity(str(folder), 1)
