"""Distances between surfaces, against SciPy and MONAI."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice
from scipy.ndimage import binary_erosion, distance_transform_edt

from nnunet_losses.evaluation import EvaluationSettings, Reference, evaluate_case, surface
from nnunet_losses.evaluation.structure import Grid, Structure

from .pairs import SPACINGS, for_monai, pairs_of_masks

DISTANCES = ["hd", "hd95", "hd95_pooled", "assd", "masd"]
TWO_TOLERANCES = EvaluationSettings(tolerances_mm=(1.0, 2.5))


def directed(reference, prediction, spacing):
    """Border distances both ways, from SciPy's distance transform of the whole image."""
    borders = [mask & ~binary_erosion(mask) for mask in (reference, prediction)]
    transforms = [distance_transform_edt(~border, sampling=spacing) for border in borders]
    return transforms[1][borders[0]], transforms[0][borders[1]]


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(2))
def test_distances_equal_scipys_distance_transform(measure, blobs, spacing, seed):
    reference, prediction = blobs(seed), blobs(seed + 50, share=0.03)
    metrics = measure(reference, prediction, spacing, TWO_TOLERANCES)
    there, back = directed(reference, prediction, spacing)
    both = np.concatenate([there, back])
    assert metrics["hd"] == pytest.approx(both.max())
    assert metrics["hd95"] == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
    assert metrics["hd95_pooled"] == pytest.approx(np.percentile(both, 95))
    assert metrics["assd"] == pytest.approx(both.mean())
    assert metrics["masd"] == pytest.approx((there.mean() + back.mean()) / 2)
    assert metrics["nsd"] == pytest.approx(np.mean(both <= 1 + 1e-9))
    assert metrics["nsd_2.5mm"] == pytest.approx(np.mean(both <= 2.5 + 1e-9))


@given(pairs_of_masks(), st.integers(1, 3))
@settings(max_examples=60)
def test_every_distance_equals_scipys_for_any_reach_of_the_band(pair, reach):
    *masks, spacing = pair
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surface, "_REACH", reach)
        patch.setattr(surface, "_TRANSFORM_COST", math.inf)  # its distances have 32 bits
        reference, prediction = (Structure(mask, Grid(mask.shape, spacing, 1.0)).border for mask in masks)
        ours = prediction.distances_from(reference), reference.distances_from(prediction)
        again = reference.distances_from(prediction)
        near = reference.band().distances(prediction.coordinates)
    theirs = directed(*masks, spacing)
    for found, wanted in zip((*ours, again), (*theirs, theirs[1]), strict=True):
        assert found == pytest.approx(wanted, abs=1e-9)
    limit = (reach + 1) * min(spacing)
    at_limit = np.isclose(theirs[1], limit, rtol=1e-12)  # there rounding decides
    assert np.array_equal(np.isfinite(near)[~at_limit], (theirs[1] < limit)[~at_limit])


def test_a_reference_that_has_served_before_measures_the_same(measure, blobs):
    truth, first, second = blobs(1), blobs(2), blobs(1) | blobs(3, share=0.02)
    used = Reference(truth.astype(np.uint8), (3.0, 0.7, 0.9), {"background": 0, "lesion": 1})
    evaluate_case(used, first.astype(np.uint8))
    cases = evaluate_case(used, second.astype(np.uint8))["cases"]
    wanted = measure(truth, second, (3.0, 0.7, 0.9))
    assert dict(zip(cases["metric"], cases["value"], strict=True)) == pytest.approx(wanted, nan_ok=True, rel=1e-12)


def assert_equals_monai(metrics, reference, prediction, spacing):
    pair = for_monai(reference, prediction, spacing)
    assert metrics["hd95"] == pytest.approx(float(compute_hausdorff_distance(percentile=95, **pair)), abs=1e-4)
    assert metrics["assd"] == pytest.approx(float(compute_average_surface_distance(symmetric=True, **pair)), abs=1e-4)
    assert metrics["nsd"] == pytest.approx(float(compute_surface_dice(class_thresholds=[1.0], **pair)), abs=1e-5)
    surfels = compute_surface_dice(class_thresholds=[1.0], use_subvoxels=True, **pair)
    assert metrics["nsd_surfel"] == pytest.approx(float(surfels), abs=1e-5)


@pytest.mark.parametrize("spacing", [*SPACINGS, (0.8, 1.3)])
def test_hd95_assd_and_nsd_equal_monai(measure, blobs, spacing):
    shape = (14, 17, 19)[-len(spacing) :]
    reference, prediction = blobs(1, shape), blobs(1, shape) | blobs(10, shape, share=0.02)
    assert_equals_monai(measure(reference, prediction, spacing), reference, prediction, spacing)


@pytest.mark.parametrize(("first", "second"), [("20", "28"), ("02", "29")])
def test_surfaces_of_real_lesions_equal_monai(real_lesions, measure, first, second):
    reference = real_lesions(first)
    prediction = (reference & (np.arange(reference.shape[0]) % 40 > 12)[:, None, None]) | real_lesions(second)
    spacing = (1.0, 1.0, 1.0)
    assert_equals_monai(measure(reference, prediction, spacing), reference, prediction, spacing)


