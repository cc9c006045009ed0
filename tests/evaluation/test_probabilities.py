"""nnU-Net's files of probabilities."""

from pathlib import Path

import numpy as np
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.evaluation.probabilities import read_probabilities

SHAPE = (2, 3, 4)
STORED = np.random.default_rng(0).random((2, 4, 3, 2), np.float32)  # channels, z, y, x


def test_axes_are_turned_to_those_of_the_image(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", probabilities=STORED)
    found = read_probabilities(tmp_path / "a.npz", SHAPE, 2)
    assert found.shape == (2, *SHAPE)
    assert found[1, 1, 2, 3] == STORED[1, 3, 2, 1]


@pytest.mark.parametrize("leading", [(), (1,)])
def test_a_flat_image_is_stored_as_one_slice_or_as_none(tmp_path: Path, leading: tuple[int, ...]) -> None:
    flat = STORED[:, 0]
    np.savez(tmp_path / "a.npz", probabilities=flat.reshape(2, *leading, 3, 2))
    np.testing.assert_array_equal(read_probabilities(tmp_path / "a.npz", (2, 3), 2), flat.transpose(0, 2, 1))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"probabilities": STORED[:, :, :, :1]}, r"has shape \(2, 4, 3, 1\), expected \(2, 4, 3, 2\)"),
        ({"probabilities": STORED[:1]}, "has shape"),
        ({"probabilities": STORED.transpose(0, 3, 2, 1)}, "has shape"),
        ({"probabilities": (STORED * 9).astype(np.uint8)}, "has the type uint8"),
        ({"other": STORED}, r"a\.npz is not a file of nnU-Net probabilities"),
    ],
)
def test_other_content_is_refused_by_name(tmp_path: Path, content: dict[str, np.ndarray], sentence: str) -> None:
    np.savez(tmp_path / "a.npz", **content)
    with pytest.raises(UserError, match=rf"a\.npz.*{sentence}|{sentence}"):
        read_probabilities(tmp_path / "a.npz", SHAPE, 2)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.npz is not a file of nnU-Net probabilities"):
        read_probabilities(tmp_path / "a.npz", SHAPE, 2)
