"""Steps that are measured in one short job."""

import json
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.benchmark import Figure, measure, read_figures, write_figures
from nnunet_losses.nnunet.preparation.expected import parameters_of


@pytest.mark.slow
def test_steps_are_measured_with_the_loader_and_loss_of_a_training_and_nothing_is_left(
    world: Path, tmp_path: Path
) -> None:
    trainers = [("DiceTrainer_iw", "DiceTrainer_iw_4epochs_3iters_seed1"), ("nnUNetTrainer", "nnUNetTrainer")]
    figures = list(measure("Dataset901_Labels", "3d_tiny", "nnUNetPlans", 0, trainers, device="cpu", threads=1))
    assert [figure.loss for figure in figures] == ["DiceTrainer_iw", "nnUNetTrainer"]
    preprocessed = world / "preprocessed" / "Dataset901_Labels"
    dataset_json = json.loads((preprocessed / "dataset.json").read_text())
    for figure in figures:
        assert figure.step > figure.patch > 0
        assert figure.validation_step > 0
        assert figure.parameters == parameters_of(preprocessed / "nnUNetPlans.json", dataset_json, "3d_tiny")
    assert not (tmp_path / "results").exists()
    write_figures(tmp_path / "figures.json", figures)
    assert read_figures(tmp_path / "figures.json") == figures


def test_a_gpu_that_is_not_there_is_one_sentence(world: Path) -> None:
    wanted = measure("Dataset901_Labels", "3d_tiny", "nnUNetPlans", 0, [("a", "DiceTrainer")], device="mps", threads=1)
    with pytest.raises(UserError, match="trains on mps, which this machine does not have"):
        next(wanted)


@pytest.mark.parametrize("text", ["[{}]", "[1]", "{", '[{"step": NaN}]'])
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path, text: str) -> None:
    assert read_figures(tmp_path / "nowhere") == []
    (tmp_path / "figures.json").write_text(text)
    with pytest.raises(UserError, match=r"figures\.json .*remove it, and measure again"):
        read_figures(tmp_path / "figures.json")


def test_a_figure_that_is_no_number_is_refused(tmp_path: Path) -> None:
    write_figures(tmp_path / "figures.json", [Figure("d", "c", "l", float("nan"), 1.0, 1.0, 1, "h")])
    with pytest.raises(UserError, match="does not hold measured steps"):
        read_figures(tmp_path / "figures.json")
