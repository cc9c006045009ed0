import inspect

import pytest
import torch
from torch import Tensor

import nnunet_losses.losses as room
from nnunet_losses.losses import CATALOGUE, Loss, Parameter, dice_loss, register


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_loss_says_what_it_is_and_is_exported_with_its_function(name: str):
    loss = CATALOGUE[name]
    stem = loss.__module__.rpartition(".")[2]
    assert stem.replace("_", "") == name.lower()
    assert getattr(room, f"{name}Loss") is loss
    assert getattr(room, f"{stem}_loss") is loss.functional
    for text in (loss.formula, loss.reference, loss.__doc__, loss.functional.__doc__):
        assert text
        assert len(text.strip()) > 10
    assert any(place in loss.reference for place in ("doi:", "arXiv:", "https://openreview.net"))


@pytest.mark.parametrize("name", CATALOGUE)
def test_options_are_short_words_that_cannot_be_mistaken_for_each_other(name: str):
    parameters = CATALOGUE[name].hyper_parameters
    words = [p.option for p in parameters] + [p.none for p in parameters if p.none] + ["iw", "iwpos", "seed"]
    words += [choice for p in parameters for choice in p.choices]
    assert all(word.isalpha() and word.islower() for word in words)
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_hyper_parameter_says_what_it_is_and_does_and_has_the_letter_of_the_formula(name: str):
    loss = CATALOGUE[name]
    for parameter in loss.hyper_parameters:
        assert parameter.help and parameter.effect
        assert parameter.letter in f"{loss.formula} {loss.functional.__doc__}"
        if parameter.choices and parameter.keyword != "base":
            assert [part.partition(":")[0] for part in parameter.effect.split("; ")] == list(parameter.choices)


@pytest.mark.parametrize("name", CATALOGUE)
def test_defaults_are_those_of_the_function_and_allowed(name: str):
    loss = CATALOGUE[name]
    signature = inspect.signature(loss)
    for parameter in loss.hyper_parameters:
        default = loss.defaults()[parameter.keyword]
        assert parameter.check(default) == default
        assert signature.parameters[parameter.keyword].default == default
    assert list(signature.parameters)[-3:] == ["regions", "include_background", "batch"]
    accepted = inspect.signature(loss.functional).parameters
    assert all(accepted[mode].default is False for mode in ("regions", "batch") if mode in accepted)


def test_an_unknown_hyper_parameter_is_refused_with_those_that_exist():
    with pytest.raises(TypeError, match="TverskyLoss has no hyper-parameter 'alpha'; it has: fp_weight, fn_weight"):
        CATALOGUE["Tversky"](alpha=0.3)


def test_a_value_out_of_range_is_refused():
    with pytest.raises(ValueError, match="fp_weight must be a finite number ≥ 0, got -1"):
        CATALOGUE["Tversky"](fp_weight=-1)


def test_a_voxel_wise_loss_cannot_leave_out_a_class():
    with pytest.raises(ValueError, match="CrossEntropyLoss is voxel-wise"):
        CATALOGUE["CrossEntropy"](include_background=False)


def test_a_loss_is_added_in_ten_lines(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nnunet_losses.losses.catalogue.registry.CATALOGUE", {})

    def scaled_dice_loss(
        logits: Tensor, target: Tensor, voxel_weight: Tensor | None = None, *, scale: float = 2.0, regions: bool = False
    ) -> Tensor:
        return scale * dice_loss(logits, target, voxel_weight, regions=regions)

    @register
    class ScaledDiceLoss(Loss):
        """Dice, scaled."""

        functional = staticmethod(scaled_dice_loss)
        formula = "s·Dice"
        reference = "this test"
        hyper_parameters = (Parameter("scale", "scale", float, "the factor s"),)

    logits, labels = torch.randn(1, 2, 3, 3), torch.ones(1, 1, 3, 3)
    assert ScaledDiceLoss(scale=3)(logits, labels).item() == pytest.approx(3 * dice_loss(logits, labels).item())
    with pytest.raises(ValueError, match="already a loss called ScaledDice"):
        register(ScaledDiceLoss)


def test_a_loss_that_does_not_say_what_it_is_is_refused():
    class NamelessLoss(Loss):
        functional = staticmethod(dice_loss)
        formula = "x"

    with pytest.raises(ValueError, match="NamelessLoss does not state its reference"):
        register(NamelessLoss)
    with pytest.raises(ValueError, match="a loss is called <Name>Loss"):
        register(type("Nameless", (Loss,), {}))
