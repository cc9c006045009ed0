import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.losses import CATALOGUE, WEIGHTINGS
from nnunet_losses.nnunet.names.grammar import (
    TrainerName,
    TrainerNameError,
    build_trainer_name,
    nearest_trainer,
    parse_trainer_name,
)
from nnunet_losses.nnunet.names.options import trainer_options


@st.composite
def values(draw: st.DrawFn, parameter) -> object:
    candidates = [st.sampled_from(parameter.choices)] if parameter.choices else []
    if parameter.none is not None:
        candidates.append(st.none())
    if parameter.type is bool:
        candidates.append(st.booleans())
    if parameter.type in (int, float):
        low, high = max(parameter.minimum, -1e6), min(parameter.maximum, 1e6)
        numbers = st.floats(low, high, exclude_min=parameter.exclusive and low == parameter.minimum, width=32)
        candidates.append(numbers if parameter.type is float else st.integers(int(low) + 1, int(high)))
    return draw(st.one_of(candidates))


@st.composite
def names(draw: st.DrawFn) -> TrainerName:
    loss = draw(st.sampled_from(sorted(CATALOGUE)))
    known = CATALOGUE[loss].hyper_parameters
    chosen = draw(st.lists(st.sampled_from(known), unique=True)) if known else []
    try:
        return build_trainer_name(
            loss,
            {parameter.keyword: draw(values(parameter)) for parameter in chosen},
            weighting=draw(st.sampled_from([None, *WEIGHTINGS])),
            changes=draw(st.sampled_from([(), ("bspline",), ("lesionsampling", "densenet"), ("ma2021",)])),
            epochs=draw(st.none() | st.integers(1, 5000)),
            iterations=draw(st.none() | st.integers(1, 5000)),
            seed=draw(st.none() | st.integers(1, 10**6)),
        )
    except TrainerNameError:  # values that do not fit together, or a name too long
        return build_trainer_name(loss)


@given(names())
def test_a_name_says_everything(name: TrainerName) -> None:
    assert parse_trainer_name(str(name)) == name
    assert hash(parse_trainer_name(str(name))) == hash(name)


@given(names())
def test_names_are_fit_for_folders_and_for_python(name: TrainerName) -> None:
    text = str(name)
    assert len(text) < 100
    assert "__" not in text
    assert not set(text) & set(" /\\:*?\"'<>|+")


@given(names(), st.randoms())
def test_every_other_order_is_refused_with_the_canonical_name(name: TrainerName, random) -> None:
    stem, *words = str(name).split("_")
    shuffled = random.sample(words, len(words))
    other = "_".join([stem, *shuffled])
    if shuffled == words:
        assert parse_trainer_name(other) == name
    else:
        with pytest.raises(TrainerNameError, match="instead of") as error:
            parse_trainer_name(other)
        assert f"Write {name} instead" in str(error.value)


def test_the_names_of_the_design_are_read() -> None:
    assert parse_trainer_name("TverskyTrainer") == build_trainer_name("Tversky")
    name = parse_trainer_name("TverskyTrainer_fp0.1_fn0.9_iw_250epochs_100iters_seed2")
    assert name == build_trainer_name("Tversky", {"fn_weight": 0.9, "fp_weight": 0.1}, "iw", 250, 100, 2)
    assert dict(name.parameters) == {"fp_weight": 0.1, "fn_weight": 0.9}
    assert parse_trainer_name("FocalTrainer_gamma3_iwpos").weighting == "iwpos"


