"""The scores of challenges: worked examples of their own tests and papers, and values computed in another way."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.metrics import METRICS
from nnunet_losses.base.metrics.challenges import CHALLENGE_METRICS, CHALLENGES
from nnunet_losses.evaluation import EvaluationSettings, Reference, evaluate_case
from nnunet_losses.evaluation.challenges import RULES

Mask = NDArray[np.bool_]


def scores(
    preset: str, reference: Mask, prediction: Mask, spacing: Sequence[float] = (1, 1, 1), connectivity: int = 26
) -> dict[str, float]:
    """The scores of one binary case, without the preset's name."""
    settings = EvaluationSettings(preset=preset, connectivity=connectivity)
    labels = {"background": 0, "lesion": 1}
    made = Reference(reference.astype(np.uint8), spacing[: reference.ndim], labels, settings)
    cases = evaluate_case(made, prediction.astype(np.uint8))["cases"].set_index("metric")["value"]
    return {
        metric.name.removeprefix(f"{preset}_"): cases[metric.name]
        for metric in CHALLENGES[preset].metrics
        if metric.name in cases
    }


def boxes(shape: Sequence[int], *sides: Sequence[tuple[int, int]]) -> Mask:
    """A mask of boxes, each given by half-open ranges of its axes."""
    mask = np.zeros(shape, bool)
    for box in sides:
        mask[tuple(slice(*side) for side in box)] = True
    return mask


@pytest.fixture
def composite() -> tuple[Mask, Mask]:
    """A lesion of 64 voxels, a lesion of 32 two voxels from it, and a lesion of 8; found by 48, missed and missed."""
    reference = boxes((20,) * 3, ((2, 6),) * 3, ((2, 6), (2, 6), (8, 10)), ((14, 16),) * 3)
    prediction = boxes((20,) * 3, ((2, 6), (2, 6), (2, 5)), ((14, 16), (14, 16), (17, 18)), ((10, 11), (2, 3), (2, 3)))
    return reference, prediction


@pytest.fixture
def carass() -> tuple[Mask, Mask]:
    """The images of the tests of jcreinhold/lesion-metrics, which implements ISBI 2015."""
    prediction = np.zeros((5, 5, 5), bool)
    prediction[(1, 2, 3, 4), (1, 1, 0, 2), (1, 1, 4, 4)] = True
    reference = boxes((5, 5, 5), ((1, 3),) * 3)
    reference[(4, 4), (2, 4), (4, 4)] = True
    return reference, prediction


# (preset, scores): worked out by hand
COMPOSITE = [
    ("isles22", {"dice": 96 / 157, "lesion_f1": 1 / 3, "count_difference": 0, "volume_difference_ml": 51 / 1000}),
    ("isles24", {"lesion_f1": 1 / 3}),
    ("isles24_2025", {"lesion_f1": 1 / 3}),
    ("isles26", {"lesion_f1": 1 / 3, "count_difference": 0}),
    ("panoptica", {"rq": 1 / 3, "sq": 0.75, "pq": 0.25}),
    ("autopet", {"false_positive_volume_ml": 5 / 1000, "false_negative_volume_ml": 40 / 1000, "dice": 96 / 157}),
    ("autopet3", {"false_positive_volume_ml": 5 / 1000, "false_negative_volume_ml": 40 / 1000, "dice": 96 / 157}),
    ("brats2023_met", {"lesion_dice": 1 / 6}),  # A and B are one lesion of 96 voxels, C is missed, 2 are false
    ("brats2023_men", {"lesion_dice": 2 / 9}),  # C is too small
    ("brats2023", {"lesion_dice": 1 / 3}),  # the dilated C hits a component, which is dropped with it
    ("msseg", {"lesion_recall": 1 / 3, "lesion_precision": 1 / 2, "lesion_f1": 0.4}),
    ("shifts", {"ndsc": 0.4407910346}),
]


@pytest.mark.parametrize(("preset", "expected"), COMPOSITE)
@pytest.mark.parametrize("connectivity", [6, 26])
def test_the_composite_example(
    composite: tuple[Mask, Mask], preset: str, expected: dict[str, float], connectivity: int
) -> None:
    found = scores(preset, *composite, connectivity=connectivity)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


CARASS = [
    ("isbi2015", {"score": 0.6408730158730158}),
    ("isles22", {"dice": 3 / 7, "lesion_f1": 2 / 3, "volume_difference_ml": 6 / 1000}),
    ("isles24", {"lesion_f1": 1 / 3}),  # the IoU of the two pairs is 0.25 and 1
    ("isles24_2025", {"lesion_f1": 2 / 3}),
    ("isles26", {"lesion_f1": 2 / 3}),
    ("shifts", {"lesion_f1": 2 / 3, "ndsc": 0.0600783631}),
    ("autopet", {"false_positive_volume_ml": 1 / 1000, "false_negative_volume_ml": 1 / 1000}),
    ("wmh2017", {"dice": 3 / 7, "volume_difference": 0.6, "lesion_recall": 2 / 3, "lesion_f1": 2 / 3}),
]


