from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
import yaml

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.labels import LabelSet
from nnunet_losses.nnunet.names.grammar import parse_trainer_name
from nnunet_losses.nnunet.preparation import expected
from nnunet_losses.nnunet.preparation.expected import Step, expected_plans, pilot_configuration, step_costs
from nnunet_losses.nnunet.preparation.plans import derive_configuration
from nnunet_losses.study.cost import cost
from nnunet_losses.study.start.begin import places_for
from nnunet_losses.study.start.files import block, study_text
from nnunet_losses.study.start.proposals import LONG, Proposal, Seen, propose, remarks
from nnunet_losses.study.start.recognise import free_number
from nnunet_losses.study.start.shape import typical_length

PLAIN = Seen(foreground=0.05, lesions=1, gini=0.1, few_voxels=0, labels=1, empty_cases=0, length=1.7, cases=60)
LESIONS = Seen(foreground=0.003, lesions=30, gini=0.8, few_voxels=0.5, labels=1, empty_cases=4, length=2, cases=60)
JSON = {
    "channel_names": {"0": "MRI"},
    "labels": {"background": 0, "lesion": 1},
    "numTraining": 4,
    "file_ending": ".nii.gz",
}


def names(seen: Seen) -> list[str]:
    return [proposal.trainer for proposal in propose(seen)]


def test_every_proposal_is_a_trainer_of_this_package_with_reason_and_evidence() -> None:
    for seen in (PLAIN, LESIONS, Seen(0.05, 1, 0.1, 0, 5, 0, LONG, 60)):
        proposals = propose(seen)
        assert proposals[0].trainer == "DiceCrossEntropyTrainer"
        assert len({proposal.trainer for proposal in proposals}) == len(proposals)
        assert 2 <= sum(proposal.pilot for proposal in proposals) <= 5
        for proposal in proposals:
            assert parse_trainer_name(proposal.trainer) is not None
            assert any(year in proposal.evidence for year in ("2017", "2019", "2020", "2021", "2024", "2025"))


def test_losses_follow_from_what_was_seen() -> None:
    assert "TverskyTrainer" in names(LESIONS)
    assert "TverskyTrainer" not in names(PLAIN)
    assert {"DiceTrainer", "DiceTrainer_iw", "ConnectedComponentTrainer"} <= set(names(LESIONS))
    assert not any("iw" in name for name in names(PLAIN))
    assert "DiceFocalTrainer" in names(Seen(0.05, 1, 0.1, 0, 8, 0, 1.7, 60))
    assert "4 cases have no foreground" in " ".join(remarks(LESIONS))
    assert "expect a tie" in " ".join(remarks(PLAIN))
    assert "5 cases are too few for a verdict" in " ".join(remarks(replace(PLAIN, cases=5)))
    assert "too few" not in " ".join(remarks(PLAIN))
    few = next(str(proposal) for proposal in propose(replace(LESIONS, few_voxels=0)) if "iw" in proposal.trainer)
    assert "0% of the lesions" not in few


def test_a_rod_is_long_and_a_ball_is_not(tmp_path: Path) -> None:
    labels = LabelSet.parse({"background": 0, "lesion": 1})
    grid = np.indices((40, 40, 40)) - 20
    for number, mask in enumerate(((grid**2).sum(0) < 144, (grid[:2] ** 2).sum(0) < 4)):
        path = tmp_path / f"{number}.nii.gz"
        nib.save(nib.Nifti1Image(mask.astype(np.uint8), np.diag([1, 1, 2, 1])), path)
        length = typical_length({"a": path}, labels)
        assert (length >= LONG) == bool(number), length


@pytest.mark.parametrize(
    ("shape", "spacing", "parent"),
    [((60, 70, 50), (1, 1, 1), "3d_fullres"), ((120, 120, 9), (1, 1, 6), "3d_fullres"), ((48, 40), (1, 1), "2d")],
)
def test_a_pilot_s_configuration_fits_the_plans(
    shape: tuple[int, ...], spacing: tuple[float, ...], parent: str
) -> None:
    plans = expected_plans(JSON, [shape] * 4, [spacing] * 4)
    assert ("3d_fullres" in plans["configurations"]) == (parent != "2d")
    small = pilot_configuration(plans, parent)
    derived = derive_configuration(plans, "pilot", inherits_from=parent, **small)
    assert derived["patch_size"] == small["patch_size"]
    assert all(n <= m for n, m in zip(small["patch_size"], plans["configurations"][parent]["patch_size"], strict=True))


