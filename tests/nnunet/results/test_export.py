"""Train and predict with nnU-Net's own commands; share the result with people who do not have this package."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import predict_entry_point
from nnunetv2.run.run_training import run_training_entry
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.results.export import export_checkpoint
from nnunet_losses.nnunet.results.segmentation import load_predictor
from nnunet_losses.nnunet.start_up import VARIABLE

from ..conftest import TRAINED
from ..training.test_checkpoint import Evil

NAME = "TverskyTrainer_fp0.1_fn0.9_iw_1epochs_2iters"


def nnunet(monkeypatch: pytest.MonkeyPatch, command: Callable[[], None], *words: str | Path) -> None:
    """Run the function behind one of nnU-Net's commands."""
    monkeypatch.setattr("sys.argv", ["nnunet", *map(str, words), "-device", "cpu"])
    command()


@pytest.mark.slow
def test_nnunets_commands_train_and_predict_and_stock_nnunet_predicts_the_same(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = "nnunetv2.run.run_training.recursive_find_trainer_class_by_name"
    monkeypatch.setattr(search, recursive_find_trainer_class_by_name)  # through the door, as people do
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


@pytest.mark.slow
def test_a_recipe_that_stock_nnunet_cannot_predict_keeps_its_name_and_is_predicted_by_ours(
    run: Callable[..., Path], tmp_path: Path, world: Path
) -> None:
    fold = run("DiceTrainer_autonet_bspline_1epochs_1iters", validate=True, export_validation_probabilities=True)
    model = tmp_path / "shared"
    written = export_checkpoint(fold / "checkpoint_final.pth", model)
    assert torch.load(written, weights_only=False)["trainer_name"] == "DiceTrainer_autonet_bspline_1epochs_1iters"
    predictor = load_predictor(model, (), "cpu")
    data, properties = predictor.plans_manager.image_reader_writer_class().read_images(
        [str(world / "raw/Dataset901_Labels/imagesTr/case_4_0000.nii.gz")]
    )
    _, probabilities = predictor.predict_single_npy_array(data, properties, None, None, True)
    expected = np.load(fold / "validation/case_4.npz")["probabilities"]
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_an_exported_checkpoint_differs_in_the_name_of_the_trainer_only(trained_once: Path, tmp_path: Path) -> None:
    source = trained_once / "checkpoint_final.pth"
    written = export_checkpoint(source, tmp_path / "shared" / "model.pth")
    before, after = (torch.load(path, weights_only=False) for path in (source, written))
    assert written == tmp_path / "shared" / "model.pth"
    assert (before.pop("trainer_name"), after.pop("trainer_name")) == (TRAINED, "nnUNetTrainer")
    for key in ("network_weights", "optimizer_state"):
        one, other = (dict(_flat(checkpoint.pop(key))) for checkpoint in (before, after))
        assert one.keys() == other.keys()
        assert all(torch.equal(torch.as_tensor(one[name]), torch.as_tensor(other[name])) for name in one)
    assert before == after
    with pytest.raises(UserError, match="written by nnUNetTrainer, which is not one of this package"):
        export_checkpoint(written, tmp_path / "again.pth")


def test_a_folder_gets_what_nnunet_needs_to_predict(trained_once: Path, tmp_path: Path) -> None:
    source = trained_once / "checkpoint_final.pth"
    assert export_checkpoint(source, tmp_path / "model") == tmp_path / "model" / "fold_0" / "checkpoint_final.pth"
    for name in ("plans.json", "dataset.json"):
        assert (tmp_path / "model" / name).read_bytes() == (trained_once.parent / name).read_bytes()
    alone = tmp_path / "alone" / "fold_0" / "checkpoint_final.pth"
    alone.parent.mkdir(parents=True)
    alone.write_bytes(source.read_bytes())
    with pytest.raises(UserError, match=r"alone holds no plans\.json; give a checkpoint in nnU-Net's results folder"):
        export_checkpoint(alone, tmp_path / "out")


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.pth is not a checkpoint"):
        export_checkpoint(tmp_path / "nothing.pth", tmp_path / "out")
    (tmp_path / "half.pth").write_bytes(b"half")
    with pytest.raises(UserError, match=r"half\.pth is not a checkpoint, or it is damaged"):
        export_checkpoint(tmp_path / "half.pth", tmp_path / "out")


def test_code_in_a_checkpoint_is_not_run_and_nothing_is_written(tmp_path: Path) -> None:
    torch.save({"trainer_name": TRAINED, "more": Evil(tmp_path / "trace")}, tmp_path / "evil.pth")
    with pytest.raises(UserError, match=r"evil\.pth was not loaded"):
        export_checkpoint(tmp_path / "evil.pth", tmp_path / "out.pth")
    assert not (tmp_path / "trace").exists()
    assert not (tmp_path / "out.pth").exists()


def _flat(tree: object, path: str = "") -> list[tuple[str, object]]:
    if isinstance(tree, dict):
        return [leaf for key, value in tree.items() for leaf in _flat(value, f"{path}.{key}")]
    if isinstance(tree, list):
        return [leaf for index, value in enumerate(tree) for leaf in _flat(value, f"{path}.{index}")]
    return [] if tree is None else [(path, tree)]