@pytest.mark.parametrize(("preset", "expected"), CARASS)
def test_the_example_of_lesion_metrics(carass: tuple[Mask, Mask], preset: str, expected: dict[str, float]) -> None:
    found = scores(preset, *carass)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_the_examples_of_panoptica() -> None:
    shape = (50, 50)
    reference, shorter = boxes(shape, ((20, 40), (10, 20))), boxes(shape, ((20, 35), (10, 20)))
    assert scores("panoptica", reference, shorter) == pytest.approx({"rq": 1, "sq": 0.75, "pq": 0.75})
    corner = boxes(shape, ((20, 25), (10, 15)))
    assert scores("panoptica", reference, corner) == {"rq": 0, "sq": 0, "pq": 0}
    assert scores("panoptica", reference, boxes(shape)) == {"rq": 0, "sq": 0, "pq": 0}
    assert all(math.isnan(value) for value in scores("panoptica", boxes(shape), boxes(shape)).values())


def test_hd95_over_surface_elements_equals_the_examples_of_surface_distance() -> None:
    shape = (12, 12, 12)
    one, other = boxes(shape, ((5, 6), (6, 7), (7, 8))), boxes(shape, ((5, 6), (6, 7), (9, 10)))
    assert scores("hecktor21", one, other, (3, 2, 1)) == {"dice": 0, "hd95": 2}
    shape = (100, 30, 30)
    half, more = boxes(shape, ((0, 50), (0, 30), (0, 30))), boxes(shape, ((0, 51), (0, 30), (0, 30)))
    found = scores("brats2023", half, more, (2, 1, 1))
    assert (round(found["dice"], 3), found["hd95"]) == (0.990, 2)
    assert found["lesion_hd95"] == 2


EMPTY = {
    # preset: (reference empty, prediction empty, both empty)
    "isles22": ("dice", 0, 0, 1), "isles24": ("lesion_f1", 0, 0, 1), "isles26": ("lesion_f1", 0, 0, 1),
    "brats2023": ("lesion_dice", 0, 0, 1), "brats2023_men": ("lesion_hd95", 374, 374, 0),
    "brats2023_met": ("hd95", 374, 374, 0), "autopet": ("dice", 0, 0, math.nan),
    "autopet3": ("dice", math.nan, 0, math.nan), "msseg": ("lesion_recall", math.nan, 0, math.nan),
    "shifts": ("ndsc", 0, 0, 1), "wmh2017": ("lesion_f1", 0, 0, 1), "lits": ("dice", 0, 0, 1),
    "hecktor21": ("hd95", math.nan, 0, 0), "panoptica": ("pq", 0, 0, math.nan),
    "isbi2015": ("score", math.nan, math.nan, math.nan),
}  # fmt: skip


@pytest.mark.parametrize("preset", EMPTY)
def test_empty_sides_count_as_the_challenge_says(preset: str) -> None:
    name, *expected = EMPTY[preset]
    something, nothing = boxes((9,) * 3, ((2, 7),) * 3), np.zeros((9,) * 3, bool)
    found = [scores(preset, *pair)[name] for pair in ((nothing, something), (something, nothing), (nothing, nothing))]
    assert found == pytest.approx(expected, nan_ok=True)


def test_msseg_on_a_negative_case_gives_only_what_was_predicted() -> None:
    prediction = boxes((9,) * 3, ((0, 2),) * 3, ((5, 6), (5, 6), (5, 8)))  # 8 mm³, and 3 mm³, which is removed
    found = scores("msseg", np.zeros((9,) * 3, bool), prediction)
    assert (found["negative_count"], found["negative_volume_ml"]) == (1, 8 / 1000)
    assert scores("autopet3", np.zeros((9,) * 3, bool), prediction)["false_positive_volume_ml"] == 11 / 1000
    assert "negative_count" not in scores("msseg", prediction, prediction)


@pytest.mark.parametrize(
    ("ranges", "found"),
    [
        ([(0, 11)], True),  # covered wholly, and 9 % of the component outside
        ([(0, 1)], False),  # 10 % covered: not more than alpha
        ([(8, 30)], False),  # the component lies outside by 20/22
        ([(0, 7), (8, 30)], True),  # the first component makes up 0.65 of what is covered, the second is not visited
        ([(0, 5), (6, 30)], False),  # it is visited: 4 of 9 voxels are its own, and it lies outside by 20/24
    ],
)
def test_the_three_thresholds_of_anima(ranges: list[tuple[int, int]], found: bool) -> None:
    shape = (4, 4, 32)
    reference = boxes(shape, ((0, 4), (0, 4), (0, 10)))
    prediction = boxes(shape, *(((0, 4), (0, 4), side) for side in ranges))
    assert scores("msseg", reference, prediction)["lesion_recall"] == float(found)


