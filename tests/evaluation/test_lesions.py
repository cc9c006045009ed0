"""Lesion-wise metrics, against slow loops over SciPy's components."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import generate_binary_structure, label

from nnunet_losses.evaluation import EvaluationSettings, Reference, evaluate_case
from nnunet_losses.evaluation.lesions import Matching

FULL = generate_binary_structure(3, 3)


def loop_over_lesions(reference, prediction, iou_threshold=0.5, fraction=0.5):
    """The definitions written as slow loops over scipy's components."""
    ours, n = label(reference, FULL)
    theirs, m = label(prediction, FULL)
    lesions = [ours == i + 1 for i in range(n)]
    found = [theirs == j + 1 for j in range(m)]
    shared = np.array([[np.sum(a & b) for b in found] for a in lesions]).reshape(n, m)
    sizes = np.array([a.sum() for a in lesions]), np.array([b.sum() for b in found])
    dice = 2 * shared / (sizes[0][:, None] + sizes[1][None, :])
    iou = shared / (sizes[0][:, None] + sizes[1][None, :] - shared)
    centres = [tuple(np.rint(np.argwhere(b).mean(axis=0)).astype(int)) for b in found]
    pairs = iou > iou_threshold
    return {
        "lesion_recall": np.mean(shared.any(axis=1)),
        "lesion_precision": np.mean(shared.any(axis=0)),
        "lesion_fdr": np.mean(~shared.any(axis=0)),
        "lesion_recall_iou": np.mean(pairs.any(axis=1)),
        "lesion_precision_iou": np.mean(pairs.any(axis=0)),
        "lesion_sq": iou[pairs].mean() if pairs.any() else math.nan,
        "lesion_pq": iou[pairs].sum() / (pairs.sum() + ((n - pairs.sum()) + (m - pairs.sum())) / 2),
        "lesion_recall_fraction": np.mean(shared.sum(axis=1) / sizes[0] >= fraction),
        "lesion_precision_fraction": np.mean(shared.sum(axis=0) / sizes[1] >= fraction),
        "lesion_recall_centre": np.mean([any(a[c] for c in centres) for a in lesions]),
        "lesion_precision_centre": np.mean([reference[c] for c in centres]),
        "lesion_dice": dice.max(axis=1).mean(),
        "lesion_merges": np.sum((shared > 0).sum(axis=0) > 1),
        "lesion_splits": np.sum((shared > 0).sum(axis=1) > 1),
        "false_positive_count": np.sum(~shared.any(axis=0)),
        "false_positive_volume_ml": sizes[1][~shared.any(axis=0)].sum() * 1.5 / 1000,
    }


@pytest.mark.parametrize("seed", range(4))
def test_every_matching_rule_equals_a_loop_over_lesions(measure, blobs, seed):
    reference = blobs(seed, (16, 20, 22), 0.06)
    prediction = (reference & blobs(seed + 40, (16, 20, 22), 0.7)) | blobs(seed + 20, (16, 20, 22), 0.02)
    metrics = measure(reference, prediction, (1.5, 1.0, 1.0))
    for name, expected in loop_over_lesions(reference, prediction).items():
        assert metrics[name] == pytest.approx(float(expected), nan_ok=True), name


def boxes(*sides):
    mask = np.zeros((5, 5, 30), np.uint8)
    for start, stop in sides:
        mask[2, 2, start:stop] = 1
    return mask


def lesion_table(reference, prediction, spacing=(1.0, 1.0, 1.0), settings=None):
    made = Reference(reference, spacing, {"background": 0, "lesion": 1}, settings)
    return evaluate_case(made, prediction)["lesions"]


def test_a_merge_and_a_split_by_hand(measure):
    reference = boxes((0, 4), (6, 10), (15, 25))  # two lesions merged, one split, and one false positive
    prediction = boxes((2, 8), (15, 18), (22, 25), (28, 30))
    metrics = measure(reference, prediction)
    assert metrics["lesion_recall"] == 1
    assert metrics["lesion_precision"] == 3 / 4
    assert metrics["lesion_f1"] == pytest.approx(2 * 0.75 / 1.75)
    assert (metrics["lesion_merges"], metrics["lesion_splits"]) == (1, 1)
    table = lesion_table(reference, prediction)
    assert list(table[table.side == "reference"].matches) == [1, 1, 2]
    assert list(table[table.side == "prediction"].matches) == [2, 1, 1, 0]
    assert list(table.matched) == list(table.matches > 0)
    assert list(table[table.side == "prediction"].component) == [1, 2, 3, 4]
    split = table[(table.side == "reference")].iloc[2]
    assert split.dice == pytest.approx(2 * 3 / 13)
    assert split.iou == pytest.approx(3 / 10)
    assert split.overlap_fraction == pytest.approx(6 / 10)


