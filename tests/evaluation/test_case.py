"""One case: references, labels, and what is written about them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.metrics import METRICS, metric_named
from nnunet_losses.base.scale import Length
from nnunet_losses.evaluation import EvaluationSettings, Reference, evaluate_case

LABELS = {"background": 0, "edema": 1, "core": 2, "vessel": 3}
ISO = (1.0, 1.0, 1.0)


def values(found, label):
    rows = found["cases"][found["cases"].label == label]
    return dict(zip(rows.metric, rows.value, strict=True))


def random_labels(seed, shape=(8, 9, 10), count=4):
    fields = gaussian_filter(np.random.default_rng(seed).normal(size=(count, *shape)), (0, 1, 1, 1))
    return fields.argmax(axis=0).astype(np.uint8)


@pytest.mark.parametrize(
    ("reference", "prediction", "status"),
    [(0, 0, "both_empty"), (0, 1, "reference_empty"), (1, 0, "prediction_empty"), (1, 1, "ok")],
)
def test_every_row_says_which_side_is_empty(reference, prediction, status):
    ours, theirs = np.full((4, 5, 6), reference, np.uint8), np.full((4, 5, 6), prediction, np.uint8)
    cases = evaluate_case(Reference(ours, ISO, {"background": 0, "a": 1}), theirs)["cases"]
    whole = cases[~cases.metric.str.contains("small|medium|large")]
    assert set(whole.status) == {status}
    assert not cases.duplicated(["label", "metric"]).any()


def test_a_stratum_without_reference_lesions_has_its_own_status():
    ours = np.zeros((20, 20, 20), np.uint8)
    ours[2:14, 2:14, 2:14] = 1
    theirs = ours.copy()
    theirs[17, 17, 17] = 1
    cases = evaluate_case(Reference(ours, ISO, {"background": 0, "a": 1}), theirs)["cases"].set_index("metric")
    assert cases.status["lesion_recall_small"] == "reference_empty"
    assert cases.status["lesion_recall_medium"] == "both_empty"
    assert cases.status["lesion_recall_large"] == "ok"
    assert math.isnan(cases.value["lesion_recall_small"])


def test_each_label_is_measured_as_if_it_were_alone():
    reference, prediction = random_labels(1), random_labels(2)
    found = evaluate_case(Reference(reference, ISO, LABELS), prediction)
    for name, value in list(LABELS.items())[1:]:
        alone = Reference((reference == value).astype(np.uint8), ISO, {"background": 0, name: 1})
        assert values(evaluate_case(alone, (prediction == value).astype(np.uint8)), name) == pytest.approx(
            values(found, name), nan_ok=True
        )


@given(st.permutations([1, 2, 3]))
@settings(max_examples=3)
def test_renumbering_the_labels_changes_nothing(order):
    table = np.array([0, *order], np.uint8)
    reference, prediction = random_labels(3), random_labels(4)
    names = {name: int(table[value]) for name, value in LABELS.items()}
    one = evaluate_case(Reference(reference, ISO, LABELS), prediction)
    two = evaluate_case(Reference(table[reference], ISO, names), table[prediction])
    for label in ("edema", "core", "vessel"):
        assert values(one, label) == pytest.approx(values(two, label), nan_ok=True)


def test_a_region_is_the_union_of_its_labels():
    reference, prediction = random_labels(5), random_labels(6)
    regions = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "vessel": 3}
    found = evaluate_case(Reference(reference, ISO, regions), prediction)
    for name, members in (("whole", [1, 2, 3]), ("core", [2, 3]), ("vessel", [3])):
        ours, theirs = (np.isin(image, members).astype(np.uint8) for image in (reference, prediction))
        alone = evaluate_case(Reference(ours, ISO, {"background": 0, name: 1}), theirs)
        assert values(found, name) == pytest.approx(values(alone, name), nan_ok=True)


def probabilities_of(prediction, count, seed=0):
    noise = np.random.default_rng(seed).uniform(0.1, 0.4, (count, *prediction.shape))
    raw = noise + np.stack([prediction == k for k in range(count)])
    return (raw / raw.sum(axis=0)).astype(np.float32)


def test_whatever_lies_under_the_ignore_label_has_no_influence():
    labels = {"background": 0, "lesion": 1, "ignore": 2}
    reference, prediction = random_labels(7, count=3), random_labels(8, count=2)
    probabilities = probabilities_of(prediction, 2)
    made = Reference(reference, ISO, labels)
    one = evaluate_case(made, prediction, probabilities)
    ignored = reference == 2
    prediction[ignored] = 1 - prediction[ignored]
    probabilities[:, ignored] = 0.5
    two = evaluate_case(made, prediction, probabilities)
    for name in one:
        assert one[name].equals(two[name]), name
    counts = {m: values(one, "lesion")[m] for m in ("recall", "specificity")}
    valid = ~ignored
    tn = np.sum((reference == 0) & (prediction == 0) & valid)
    assert counts["specificity"] == pytest.approx(tn / np.sum((reference == 0) & valid))
    assert one["calibration"]["count"].sum() <= valid.sum()


def test_the_memory_order_of_an_image_changes_nothing():
    reference, prediction = random_labels(9), random_labels(10)
    spacing = (3.0, 0.5, 1.0)
    probabilities = probabilities_of(prediction, 4)
    one = evaluate_case(Reference(reference, spacing, LABELS), prediction, probabilities)
    fortran = Reference(np.asfortranarray(reference), spacing, LABELS)
    for given_prediction in (prediction, np.asfortranarray(prediction)):
        two = evaluate_case(fortran, given_prediction, probabilities)
        for label in ("edema", "core", "vessel"):
            assert values(two, label) == pytest.approx(values(one, label), nan_ok=True)


def test_one_reference_serves_many_predictions_without_memory_of_the_last():
    made = Reference(random_labels(11), ISO, LABELS)
    first = evaluate_case(made, random_labels(12))
    evaluate_case(made, random_labels(13))
    again = evaluate_case(made, random_labels(12))
    assert all(first[name].equals(again[name]) for name in first)


def test_one_slice_volumes_are_measured_in_two_dimensions():
    flat, other = random_labels(14, (1, 12, 13))[0], random_labels(15, (1, 12, 13))[0]
    plane = evaluate_case(Reference(flat, (0.5, 2.0), LABELS), other)
    for axis in range(3):
        spacing = [0.5, 2.0]
        spacing.insert(axis, 4.0)
        made = Reference(np.expand_dims(flat, axis), spacing, LABELS)
        volume = evaluate_case(made, np.expand_dims(other, axis))
        for metric in ("hd95", "nsd_surfel", "lesion_recall", "lesion_recall_small", "dice"):
            assert values(volume, "core")[metric] == pytest.approx(values(plane, "core")[metric], nan_ok=True)
        assert volume["lesions"].volume_mm3.sum() == pytest.approx(4 * plane["lesions"].volume_mm3.sum())


ONE_LABEL = {"background": 0, "lesion": 1}


def units(found):
    """Unit by metric."""
    return dict(found["cases"][["metric", "unit"]].itertuples(index=False))


@pytest.mark.parametrize("depth", [None, 999.0], ids=["picture", "slice of nnU-Net"])
def test_without_spacing_lengths_and_sizes_are_in_pixels(depth):
    true, predicted = np.zeros((2, 12, 13), np.uint8)
    true[2:5, 3:7], predicted[8:10, 9:11] = 1, 1
    spacing = (1.0, 1.0)
    if depth is not None:
        true, predicted, spacing = true[..., None], predicted[..., None], (1.0, 1.0, depth)
    found = evaluate_case(Reference(true, spacing, ONE_LABEL, unit=Length.PX), predicted)
    unit = units(found)
    assert [unit[name] for name in ("hd95", "image_diagonal", "volume_difference_ml")] == ["px"] * 3
    assert (unit["dice"], unit["false_positive_count"]) == ("1", "count")
    measured = values(found, "lesion")
    assert measured["false_positive_volume_ml"] == 4 and measured["volume_difference_ml"] == 8
    lesions = found["lesions"]
    assert lesions[["unit", "dimensions"]].drop_duplicates().to_numpy().tolist() == [["px", 2]]
    np.testing.assert_allclose(lesions["volume_mm3"], [12, 4])
    np.testing.assert_allclose(np.pi / 4 * lesions["diameter_mm"] ** 2, [12, 4])


def test_a_flat_image_with_spacing_has_areas_in_square_millimetres():
    true, predicted = np.zeros((2, 12, 13), np.uint8)
    predicted[8:10, 9:11] = 1
    found = evaluate_case(Reference(true, (0.5, 2.0), ONE_LABEL), predicted)
    assert units(found)["hd95"] == "mm" and units(found)["false_positive_volume_ml"] == "mm²"
    assert values(found, "lesion")["false_positive_volume_ml"] == pytest.approx(4)
    assert found["lesions"][["unit", "dimensions"]].to_numpy().tolist() == [["mm", 2]]


def test_a_perfect_prediction_reaches_the_best_value_of_every_metric():
    image = random_labels(16)
    perfect = np.stack([image == k for k in range(4)]).astype(np.float32)
    found = values(evaluate_case(Reference(image, ISO, LABELS), image, perfect), "core")
    for name, value in found.items():
        if name in METRICS and not math.isnan(value):
            assert value == pytest.approx(1.0 if METRICS[name].higher_is_better else 0.0, abs=1e-6), name


def test_without_probabilities_scores_are_missing_and_their_tables_empty_but_whole():
    found = evaluate_case(Reference(random_labels(1), ISO, LABELS), random_labels(2))
    assert found["lesions"][["score_max", "score_mean"]].isna().all(axis=None)
    assert list(found["thresholds"].columns) == ["label", "threshold", "tp", "fp", "fn"]
    assert len(found["thresholds"]) == len(found["calibration"]) == 0


def test_the_image_diagonal_is_the_largest_possible_distance():
    ours, theirs = np.zeros((2, 4, 6, 3), np.uint8)
    ours[0, 0, 0], theirs[-1, -1, -1] = 1, 1
    found = values(evaluate_case(Reference(ours, (2.0, 1.0, 3.0), {"background": 0, "a": 1}), theirs), "a")
    assert found["hd"] == pytest.approx(found["image_diagonal"])


def image(value=0, shape=(3, 4, 5), dtype=np.uint8):
    return np.full(shape, value, dtype)


@pytest.mark.parametrize(
    ("reference", "spacing", "sentence"),
    [
        (image(7), ISO, "the reference holds the value 7"),
        (image(-1, dtype=np.int16), ISO, "the reference holds the value -1"),
        (image(0.5, dtype=float), ISO, "expected integer labels"),
        (image(shape=(3, 4, 5, 6)), (1, 1, 1, 1), "expected a 2D or 3D image"),
        (image(), (1, 1), "expected 3 positive numbers"),
        (image(), (1, 0, 1), "expected 3 positive numbers"),
    ],
)
def test_a_wrong_reference_is_refused_in_one_sentence(reference, spacing, sentence):
    with pytest.raises(UserError, match=sentence):
        Reference(reference, spacing, LABELS)


@pytest.mark.parametrize(
    ("prediction", "probabilities", "sentence"),
    [
        (image(shape=(3, 4, 6)), None, r"the prediction has shape \(3, 4, 6\)"),
        (image(9), None, "the prediction holds the value 9"),
        (image(), np.zeros((4, 5, 4, 3), np.float32), "the probabilities have shape"),
        (image(), np.zeros((3, 3, 4, 5), np.float32), "the probabilities have shape"),
        (image(), np.full((4, 3, 4, 5), 1.5, np.float32), r"outside \[0, 1\]"),
        (image(), np.full((4, 3, 4, 5), np.nan, np.float32), r"outside \[0, 1\] or NaN"),
        (image(2), np.stack([image(k == 1, dtype=np.float32) for k in range(4)]), "contradict the segmentation"),
    ],
)
def test_a_wrong_prediction_is_refused_in_one_sentence(prediction, probabilities, sentence):
    made = Reference(image(), ISO, LABELS)
    with pytest.raises(UserError, match=sentence):
        evaluate_case(made, prediction, probabilities)


def test_settings_rename_what_they_change():
    found = evaluate_case(
        Reference(
            random_labels(1),
            ISO,
            LABELS,
            EvaluationSettings(tolerances_mm=(3, 1), beta=0.5, strata_mm={"tiny": 2, "rest": math.inf}),
        ),
        random_labels(2),
    )
    names = set(found["cases"].metric)
    assert {"nsd", "nsd_1mm", "nsd_surfel_1mm", "f0.5", "lesion_recall_tiny", "lesion_f1_rest"} <= names
    assert not names & {"f2", "nsd_3mm", "lesion_recall_small"}


def test_every_metric_that_is_written_by_default_is_described_and_the_reverse():
    labels = {"background": 0, "lesion": 1}
    ours, theirs = np.zeros((2, 6, 6, 6), np.uint8)
    theirs[2, 2, 2] = 1
    probabilities = np.stack([1 - theirs, theirs]).astype(np.float32)
    settings = EvaluationSettings(tolerances_mm=(1,))
    cases = evaluate_case(Reference(ours, ISO, labels, settings), theirs, probabilities)["cases"]
    assert set(cases.metric) - {"image_diagonal"} == set(METRICS)
    for row in cases.itertuples():
        assert row.unit == metric_named(row.metric).unit
        assert row.unit in ("1", "mm", "ml", "count")
