from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.preparation.folders import fold_folder, nnunet_folder


def test_a_variable_that_is_not_set_or_points_nowhere_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("nnUNet_raw", raising=False)
    with pytest.raises(UserError, match="nnUNet_raw is not set"):
        nnunet_folder("nnUNet_raw")
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"points to .*nowhere, which is not a folder"):
        nnunet_folder("nnUNet_raw")
    monkeypatch.setenv("nnUNet_raw", str(tmp_path))
    assert nnunet_folder("nnUNet_raw") == tmp_path


def test_a_fold_lies_where_nnunet_trains_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    folder = fold_folder("Dataset004_Hippocampus", "3d_fullres", "DiceTrainer", "nnUNetPlans", 2)
    assert folder == tmp_path / "Dataset004_Hippocampus" / "DiceTrainer__nnUNetPlans__3d_fullres" / "fold_2"