def test_diagonal_neighbours_are_one_component_unless_told_otherwise():
    mask = np.zeros((3, 3, 3), np.uint8)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[1, 2, 1] = 1
    assert len(lesion_table(mask, mask)) == 2
    assert len(lesion_table(mask, mask, settings=EvaluationSettings(connectivity=6))) == 4


def test_lesions_at_the_edge_of_the_image_are_marked():
    table = lesion_table(boxes((0, 2), (10, 12), (27, 30)), boxes((10, 12)))
    assert list(table.touches_border) == [True, False, True, False]


def test_strata_take_the_reference_size_for_recall_and_the_predicted_size_for_precision(measure):
    # Diameters of 1, 8 and 1 voxels of 1 mm: 1.24, 2.48 mm.
    reference, prediction = boxes((0, 1), (3, 11), (20, 21)), boxes((0, 1), (3, 4), (25, 26))
    strata = EvaluationSettings(strata_mm=(("tiny", 2.0), ("rest", math.inf)))
    metrics = measure(reference, prediction, settings=strata)
    assert metrics["lesion_recall_tiny"] == 1 / 2
    assert metrics["lesion_precision_tiny"] == 2 / 3
    assert metrics["lesion_f1_tiny"] == pytest.approx(2 / (2 + 3 / 2))
    assert metrics["lesion_recall_rest"] == 1
    assert math.isnan(metrics["lesion_precision_rest"])


def test_a_diameter_equal_to_a_bound_belongs_to_the_next_stratum(measure):
    diameter = (6 / math.pi) ** (1 / 3)
    strata = EvaluationSettings(strata_mm=(("a", float(np.cbrt(6 / math.pi))), ("b", math.inf)))
    assert diameter == pytest.approx(strata.strata_mm[0][1])
    metrics = measure(boxes((0, 1)), boxes((0, 1)), settings=strata)
    assert math.isnan(metrics["lesion_recall_a"])
    assert metrics["lesion_recall_b"] == 1


def test_false_positives_on_a_negative_case_are_metrics_of_their_own(measure):
    metrics = measure(boxes(), boxes((0, 4), (8, 10)), (5.0, 2.0, 1.0))
    assert metrics["negative_false_positive_count"] == 2
    assert metrics["negative_false_positive_volume_ml"] == pytest.approx(6 * 10 / 1000)
    assert measure(boxes(), boxes())["negative_false_positive_count"] == 0
    assert "negative_false_positive_count" not in measure(boxes((0, 1)), boxes((4, 5)))


@pytest.mark.parametrize(
    ("reference", "prediction", "recall", "precision", "f1"),
    [
        (boxes(), boxes(), math.nan, math.nan, math.nan),
        (boxes(), boxes((1, 2)), math.nan, 0, 0),
        (boxes((1, 2)), boxes(), 0, math.nan, 0),
        (boxes((1, 2)), boxes((5, 6)), 0, 0, 0),
    ],
)
def test_lesion_detection_on_empty_sides(measure, reference, prediction, recall, precision, f1):
    metrics = measure(reference, prediction)
    for suffix in ("", "_iou", "_fraction", "_centre"):
        assert metrics[f"lesion_recall{suffix}"] == pytest.approx(recall, nan_ok=True)
        assert metrics[f"lesion_precision{suffix}"] == pytest.approx(precision, nan_ok=True)
        assert metrics[f"lesion_f1{suffix}"] == pytest.approx(f1, nan_ok=True)


