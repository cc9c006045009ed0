"""An operating point, chosen on a study's tables, stored with a model, and applied to new images."""

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from scipy.special import expit
from typer.testing import CliRunner

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.labels import LabelSet
from nnunet_losses.base.tables.storage import write_tables
from nnunet_losses.cli import app
from nnunet_losses.nnunet.results import segmentation
from nnunet_losses.nnunet.results.export import export_checkpoint
from nnunet_losses.nnunet.results.operating_points import ModelPoint, read_point, write_point
from nnunet_losses.nnunet.results.segmentation import apply_point, scaled, segment_images

from ..conftest import TRAINED

LABELS = LabelSet.parse({"background": 0, "large": 1, "small": 2})
REGIONS = LabelSet.parse({"background": 0, "whole": [1, 2], "core": 2})


def model_point(**labels: dict[str, Any]) -> ModelPoint:
    facts = {
        "goal": "dice",
        "dataset": "D",
        "configuration": "c",
        "trainer": "T",
        "seed": 0,
        "folds": [0],
        "cases": ["a"],
    }
    return ModelPoint(**facts, labels=labels)


def tables_of(trained: Path) -> dict[str, pd.DataFrame]:
    """Tables in which both labels have their best Dice at 0.2."""
    run = {
        "dataset": "Dataset901_Labels", "configuration": "3d_tiny", "trainer": TRAINED.replace("_seed7", ""), "seed": 7,
    }  # fmt: skip
    cases, thresholds, bins = [], [], []
    for i in range(6):
        for label in ("large", "small"):
            key = {**run, "fold": i % 3, "case": f"case_{i}", "label": label}
            cases.append({**key, "metric": "dice", "value": 0.5, "unit": "1", "status": "ok"})
            for threshold, tp in ((0.2, 9), (0.5, 5)):
                thresholds.append({**key, "threshold": threshold, "tp": tp, "fp": 2, "fn": 10 - tp})
            for number, z in enumerate((-2.0, 2.0)):
                foreground = round(1000 * expit(z / 2))
                bins.append(
                    {**key, "bin": number, "log_odds": z, "background": 1000 - foreground, "foreground": foreground}
                )
    return {
        "cases": pd.DataFrame(cases), "thresholds": pd.DataFrame(thresholds), "log_odds": pd.DataFrame(bins),
    }  # fmt: skip


def test_a_voxel_above_two_thresholds_gets_the_larger_multiple() -> None:
    own = np.array([[0, 1, 2, 0]])
    p = np.array([[[0.1, 0.2, 0.1, 0.75]], [[0.6, 0.5, 0.3, 0.2]], [[0.3, 0.3, 0.6, 0.05]]], np.float32)
    point = model_point(large={"threshold": 0.4}, small={"threshold": 0.1})
    assert apply_point(own, p, LABELS, point).tolist() == [[2, 2, 2, 0]]
    assert apply_point(own, p, LABELS, model_point(large={"threshold": 0.4}, small={"threshold": 0.9})).tolist() == [
        [1, 1, 0, 0]
    ]
    # without thresholds it is nnU-Net's own segmentation
    assert apply_point(own, p, LABELS, model_point(large={}, small={})).tolist() == own.tolist()
    # nnU-Net's own voxels of a label without a threshold are safe from the other
    assert apply_point(own, p, LABELS, model_point(large={}, small={"threshold": 0.1})).tolist() == [[2, 1, 2, 0]]


def test_regions_are_cut_independently_and_laid_over_each_other() -> None:
    p = np.array([[[0.3, 0.6, 0.9, 0.1]], [[0.9, 0.2, 0.4, 0.1]]], np.float32)
    own = np.zeros((1, 4), np.uint8)
    point = model_point(whole={}, core={"threshold": 0.3})
    assert apply_point(own, p, REGIONS, point, [1, 2]).tolist() == [[2, 1, 2, 0]]


def test_components_that_are_small_or_nowhere_certain_are_removed() -> None:
    own = np.array([[1, 1, 0, 1, 0, 1, 1, 1, 0, 2]])
    p = np.zeros((3, 1, 10), np.float32)
    p[1] = [[0.6, 0.7, 0, 0.99, 0, 0.6, 0.95, 0.6, 0, 0.1]]
    p[2, 0, 9] = 0.5
    small = model_point(large={"min_voxels": 2}, small={})
    assert apply_point(own, p, LABELS, small).tolist() == [[1, 1, 0, 0, 0, 1, 1, 1, 0, 2]]
    certain = model_point(large={"min_score": float(np.log(9))}, small={"min_score": 1.0})  # a probability of 0.9
    assert apply_point(own, p, LABELS, certain).tolist() == [[0, 0, 0, 1, 0, 1, 1, 1, 0, 0]]
    both = model_point(large={"min_score": float(np.log(9)), "min_voxels": 2}, small={})
    assert apply_point(own, p, LABELS, both).tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, 0, 2]]


def test_a_temperature_is_that_of_the_softmax_and_changes_no_mask() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (2, 50))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=0)
    cooler = np.exp(logits / 2.5) / np.exp(logits / 2.5).sum(axis=0)
    one = LabelSet.parse({"background": 0, "lesion": 1})
    np.testing.assert_allclose(scaled(softmax, one, model_point(lesion={"temperature": 2.5})), cooler, atol=1e-6)
    assert (scaled(softmax, one, model_point(lesion={})) == softmax.astype(np.float32)).all()
    three = np.stack([0 * logits[0] + 0.2, 0 * logits[0] + 0.4, 0 * logits[0] + 0.4])
    hot = scaled(three, LABELS, model_point(large={"temperature": 4.0}, small={"temperature": 4.0}))
    assert hot.sum(axis=0) == pytest.approx(1.0)
    assert (hot >= 0).all()


