"""Surface elements, against the published table and a search of all pairs."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics.utils import get_code_to_measure_table
from scipy.spatial.distance import cdist

from nnunet_losses.evaluation import EvaluationSettings, surface
from nnunet_losses.evaluation.structure import Grid, Structure
from nnunet_losses.evaluation.surfels import surfel_areas

from .pairs import SPACINGS, pairs_of_masks


@pytest.mark.parametrize("spacing", [*SPACINGS, (1.0, 1.0), (0.4, 2.0)])
def test_every_surfel_area_equals_the_published_table(spacing):
    table, kernel = get_code_to_measure_table(spacing)
    weights = kernel.numpy().reshape((2,) * len(spacing))
    corners = list(itertools.product((0, 1), repeat=len(spacing)))
    for code, area in enumerate(surfel_areas(spacing)):
        theirs = sum(int(weights[corner]) for bit, corner in enumerate(corners) if code >> bit & 1)
        assert area == pytest.approx(float(table[theirs]), abs=1e-6)


@pytest.mark.slow
@given(pairs_of_masks(), st.floats(0.1, 8))
@settings(max_examples=60)
def test_surfels_that_are_not_searched_for_lie_beyond_the_tolerance(measure, pair, tolerance):
    *masks, spacing = pair
    sides = [Structure(mask, Grid(mask.shape, spacing, 1.0)).surfels for mask in masks]
    apart = cdist(*(side.points for side in sides))
    within = [apart.min(axis=axis) <= tolerance + surface._ROUNDING_MM for axis in (1, 0)]
    area = sum(side.areas[close].sum() for side, close in zip(sides, within, strict=True))
    metrics = measure(*masks, spacing, EvaluationSettings(tolerances_mm=(tolerance,)))
    assert metrics["nsd_surfel"] == pytest.approx(area / sum(side.areas.sum() for side in sides), abs=1e-9)
