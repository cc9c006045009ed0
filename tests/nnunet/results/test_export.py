"""Train and predict with nnU-Net's own commands; share the result with people who do not have this package."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import predict_entry_point
from nnunetv2.run.run_training import run_training_entry

from nnunet_losses._door import VARIABLE
from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.results.export import export_checkpoint

NAME = "TverskyTrainer_fp0.1_fn0.9_iw_1epochs_2iters"


def nnunet(monkeypatch: pytest.MonkeyPatch, command: Callable[[], None], *words: str | Path) -> None:
    """Run the function behind one of nnU-Net's commands."""
    monkeypatch.setattr("sys.argv", ["nnunet", *map(str, words), "-device", "cpu"])
    command()


@pytest.mark.slow
def test_nnunets_commands_train_and_predict_and_stock_nnunet_predicts_the_same(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nnunet(monkeypatch, run_training_entry, "901", "3d_tiny", "0", "-tr", NAME, "--npz")
    model = tmp_path / "results" / "Dataset901_Labels" / f"{NAME}__nnUNetPlans__3d_tiny"
    for case in ("case_4", "case_5"):
        assert (model / "fold_0" / "validation" / f"{case}.npz").is_file()

    images = tmp_path / "images"
    images.mkdir()
    (images / "case_4_0000.nii.gz").symlink_to(world / "raw" / "Dataset901_Labels" / "imagesTr" / "case_4_0000.nii.gz")
    predict = ["-i", images, "-d", "901", "-c", "3d_tiny", "-f", "0", "-npp", "0", "-nps", "0"]
    nnunet(monkeypatch, predict_entry_point, *predict, "-tr", NAME, "-o", tmp_path / "ours")

    stock = model.with_name("nnUNetTrainer__nnUNetPlans__3d_tiny")
    export_checkpoint(model / "fold_0" / "checkpoint_final.pth", stock)
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(RuntimeError, match="Could not find requested nnunet trainer"):
        nnunet(monkeypatch, predict_entry_point, *predict, "-tr", NAME, "-o", tmp_path / "none")
    nnunet(monkeypatch, predict_entry_point, *predict, "-tr", "nnUNetTrainer", "-o", tmp_path / "stock")
    one, other = (np.asarray(nib.load(tmp_path / who / "case_4.nii.gz").dataobj) for who in ("ours", "stock"))
    np.testing.assert_array_equal(one, other)


def test_an_exported_checkpoint_differs_in_the_name_of_the_trainer_only(
    run: Callable[..., Path], tmp_path: Path
) -> None:
    source = run("DiceTrainer_1epochs_1iters") / "checkpoint_final.pth"
    written = export_checkpoint(source, tmp_path / "shared" / "model.pth")
    before, after = (torch.load(path, weights_only=False) for path in (source, written))
    assert written == tmp_path / "shared" / "model.pth"
    assert (before.pop("trainer_name"), after.pop("trainer_name")) == ("DiceTrainer_1epochs_1iters", "nnUNetTrainer")
    assert before.keys() == after.keys()
    assert all(
        torch.equal(before["network_weights"][key], after["network_weights"][key]) for key in after["network_weights"]
    )
    with pytest.raises(UserError, match="written by nnUNetTrainer, which is not one of this package"):
        export_checkpoint(written, tmp_path / "again.pth")


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.pth is not a checkpoint"):
        export_checkpoint(tmp_path / "nothing.pth", tmp_path / "out")
    (tmp_path / "half.pth").write_bytes(b"half")
    with pytest.raises(UserError, match=r"half\.pth is not a checkpoint, or damaged"):
        export_checkpoint(tmp_path / "half.pth", tmp_path / "out")
