"""Defaults are part of a trainer's name by being left out of it: what a published result means must not change."""

import inspect

import pytest

from nnunet_losses.losses import CATALOGUE

SCHEDULE = {"balance": "rebalance", "start": 0.01, "growth": 0.01, "cap": 0.99}
DEFAULTS = {
    "AsymmetricSimilarity": {"beta": 1.5, "smooth": 1e-5},
    "Blob": {"base": "dicecrossentropy", "global_weight": 2.0, "blob_weight": 1.0},
    "Boundary": {"shifted": False},
    "Combo": {"alpha": 0.5, "beta": 0.5, "per_class": False, "smooth": 1.0},
    "ConnectedComponent": {"base": "dicecrossentropy", "global_weight": 1.0, "component_weight": 1.0},
    "CosineTversky": {"delta": 0.7, "gamma": 1.0, "smooth": 1e-6},
    "CrossEntropy": {},
    "Dice": {"squared": False, "smooth": 1e-5},
    "DiceBoundary": {"overlap": "dice", **SCHEDULE, "shifted": False, "smooth": 1e-5},
    "DiceCrossEntropy": {"smooth": 1e-5},
    "DiceFocal": {"gamma": 2.0, "alpha": 0.5, "smooth": 1e-5},
    "DiceHausdorff": {**SCHEDULE, "alpha": 2.0, "distances": "both", "smooth": 1e-5},
    "DiceTopK": {"fraction": 0.1, "smooth": 1e-5},
    "DistancePenalizedCrossEntropy": {"normalized": False},
    "ExponentialLogarithmic": {
        "dice_weight": 0.8,
        "dice_gamma": 0.3,
        "ce_gamma": 0.3,
        "power": 0.5,
        "smooth": 1.0,
    },
    "Focal": {"gamma": 2.0, "alpha": 0.25},
    "FocalTversky": {"fp_weight": 0.3, "fn_weight": 0.7, "gamma": 4 / 3, "smooth": 1e-5},
    "GeneralizedDice": {"fold": False, "smooth": 1e-5},
    "Hausdorff": {"alpha": 2.0, "distances": "both"},
    "IoU": {"smooth": 1e-5},
    "LovaszSoftmax": {"all_classes": False},
    "MixedFocal": {"balance": None, "delta": 0.7, "focal_gamma": 2.0, "dice_gamma": 0.75, "smooth": 1e-6},
    "PenaltyGeneralizedDice": {"penalty": 2.5, "smooth": 1e-5},
    "RegionWise": {},
    "SensitivitySpecificity": {"sensitivity_weight": 0.05},
    "TopK": {"fraction": 0.1, "threshold": None},
    "Tversky": {"fp_weight": 0.3, "fn_weight": 0.7, "smooth": 1e-5},
    "UnifiedFocal": {"form": "asymmetric", "balance": 0.5, "delta": 0.6, "gamma": 0.5, "smooth": 1e-6},
    "WeightedCrossEntropy": {"power": 1.0, "normalised": False},
}
FOREGROUND_ONLY = {
    "AsymmetricSimilarity",
    "Boundary",
    "Dice",
    "DiceBoundary",
    "DiceCrossEntropy",
    "DiceFocal",
    "DiceHausdorff",
    "DiceTopK",
    "FocalTversky",
    "Hausdorff",
    "IoU",
    "SensitivitySpecificity",
    "Tversky",
}
"""Losses of overlap or distance that leave the background out by default, as their papers or nnU-Net do."""


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_stay_what_they_are(name: str):
    assert CATALOGUE[name].defaults() == DEFAULTS[name]
    if name not in ("Blob", "ConnectedComponent"):  # theirs is that of the loss inside
        assert CATALOGUE[name]().include_background == (name not in FOREGROUND_ONLY)


@pytest.mark.parametrize("name", DEFAULTS)
def test_weights_shares_exponents_and_smoothing_are_not_negative(name: str):
    for parameter in CATALOGUE[name].hyper_parameters:
        if isinstance(DEFAULTS[name][parameter.keyword], float):
            with pytest.raises(ValueError, match=parameter.keyword):
                CATALOGUE[name](**{parameter.keyword: -0.5})


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_function_has_the_defaults_of_the_class(name: str):
    arguments = inspect.signature(CATALOGUE[name].functional).parameters
    assert {key: arguments[key].default for key in DEFAULTS[name] if key in arguments} == {
        key: value for key, value in DEFAULTS[name].items() if key in arguments
    }