@pytest.mark.slow
def test_an_exported_model_segments_new_images_at_its_operating_point(
    trained_once: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the search of nnU-Net goes through all its modules
    search = "nnunetv2.inference.predict_from_raw_data.recursive_find_trainer_class_by_name"
    monkeypatch.setattr(search, lambda name: {"nnUNetTrainer": nnUNetTrainer}[name])
    write_tables(tmp_path / "tables", tables_of(trained_once))
    model, checkpoint = tmp_path / "model", trained_once / "checkpoint_final.pth"
    words = ["export", checkpoint, model, "--operating-point", "dice", "--tables", tmp_path / "tables"]
    result = CliRunner().invoke(app, [*map(str, words)])
    assert result.exit_code == 0, result.output
    stored = json.loads((model / "operating_point.json").read_text())
    assert stored["goal"] == "dice"
    assert (stored["trainer"], stored["seed"], stored["folds"]) == (TRAINED.replace("_seed7", ""), 7, [0, 1, 2])
    assert len(stored["cases"]) == 6
    assert stored["labels"]["large"]["threshold"] == 0.2
    assert stored["labels"]["large"]["measured"] == "out of fold"
    assert stored["labels"]["large"]["measures"]["dice"]["value"] == pytest.approx(18 / 21)
    assert stored["labels"]["large"]["temperature"] == pytest.approx(2, rel=0.01)

    images = tmp_path / "images"
    images.mkdir()
    source = world / "raw" / "Dataset901_Labels" / "imagesTr" / "case_4_0000.nii.gz"
    (images / source.name).symlink_to(source)
    words = ["segment", model, images, tmp_path / "out", "--device", "cpu", "--save-probabilities"]
    result = CliRunner().invoke(app, [*map(str, words)])
    assert result.exit_code == 0, result.output
    got = nib.load(tmp_path / "out" / "case_4.nii.gz")
    assert np.allclose(got.affine, nib.load(source).affine)
    with np.load(trained_once / "validation" / "case_4.npz") as archive:
        p = archive["probabilities"].transpose(0, 3, 2, 1)
    wanted = np.where(np.maximum(p[1], p[2]) > 0.2, np.where(p[1] >= p[2], 1, 2), 0)
    assert np.mean(np.asarray(got.dataobj) == wanted) > 0.9999
    assert (wanted != np.asarray(nib.load(trained_once / "validation" / "case_4.nii.gz").dataobj)).any()
    with np.load(tmp_path / "out" / "case_4.npz") as archive:
        assert archive["probabilities"].shape == (3, *p.shape[:0:-1])
        assert archive["probabilities"].sum(axis=0) == pytest.approx(1.0, abs=1e-5)
    assert not list((tmp_path / "out").glob(".*"))


def test_an_export_without_a_goal_drops_the_operating_point_of_another_training(
    trained_once: Path, tmp_path: Path
) -> None:
    checkpoint, model = trained_once / "checkpoint_final.pth", tmp_path / "model"
    export_checkpoint(checkpoint, model, goal="dice", tables=tables_of(trained_once))
    export_checkpoint(checkpoint, model)
    point = read_point(model / "operating_point.json")  # of the same training: kept
    write_point(model, point.model_copy(update={"trainer": "DiceTrainer"}))
    export_checkpoint(checkpoint, model)
    assert not (model / "operating_point.json").exists()


def test_what_cannot_be_exported_or_applied_is_one_sentence(trained_once: Path, tmp_path: Path) -> None:
    checkpoint, tables = trained_once / "checkpoint_final.pth", tables_of(trained_once)
    with pytest.raises(UserError, match="is stored in a model folder"):
        export_checkpoint(checkpoint, tmp_path / "m.pth", goal="dice", tables=tables)
    other = {name: table.assign(trainer="DiceTrainer") for name, table in tables.items()}
    with pytest.raises(UserError, match=r"There is no case of .* the tables hold DiceTrainer"):
        export_checkpoint(checkpoint, tmp_path / "m", goal="dice", tables=other)
    with pytest.raises(UserError, match="large: There is no table of lesions"):
        export_checkpoint(checkpoint, tmp_path / "m", goal="recall@1", tables=tables)
    assert not (tmp_path / "m" / "fold_0").exists()
    result = CliRunner().invoke(app, ["export", str(checkpoint), str(tmp_path / "m"), "--operating-point", "dice"])
    assert result.exit_code == 1
    assert "name their folder: --tables" in result.output

    export_checkpoint(checkpoint, tmp_path / "m")
    with pytest.raises(UserError, match=r"There is no .*operating_point\.json; export the model with"):
        segment_images(tmp_path / "m", tmp_path, tmp_path / "out", device="cpu")
    (tmp_path / "m" / "operating_point.json").write_text('{"goal": 3}')
    with pytest.raises(UserError, match=r"operating_point\.json: goal must be text"):
        segment_images(tmp_path / "m", tmp_path, tmp_path / "out", device="cpu")
    write_point(tmp_path / "m", model_point(lesion={}))
    with pytest.raises(UserError, match="is for the labels lesion, the model has large, small"):
        segment_images(tmp_path / "m", tmp_path, tmp_path / "out", device="cpu")
    with pytest.raises(UserError, match="has no fold 3; it has 0"):
        segmentation.load_predictor(tmp_path / "m", ["3"], "cpu")
