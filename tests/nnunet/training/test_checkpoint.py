"""A checkpoint is loaded without running code that it may hold."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.training.checkpoint import (
    TRUST,
    DamagedCheckpointError,
    origin_of,
    read_checkpoint,
    safe_loading,
    weights_sha256,
)


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, int, bool]]:
        return os.makedirs, (str(self.folder), 0o777, True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint_final.pth"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Exists once the code of a checkpoint has run."""
    return tmp_path / "trace"


HARMLESS = {
    "network_weights": {"a": torch.arange(3.0)},
    "logging": {"loss": [np.float64(0.5), np.float32(0.25), np.mean([1, 2])], "lrs": [0.1]},
    "array": np.arange(4).reshape(2, 2),
    "init_args": {"fold": 0, "device": torch.device("cpu"), "plans": {"spacing": (1.0, None, True)}},
    "_best_ema": np.float16(0.5),
}


@pytest.mark.parametrize("mapped", [False, True])
def test_what_nnunet_saves_is_read(file: Path, mapped: bool) -> None:
    torch.save(HARMLESS, file)
    found = read_checkpoint(file, mapped=mapped)
    assert found.keys() == HARMLESS.keys()
    assert torch.equal(found["network_weights"]["a"], HARMLESS["network_weights"]["a"])
    assert found["logging"] == HARMLESS["logging"]
    np.testing.assert_array_equal(found["array"], HARMLESS["array"])
    assert found["init_args"] == HARMLESS["init_args"]
    assert type(found["_best_ema"]) is np.float16


@pytest.mark.parametrize(("ours", "other"), [(b"numpy._core", b"numpy.core"), (b"numpy.core", b"numpy._core")])
def test_a_checkpoint_of_another_numpy_is_read(file: Path, ours: bytes, other: bytes) -> None:
    torch.save(HARMLESS, file)
    with zipfile.ZipFile(file) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(file, "w") as target:
        for name, content in parts.items():
            # pickled names are preceded by their length only in newer protocols than PyTorch's
            target.writestr(name, content.replace(ours, other) if name.endswith("data.pkl") else content)
    assert read_checkpoint(file)["logging"] == HARMLESS["logging"]


@pytest.mark.parametrize("content", [b"", b"no checkpoint"])
def test_a_damaged_file_is_named(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"checkpoint_final\.pth cannot be read .*damaged.*resume its training"):
        read_checkpoint(file)


def test_a_wrong_bit_is_noticed_wherever_it_matters(file: Path) -> None:
    torch.save(HARMLESS, file)
    whole = file.read_bytes()
    changed = 0
    for position in np.random.default_rng(0).integers(0, 8 * len(whole), 200):
        content = bytearray(whole)
        content[position // 8] ^= 1 << (position % 8)
        file.write_bytes(content)
        try:
            found = read_checkpoint(file)
        except DamagedCheckpointError:
            changed += 1
        else:  # in the padding between the parts
            assert found["logging"] == HARMLESS["logging"]
            assert torch.equal(found["network_weights"]["a"], HARMLESS["network_weights"]["a"])
    assert changed > 50


def test_a_file_that_cannot_be_read_at_all_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_checkpoint(tmp_path / "nothing.pth")
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(IsADirectoryError):
        read_checkpoint(tmp_path / "folder.pth")


def test_equal_weights_have_equal_checksums() -> None:
    one = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(1, dtype=torch.int64)}
    assert weights_sha256(one) == weights_sha256(dict(reversed(one.items())))
    for other in (
        one | {"a": one["a"].reshape(3, 2)},
        one | {"a": -one["a"]},
        {"c" if k == "b" else k: v for k, v in one.items()},
    ):
        assert weights_sha256(other) != weights_sha256(one)


def test_what_a_checkpoint_holds_is_looked_at(file: Path) -> None:
    torch.save([1], file)
    with pytest.raises(DamagedCheckpointError, match="it holds list"):
        read_checkpoint(file)
    with pytest.raises(DamagedCheckpointError, match="does not say which training it is from: KeyError"):
        origin_of({"trainer_name": "DiceTrainer"}, file)


def test_an_archive_that_is_no_checkpoint_is_named_with_the_reason(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes.txt", "no checkpoint")
    with pytest.raises(UserError, match=r"cannot be read as a checkpoint \(.*notes\.txt\); remove it") as error:
        read_checkpoint(file)
    assert "\n" not in str(error.value)


def test_a_pickle_that_is_no_checkpoint_is_not_even_looked_at(file: Path, trace: Path) -> None:
    file.write_bytes(pickle.dumps(Evil(trace)))
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        read_checkpoint(file)
    assert not trace.exists()


def test_code_is_refused_in_one_sentence_that_says_what_it_is_and_how_to_allow_it(file: Path, trace: Path) -> None:
    torch.save(HARMLESS | {"more": Evil(trace)}, file)
    with pytest.raises(UserError) as refused:
        read_checkpoint(file)
    assert "makedirs" in str(refused.value)
    assert f"{TRUST}=1" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not trace.exists()


def test_loads_by_others_are_safe_within_the_block_and_only_there(file: Path, trace: Path) -> None:
    torch.save(Evil(trace), file)
    with pytest.raises(UserError, match="was not loaded"), safe_loading(file):
        torch.load(file, weights_only=False)
    assert not trace.exists()
    torch.load(file, weights_only=False)
    assert trace.exists()


@pytest.mark.parametrize(
    ("word", "trusted"), [("1", True), ("y", True), ("yes", True), ("TRUE", True), ("0", False), ("no", False)]
)
def test_who_trusts_a_checkpoint_can_say_so_in_the_words_of_pytorch(
    file: Path, trace: Path, monkeypatch: pytest.MonkeyPatch, word: str, trusted: bool
) -> None:
    torch.save({"more": Evil(trace)}, file)
    monkeypatch.setenv(TRUST, word)
    if trusted:
        read_checkpoint(file)
    else:
        with pytest.raises(UserError, match="was not loaded"):
            read_checkpoint(file)
    assert trace.exists() == trusted


def test_other_errors_pass_through(file: Path) -> None:
    with pytest.raises(KeyError), safe_loading(file):
        raise KeyError("network_weights")