def loop_over_brats(reference: Mask, prediction: Mask, dilations: int, minimum: float, spacing: Sequence[float]):
    """The definition on whole images, with distances between all surface points where the spacing is 1 mm."""
    element, full = ndimage.generate_binary_structure(3, 2), np.ones((3, 3, 3))
    merged, count = ndimage.label(ndimage.binary_dilation(reference, element, iterations=dilations), full)
    components, predicted = ndimage.label(prediction, full)
    total, kept, used = 0.0, 0, set()
    for number in range(1, count + 1):
        lesion = (merged == number) & reference
        hit = set(np.unique(components[ndimage.binary_dilation(lesion, element, iterations=dilations)])) - {0}
        used |= hit
        if lesion.sum() * math.prod(spacing) <= minimum:
            continue
        kept += 1
        union = np.isin(components, list(hit))
        total += 2 * (lesion & union).sum() / (lesion.sum() + union.sum()) if hit else 0
    false = predicted - len(used)
    return total / (kept + false) if kept + false else 1.0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("preset", "dilations", "minimum"), [("brats2023", 3, 50), ("brats2023_met", 1, 2)])
def test_lesion_wise_dice_equals_a_loop_over_whole_images(blobs, seed, preset, dilations, minimum) -> None:
    spacing = (1.5, 1.0, 2.0)
    reference = blobs(seed, (22, 20, 18), 0.05)
    prediction = (reference & blobs(seed + 40, (22, 20, 18), 0.7)) | blobs(seed + 20, (22, 20, 18), 0.02)
    expected = loop_over_brats(reference, prediction, dilations, minimum, spacing)
    assert scores(preset, reference, prediction, spacing)["lesion_dice"] == pytest.approx(expected)


def test_lesion_wise_hd95_is_a_mean_over_lesions_with_penalties() -> None:
    shape = (40, 12, 12)
    first, second = ((2, 8), (2, 8), (2, 8)), ((25, 31), (2, 8), (2, 8))
    moved = ((4, 10), (2, 8), (2, 8))
    one = scores("brats2023_men", boxes(shape, first), boxes(shape, moved))["lesion_hd95"]
    assert one == scores("hecktor21", boxes(shape, first), boxes(shape, moved))["hd95"] == 2
    both = scores("brats2023_men", boxes(shape, first, second), boxes(shape, moved))
    assert both["lesion_hd95"] == pytest.approx((2 + 374) / 2)
    assert scores("brats2023_men", boxes(shape, first), boxes(shape, moved, second))["lesion_hd95"] == (2 + 374) / 2


def test_kits_measures_each_region_at_its_own_tolerance() -> None:
    labels = {"background": 0, "kidney": [1, 2, 3], "mass": [2, 3], "tumour": [2]}
    reference = np.zeros((20, 12, 12), np.uint8)
    prediction = np.zeros((20, 12, 12), np.uint8)
    reference[2:10, 2:10, 2:10] = prediction[3:11, 2:10, 2:10] = 2
    settings = EvaluationSettings(preset="kits23")
    cases = evaluate_case(Reference(reference, (1.1, 1, 1), labels, settings), prediction)["cases"]
    values = cases[cases["metric"] == "kits23_nsd"].set_index("label")["value"]
    assert values["kidney"] < 0.9  # 1.1 mm is farther than 1.033 mm, and not than 1.133 mm
    assert values[["mass", "tumour"]].tolist() == [1, 1]
    with pytest.raises(UserError, match="the preset kits23 is defined for 3 labels"):
        Reference(reference, (1, 1, 1), {"background": 0, "kidney": 2}, settings)
    empty = evaluate_case(Reference(reference * 0, (1, 1, 1), labels, settings), prediction * 0)["cases"]
    assert (empty[empty["metric"].str.startswith("kits23")]["value"] == 1).all()


def test_every_preset_has_a_source_a_rule_and_metrics_that_are_measured(composite: tuple[Mask, Mask]) -> None:
    assert RULES.keys() == CHALLENGES.keys()
    assert not CHALLENGE_METRICS.keys() & METRICS.keys()
    reference, prediction = composite
    for name, challenge in CHALLENGES.items():
        assert challenge.source
        assert challenge.title
        if RULES[name].labels is None:
            found = scores(name, reference, prediction) | scores(name, reference & False, prediction)
            assert found.keys() == {metric.name.removeprefix(f"{name}_") for metric in challenge.metrics}


def test_the_preset_stands_beside_our_own_metrics(composite: tuple[Mask, Mask]) -> None:
    def measured(settings: EvaluationSettings):
        made = Reference(composite[0].astype(np.uint8), (1, 1, 1), {"background": 0, "lesion": 1}, settings)
        return evaluate_case(made, composite[1].astype(np.uint8))["cases"]

    ours, both = measured(EvaluationSettings()), measured(EvaluationSettings(preset="msseg"))
    extra = both["metric"].str.startswith("msseg_")
    assert extra.sum() == 3
    assert both[~extra].reset_index(drop=True).equals(ours)
    with pytest.raises(UserError, match="preset is brats, expected isles22 or"):
        EvaluationSettings(preset="brats")