def test_a_network_that_does_not_fit_is_not_timed() -> None:
    class TooLarge(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
            raise torch.OutOfMemoryError("CUDA out of memory")

    assert expected.timed_step(TooLarge(), (1, 1, 8, 8), "cpu") is None


@pytest.mark.slow
def test_a_step_that_costs_too_much_is_measured_on_a_part_of_a_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []

    def in_proportion(network: object, shape: Sequence[int], device: str) -> float:
        shapes.append(tuple(shape))
        return float(np.prod(shape)) * 1e-9

    monkeypatch.setattr(expected, "timed_step", in_proportion)
    make = expected.network_of

    def without_weights(*arguments: Any) -> torch.nn.Module:
        with torch.device("meta"):
            return make(*arguments)

    monkeypatch.setattr(expected, "network_of", without_weights)
    monkeypatch.setattr(expected, "_AFFORDED_FLOPS", 2e10)
    plans = expected_plans(JSON, [(64, 64, 64)] * 4, [(1, 1, 1)] * 4)
    planned = plans["configurations"]["3d_fullres"]
    little, full = step_costs(plans, "3d_fullres", pilot_configuration(plans, "3d_fullres"), 1, 2, "cpu")
    assert (little.measured, full.measured) == (True, False)
    assert full.parameters > little.parameters
    assert tuple(planned["patch_size"]) == (64, 64, 64)
    assert shapes[0] == (2, 1, 48, 48, 48)
    assert shapes[1] == (1, 1, 32, 32, 32)
    # operations are in proportion to voxels
    assert full.seconds == pytest.approx(planned["batch_size"] * 64**3 * 1e-9, rel=0.01)


def test_a_cost_is_the_sum_of_its_parts() -> None:
    configuration = {"median_image_size_in_voxels": [40, 40, 40]}
    found = cost(
        configuration, [40, 40, 40], 2, Step(0.3, True, 1000), cases=10, channels=2, raw_bytes=7, trainers=3,
        folds_run=2, folds=5, epochs=4, iterations=25,
    )  # fmt: skip
    assert found.trainings == 6
    # 25 steps and 5 of validation an epoch; 4 cases for each loss, one patch, 8 mirror images, two patches at a time
    assert found.seconds == pytest.approx(6 * 4 * (25 * 0.3 + 5 * 0.1) + 3 * 4 * 8 * 0.1 / 2)
    assert found.bytes == 7 + 10 * 40**3 * (2 * 4 + 2) + 6 * 3 * 8 * 1000


def test_a_study_s_text_is_yaml_with_the_reasons_as_comments() -> None:
    text = study_text(
        "A study",
        {"study": "x", "trainers": None, "folds": {"number": 3, "run": [0]}, "title": "yes: no"},
        [Proposal("DiceTrainer", "because " * 30, "somebody 2020")],
        {"folds": ["QUESTION: how many?"]},
    )
    assert yaml.safe_load(text) == {
        "study": "x", "trainers": ["DiceTrainer"], "folds": {"number": 3, "run": [0]}, "title": "yes: no",
    }  # fmt: skip
    assert "# QUESTION: how many?\nfolds:" in text
    assert max(map(len, text.splitlines())) <= 120
    assert block("a", [1, 2]) == "a: [1, 2]"


def test_a_free_number_is_the_wanted_one_or_the_first_from_101() -> None:
    assert free_number({4, 101}, 7) == 7
    assert free_number({4, 101}, 4) == 102
    assert free_number(set(), None) == 101


def test_a_name_that_other_data_have_gets_a_number_and_the_same_data_are_not_begun_twice(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "studies").mkdir()
    assert places_for(tmp_path, "Hippocampus", {"path": "/a"})[0] == "Hippocampus"
    (tmp_path / "datasets/hippocampus.yaml").write_text("source: {path: /other}")
    (tmp_path / "studies/hippocampus-2.yaml").write_text("study: hippocampus-2")
    name, places = places_for(tmp_path, "Hippocampus", {"path": "/a"})
    assert (name, places.pilot.name) == ("Hippocampus-3", "hippocampus-3-pilot.yaml")
    (tmp_path / "datasets/hippocampus-3.yaml").write_text("source: {path: /a}")
    with pytest.raises(UserError, match=r"hippocampus-3\.yaml exists already; remove it"):
        places_for(tmp_path, "Hippocampus", {"path": "/a"})
