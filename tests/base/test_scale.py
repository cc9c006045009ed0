"""What is measured in millimetres and what in pixels, and what a report calls it."""

import pandas as pd
import pytest

from nnunet_losses.base.metrics import metric_named
from nnunet_losses.base.scale import Length, Scale, mixed

PIXELS = Scale.of_image(Length.PX, 2, thick=False)
FLAT = Scale.of_image(Length.MM, 2, thick=False)
SLICE = Scale.of_image(Length.MM, 2, thick=True)
VOLUME = Scale.of_image(Length.MM, 3, thick=True)


@pytest.mark.parametrize(
    ("scale", "units", "words"),
    [
        (PIXELS, ("px", "px", "1", "count"), ("disc", "area")),
        (FLAT, ("mm", "mm²", "1", "count"), ("disc", "area")),
        (SLICE, ("mm", "ml", "1", "count"), ("disc", "area")),
        (VOLUME, ("mm", "ml", "1", "count"), ("sphere", "volume")),
    ],
    ids=["pixels", "flat", "slice", "volume"],
)
def test_every_scale_has_its_units_and_words(scale: Scale, units: tuple[str, ...], words: tuple[str, str]) -> None:
    names = ("hd95", "volume_difference_ml", "dice", "false_positive_count")
    assert tuple(scale.metric(metric_named(name)).unit for name in names) == units
    assert (scale.ball, scale.extent) == words


def test_without_spacing_names_say_pixels_and_areas() -> None:
    assert PIXELS.metric(metric_named("nsd_surfel_2mm")).long_name == "NSD (surfels) at 2 px"
    area = PIXELS.metric(metric_named("false_positive_volume_ml"))
    assert area.long_name == "False positive area"
    assert area.description == "Area of predicted components without any overlap."
    for name in ("nsd_2mm", "false_positive_volume_ml", "hd95"):
        assert VOLUME.metric(metric_named(name)) == metric_named(name)


@pytest.mark.parametrize("scale", [PIXELS, FLAT, SLICE, VOLUME], ids=["pixels", "flat", "slice", "volume"])
def test_a_scale_is_read_back_from_its_tables(scale: Scale) -> None:
    cases = pd.DataFrame({"unit": ["1", str(scale.length), scale.size]})
    lesions = pd.DataFrame({"dimensions": [scale.dimensions]})
    assert Scale.of_tables(cases, lesions) == scale


def test_tables_of_earlier_versions_are_in_millimetres() -> None:
    lesions = pd.DataFrame({"diameter_mm": [3.0]})
    assert Scale.of_tables(pd.DataFrame({"unit": ["1", "mm"]}), lesions) == VOLUME == Scale()


def test_a_mixture_is_of_millimetres_and_pixels() -> None:
    assert mixed(["1", "mm", "px"]) and not mixed(["1", "mm"]) and not mixed(["px"])