@given(st.integers(0, 500), st.permutations([0, 1, 2]), st.tuples(*[st.booleans()] * 3))
@settings(max_examples=15)
def test_turning_and_mirroring_the_image_changes_nothing(measure, blobs, seed, order, mirror):
    def turn(mask):
        return np.ascontiguousarray(np.flip(mask.transpose(order), [i for i in range(3) if mirror[i]]))

    a, b = blobs(seed, (8, 9, 10)), blobs(seed + 3, (8, 9, 10), 0.04)
    spacing = (2.0, 1.0, 0.5)
    one = measure(a, b, spacing)
    two = measure(turn(a), turn(b), [spacing[i] for i in order])
    # Rounding a centre half-way between two voxels depends on the direction.
    for name in one:
        if not name.endswith("_centre"):
            assert one[name] == pytest.approx(two[name], nan_ok=True), name


def test_lesion_counts_of_real_masks_equal_scipy(real_lesions, measure):
    reference, prediction = real_lesions("23"), real_lesions("01")
    (ours, n), (theirs, m) = label(reference, FULL), label(prediction, FULL)
    found = len(np.unique(ours[reference & prediction]))
    true = len(np.unique(theirs[reference & prediction]))
    metrics = measure(reference, prediction)
    assert 0 < found < n
    assert metrics["lesion_recall"] == pytest.approx(found / n)
    assert metrics["lesion_precision"] == pytest.approx(true / m)
    assert metrics["false_positive_count"] == m - true


def all_matchings(iou, threshold):
    """Every one-to-one matching of pairs above a threshold, as lists of pairs."""
    pairs = [tuple(pair) for pair in np.argwhere(iou > threshold)]
    for size in range(len(pairs) + 1):
        for chosen in itertools.combinations(pairs, size):
            if all(len(set(side)) == size for side in zip(*chosen, strict=True)):
                yield list(chosen)


def ious(reference, prediction):
    ours, n = label(reference, FULL)
    theirs, m = label(prediction, FULL)
    pairs = [(ours == i + 1, theirs == j + 1) for i in range(n) for j in range(m)]
    return np.array([np.sum(a & b) / np.sum(a | b) for a, b in pairs]).reshape(n, m)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [0, 0.1, 0.25])
def test_below_a_half_pairs_are_matched_one_to_one_as_well_as_can_be(measure, seed, threshold):
    rng = np.random.default_rng(seed)
    sides = np.zeros((2, 3, 3, 40), bool)  # rods of several lengths that overlap in chains
    for side in sides:
        for start in range(0, 40, 8):
            low = start + rng.integers(0, 4)
            side[1, 1, low : low + rng.integers(2, 8 - low + start)] = True
    sides[1] = np.roll(sides[1], 4, axis=2)
    iou = ious(*sides)
    best = max(all_matchings(iou, threshold), key=lambda pairs: (len(pairs), sum(iou[p] for p in pairs)))
    metrics = measure(*sides, settings=EvaluationSettings(iou_threshold=threshold))
    name = f"iou{threshold:g}"
    assert metrics[f"lesion_recall_{name}"] == len(best) / iou.shape[0]
    assert metrics[f"lesion_precision_{name}"] == len(best) / iou.shape[1]
    assert metrics[f"lesion_pq_{name}"] == pytest.approx(2 * sum(iou[p] for p in best) / sum(iou.shape))
    assert "lesion_recall_iou" not in metrics


def test_the_best_matching_may_leave_the_best_pair_out_and_a_greedy_one_does_not():
    # the component hits both lesions, the first more; another one hits the first lesion only
    reference, prediction = boxes((0, 10), (11, 15)), boxes((0, 3), (4, 13))
    made = Reference(reference, (1, 1, 1), {"background": 0, "lesion": 1})
    predicted = made.predicted_structure(prediction, made.labels.labels[0])
    matching = Matching(made.structure(made.labels.labels[0]), predicted)
    pairs = list(zip(matching.first, matching.second, matching.iou, strict=True))
    assert [(a, b) for a, b, _ in pairs] == [(0, 0), (0, 1), (1, 1)]
    assert [iou for _, _, iou in pairs] == pytest.approx([3 / 10, 6 / 13, 2 / 11])
    assert matching.above(0.1).tolist() == [0, 2]
    assert matching.greedy(0.1).tolist() == [1]
    assert matching.above(0.2).tolist() == matching.greedy(0.2).tolist() == [1]
    assert matching.greedy(6 / 13).tolist() == [1]  # a pair at the threshold counts, in a greedy matching
    assert matching.above(6 / 13).tolist() == []