def test_two_voxels_apart_by_hand(measure):
    reference, prediction = np.zeros((3, 9, 9)), np.zeros((3, 9, 9))
    reference[1, 1, 1], prediction[1, 4, 5] = 1, 1  # 3 rows of 2 mm, 4 columns of 2 mm: 10 mm
    metrics = measure(reference, prediction, (1.0, 2.0, 2.0), EvaluationSettings(tolerances_mm=(10.0, 9.9)))
    assert [metrics[name] for name in DISTANCES] == pytest.approx([10.0] * 5)
    assert (metrics["nsd"], metrics["nsd_9.9mm"]) == (1.0, 0.0)


def test_a_distance_equal_to_the_tolerance_is_within_it_despite_rounding(measure):
    reference, prediction = np.zeros((20, 3, 3)), np.zeros((20, 3, 3))
    reference[4, 1, 1], prediction[7, 1, 1] = 1, 1
    settings = EvaluationSettings(tolerances_mm=(0.3,))  # 0.7 - 0.4 is 0.29999999999999993, 3 * 0.1 is more than 0.3
    assert measure(reference, prediction, (0.1, 1.0, 1.0), settings)["nsd"] == 1


def test_the_edge_of_the_image_is_a_border_for_distances_as_in_scipy(measure):
    reference, prediction = np.ones((5, 5, 5), bool), np.zeros((5, 5, 5), bool)
    prediction[1:4, 1:4, 1:4] = True
    there, _ = directed(reference, prediction, (1, 1, 1))
    assert measure(reference, prediction)["hd"] == pytest.approx(there.max())


def test_nothing_wraps_around_the_edges_of_the_image(measure):
    for first, second in (((0, 0, 0), (0, 0, 6)), ((0, 6, 0), (1, 0, 0)), ((0, 0, 0), (4, 6, 6))):
        reference, prediction = np.zeros((5, 7, 7)), np.zeros((5, 7, 7))
        reference[first], prediction[second] = 1, 1
        metrics = measure(reference, prediction)
        assert metrics["hd"] == pytest.approx(math.dist(first, second))
        assert metrics["nsd_surfel"] == 0


@given(
    seed=st.integers(0, 1000),
    factor=st.floats(0.1, 20),
    spacing=st.tuples(*[st.floats(0.3, 5)] * 3),
)
@settings(max_examples=15)
def test_scaling_the_spacing_scales_every_distance(measure, blobs, seed, factor, spacing):
    reference, prediction = blobs(seed, (7, 8, 9)), blobs(seed + 1, (7, 8, 9), 0.05)
    one = measure(reference, prediction, spacing, EvaluationSettings(tolerances_mm=(1.0,)))
    scaled = [factor * s for s in spacing]
    two = measure(reference, prediction, scaled, EvaluationSettings(tolerances_mm=(factor,)))
    for name in DISTANCES:
        assert two[name] == pytest.approx(factor * one[name], rel=1e-6)


@given(st.integers(0, 1000))
@settings(max_examples=15)
def test_distances_are_symmetric_and_ordered(measure, blobs, seed):
    a, b = blobs(seed, (7, 8, 9)), blobs(seed + 1, (7, 8, 9), 0.05)
    one, two = measure(a, b, (2.0, 1.0, 0.5)), measure(b, a, (2.0, 1.0, 0.5))
    for name in (*DISTANCES, "nsd", "nsd_surfel"):
        assert one[name] == pytest.approx(two[name])
    assert one["assd"] <= one["hd"]
    # no order between the two: a percentile of few distances is interpolated
    assert one["hd95_pooled"] <= one["hd"]
    assert one["hd95"] <= one["hd"]
    assert one["nsd"] <= one["nsd_2mm"]


def test_a_larger_image_around_both_masks_changes_no_distance(measure, blobs):
    a, b = blobs(3), blobs(4)
    around = [np.pad(mask, ((2, 5), (1, 0), (7, 3))) for mask in (a, b)]
    one, two = measure(a, b, (3.0, 0.7, 0.9)), measure(*around, (3.0, 0.7, 0.9))
    for name in (*DISTANCES, "nsd", "nsd_surfel"):
        assert one[name] == pytest.approx(two[name])


@pytest.mark.parametrize("cost", ["_SEARCH_COST", "_LIMITED_SEARCH_COST"])
@pytest.mark.parametrize("spacing", [(3.0, 0.7, 0.9), (3.0, 0.7)])
def test_the_distance_transform_gives_what_the_tree_gives(measure, blobs, monkeypatch, cost, spacing):
    shape = (14, 17, 19)[: len(spacing)]
    a, b = blobs(5, shape), blobs(6, shape, share=0.02)
    searched = measure(a, b, spacing)
    monkeypatch.setattr(surface, cost, math.inf)
    transformed = measure(a, b, spacing)
    for name in (*DISTANCES, "nsd", "nsd_surfel"):
        assert transformed[name] == pytest.approx(searched[name], rel=1e-5)


@pytest.mark.parametrize(("ours", "theirs", "within"), [(0, 0, math.nan), (1, 0, 0.0), (0, 1, 0.0)])
def test_empty_sides_have_no_distance_and_nothing_within_tolerance(measure, ours, theirs, within):
    metrics = measure(np.full((3, 4, 5), ours), np.full((3, 4, 5), theirs))
    assert all(math.isnan(metrics[name]) for name in DISTANCES)
    assert metrics["nsd"] == pytest.approx(within, nan_ok=True)
    assert metrics["nsd_surfel"] == pytest.approx(within, nan_ok=True)