@pytest.mark.parametrize(
    ("wrong", "canonical"),
    [
        ("TverskyTrainer_fp0.10", "TverskyTrainer_fp0.1"),
        ("TverskyTrainer_fp.1e0_iw", None),
        ("TverskyTrainer_fp1e-1", "TverskyTrainer_fp0.1"),
        ("TverskyTrainer_fp1.0", "TverskyTrainer_fp1"),
        ("TverskyTrainer_fp0.3", "TverskyTrainer"),
        ("TverskyTrainer_iw_fp0.1", "TverskyTrainer_fp0.1_iw"),
        ("TverskyTrainer_seed2_iw", "TverskyTrainer_iw_seed2"),
        ("TverskyTrainer_1000epochs", "TverskyTrainer"),
        ("TverskyTrainer_250iters_seed1", "TverskyTrainer_seed1"),
        ("TverskyTrainer_050epochs", "TverskyTrainer_50epochs"),
        ("TverskyTrainer_bspline_densenet", "TverskyTrainer_densenet_bspline"),
        ("TverskyTrainer_densenet_iw", "TverskyTrainer_iw_densenet"),
        ("TverskyTrainer_shirokikh2020_100epochs", "TverskyTrainer_shirokikh2020"),
    ],
)
def test_another_spelling_is_refused(wrong: str, canonical: str | None) -> None:
    with pytest.raises(TrainerNameError) as error:
        parse_trainer_name(wrong)
    expected = "has no option fp.1e0" if canonical is None else f"Write {canonical} instead of {wrong}"
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("TverskyTrainer_fq0.1", "no option fq0.1; its options are fp<number>, fn<number>"),
        ("TverskyTrainer__iw", "nothing between two underscores"),
        ("TverskyTrainer_", "nothing between two underscores"),
        ("TverskyTrainer_fp-1", "fp_weight must be"),
        ("TverskyTrainer_fpnan", "no option fpnan"),
        ("TverskyTrainer_fp0.1_fp0.2", "gives fp_weight twice"),
        ("TverskyTrainer_iw_iwpos", "gives weighting twice"),
        ("TverskyTrainer_0epochs", "epochs must be a whole number of at least 1"),
        ("TverskyTrainer_seed0", "seed must be a whole number of at least 1"),
        ("TverskyTrainer_iw ", "no option iw "),
        ("TverskyTrainer_densenet_densenet", "densenet is given twice"),
        ("TverskyTrainer_autonet_densenet", "autonet and densenet both change the network"),
        ("TverskyTrainer_bspline_ma2021", "the recipe ma2021 changes everything and stands alone; leave bspline out"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(wrong: str, reason: str) -> None:
    with pytest.raises(TrainerNameError) as error:
        parse_trainer_name(wrong)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["nnUNetTrainer", "nnUNetTrainer_250epochs", "MyTrainer_iw", "Tversky", "tverskyTrainer"]
)
def test_other_peoples_names_are_not_ours(name: str) -> None:
    assert parse_trainer_name(name) is None


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TverskiTrainer", "TverskyTrainer"),
        ("tverskytrainer_iw", "TverskyTrainer_iw"),
        ("DiceTrainr", "DiceTrainer"),
        ("nnUNetTrainer", None),
        ("nnUNetTrainerDiceCELoss", None),
        ("SwinUNETRTrainer", None),
    ],
)
def test_a_near_miss_is_recognised(name: str, meant: str | None) -> None:
    assert nearest_trainer(name) == meant


def test_replacing_keeps_the_rest_and_leaves_defaults_out() -> None:
    name = parse_trainer_name("TverskyTrainer_fp0.1_iw_seed2")
    assert str(name.replace(seed=None, epochs=5)) == "TverskyTrainer_fp0.1_iw_5epochs"
    assert str(name.replace(epochs=1000, iterations=250)) == str(name)


def test_a_recipe_brings_its_own_length() -> None:
    assert parse_trainer_name("DiceTrainer").length == (1000, 250)
    assert parse_trainer_name("DiceTrainer_bspline_10epochs").length == (10, 250)
    assert parse_trainer_name("DiceTrainer_shirokikh2020").length == (100, 100)
    assert parse_trainer_name("DiceTrainer_shirokikh2020_1000epochs_2iters").length == (1000, 2)


def test_building_refuses_what_does_not_exist() -> None:
    with pytest.raises(TrainerNameError, match="did you mean Tversky"):
        build_trainer_name("Tverski")
    with pytest.raises(TrainerNameError, match="has no hyper-parameter fp; its hyper-parameters are fp_weight"):
        build_trainer_name("Tversky", {"fp": 0.1})
    with pytest.raises(TrainerNameError, match="no weighting inverse; there are iw, iwpos"):
        build_trainer_name("Tversky", weighting="inverse")
    with pytest.raises(TrainerNameError, match="no change unet of nnU-Net's recipe; there are bfloat16, autonet"):
        build_trainer_name("Tversky", changes=["unet"])
    with pytest.raises(TrainerNameError, match="longer than 99"):
        build_trainer_name("Tversky", {"fp_weight": 0.123456789012345, "fn_weight": 0.123456789012345}, seed=10**50)


def test_no_two_options_of_a_loss_can_be_confused() -> None:
    for loss in CATALOGUE:
        options = trainer_options(loss)
        assert len(set(options)) == len(options)
        stems = [o.removesuffix("<number>") for o in options if o.endswith("<number>")]
        assert all(stem.isalpha() for stem in stems), loss
        for one, other in itertools.permutations(stems, 2):
            assert not one.removeprefix(other)[:1].isdigit()
