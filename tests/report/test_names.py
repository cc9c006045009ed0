"""Short names stay distinct and lose nothing but what all share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.report.names import cut_names, in_sentence, printable, short_names, shorten


def test_shared_options_are_left_out_and_told_wherever_they_stand() -> None:
    names, shared = short_names(["TverskyTrainer_bfloat16_fp0.1_20epochs", "DiceTrainer_iw_bfloat16_20epochs"])
    assert shared == ["bfloat16", "20epochs"]
    assert list(names.values()) == ["Tversky fp0.1", "Dice iw"]


def test_a_shared_ending_is_left_out_and_told() -> None:
    names, shared = short_names(["nnUNetTrainer_20epochs", "TverskyTrainer_fp0.1_20epochs", "DiceTrainer_iw_20epochs"])
    assert shared == ["20epochs"]
    assert list(names.values()) == ["nnUNetTrainer", "Tversky fp0.1", "Dice iw"]


def test_what_names_share_before_their_options_stays() -> None:
    mine = ["My_netTrainer_a", "My_netTrainer_b", "my_own_loss"]
    assert short_names(mine)[0] == {mine[0]: "My_net a", mine[1]: "My_net b", mine[2]: mine[2]}


def test_a_single_trainer_keeps_its_options() -> None:
    assert short_names(["DiceTrainer_20epochs"]) == ({"DiceTrainer_20epochs": "Dice 20epochs"}, [])


def test_a_name_without_options_leaves_the_others_alone() -> None:
    assert short_names(["DiceTrainer", "FocalTrainer_250epochs"])[1] == []


def test_names_of_nnunet_stay() -> None:
    assert short_names(["nnUNetTrainerDiceCELoss_noSmooth", "DiceTrainer"])[0]["nnUNetTrainerDiceCELoss_noSmooth"] == (
        "nnUNetTrainerDiceCELoss_noSmooth"
    )


def test_names_that_would_fall_together_are_left_whole() -> None:
    assert short_names(["DiceTrainer", "Dice"])[0] == {"DiceTrainer": "DiceTrainer", "Dice": "Dice"}


@given(
    st.lists(st.from_regex(r"[A-Z][a-z]{1,5}Trainer(_[a-z0-9.]{1,4}){0,3}", fullmatch=True), min_size=1, unique=True)
)
def test_short_names_are_always_distinct(trainers: list[str]) -> None:
    names, _ = short_names(trainers)
    assert len(set(names.values())) == len(trainers)
    assert all(names.values())


@pytest.mark.parametrize(
    ("name", "within"),
    [("Lesion recall", "lesion recall"), ("Merges", "merges"), ("Dice of found lesions",) * 2, ("Dice", "Dice"),
     ("HD95", "HD95"), ("IoU", "IoU"), ("F2 score", "F2 score"), ("Hausdorff distance", "Hausdorff distance"),
     ("Brier score", "Brier score"), ("", "")],
)  # fmt: skip
def test_a_metric_within_a_sentence_is_lower_case_unless_it_is_a_name(name: str, within: str) -> None:
    assert in_sentence(name) == within


def test_what_no_page_can_hold_is_replaced() -> None:
    assert printable("a\x00b\nc \ud800") == "a\ufffdb c \ufffd"


@given(st.text(max_size=80), st.integers(5, 60))
def test_shortened_text_fits_and_keeps_both_ends(text: str, length: int) -> None:
    short = shorten(text, length)
    assert len(short) <= length
    if len(text) > length:
        assert short[0] == text[0]
        assert short[-1] == text[-1]


def test_names_are_not_cut_where_they_would_look_the_same() -> None:
    names = ["one very long name, v1, of the first", "one very long name, v2, of the first", "short", "x" * 30]
    assert cut_names(names, 20) == [*names[:2], "short", "xxxxxxxxxx…xxxxxxxxx"]
