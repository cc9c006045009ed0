"""Labels of a dataset.json, against what nnU-Net makes of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nnunetv2.utilities.label_handling.label_handling import LabelManager

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.labels import LabelSet, label_problems, mask_of


@st.composite
def label_tables(draw: st.DrawFn) -> dict[str, Any]:
    """Labels that nnU-Net takes: plain or regions, in any order, with or without an ignore label, [1] for 1."""
    count = draw(st.integers(1, 4))
    values = draw(st.permutations(range(1, count + 1)))
    labels: dict[str, Any] = {f"label {value}": [value] if draw(st.booleans()) else value for value in values}
    if draw(st.booleans()):
        size = draw(st.integers(1, count))
        labels["whole"] = list(draw(st.permutations(range(1, count + 1)))[:size]) if size > 1 else values[0]
        if size == 1:
            del labels[f"label {values[0]}"]
    table = {"background": 0, **labels}
    if draw(st.booleans()):
        table["ignore"] = count + 1
    return dict(draw(st.permutations(list(table.items()))))


def nnunets(labels: dict[str, Any]) -> LabelManager:
    regions = sum(name not in ("background", "ignore") for name in labels)
    return LabelManager(labels, list(range(regions)))


@given(label_tables())
def test_channels_values_and_the_ignore_label_are_those_of_nnunet(labels: dict[str, Any]) -> None:
    ours, theirs = LabelSet.parse(labels), nnunets(labels)
    assert ours.channels == theirs.num_segmentation_heads
    assert ours.regions == theirs.has_regions
    assert ours.ignore == theirs.ignore_label
    assert set(ours.known) == {*theirs.all_labels, *([theirs.ignore_label] if theirs.has_ignore_label else [])}
    if theirs.has_regions:
        as_tuples = [region if isinstance(region, tuple) else (region,) for region in theirs.foreground_regions]
        assert [label.values for label in ours.labels] == as_tuples
        assert [label.channel for label in ours.labels] == list(range(len(as_tuples)))
    else:
        assert sorted(label.channel for label in ours.labels) == theirs.foreground_labels


@given(label_tables())
def test_classes_come_in_the_order_of_the_channels(labels: dict[str, Any]) -> None:
    ours = LabelSet.parse(labels)
    classes = list(ours.classes)
    assert len(classes) == ours.channels
    assert all(classes[label.channel] == label.name for label in ours.labels)
    assert ours.regions or classes[0] == "background"


@given(label_tables())
def test_what_nnunet_takes_is_no_problem(labels: dict[str, Any]) -> None:
    nnunets(labels)
    regions = sum(name not in ("background", "ignore") for name in labels)
    assert label_problems(labels, list(range(regions))) == []


def test_a_mask_holds_every_value_of_a_region() -> None:
    whole = LabelSet.parse({"background": 0, "whole": [1, 3], "other": 2}).labels[0]
    assert mask_of(np.array([0, 1, 2, 3]), whole).tolist() == [False, True, False, True]


@pytest.mark.parametrize("known", [{0, 1, 2}, {0, 1, 4}])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
@pytest.mark.parametrize("value", [0, 1, 2, 3, 4, 5, 200, -1])
def test_a_value_that_the_data_set_does_not_have_is_found(known: set[int], dtype: type, value: int) -> None:
    if value < 0 and dtype is np.uint8:
        return
    labels = LabelSet.parse({"background": 0, **{f"label {v}": v for v in known if v}})
    segmentation = np.array([0, value, 1], dtype)
    assert labels.unknown_value(segmentation) == (None if value in known else value)


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ({"background": 0}, "no foreground label"),
        ({"background": 0, "a": "1"}, "the label 'a' must be an integer ≥ 0 or a list of them, got '1'"),
        ({"background": 0, "a": []}, "the label 'a' must be"),
        ({"background": 0, "a": -1}, "the label 'a' must be"),
        ({"background": 0, "a": True}, "the label 'a' must be"),
        ({"background": 0, "a": [1, "2"]}, "the label 'a' must be"),
        ({"background": 0, "a": 1, "ignore": [2, 3]}, "the label 'ignore' must be one integer"),
    ],
)
def test_labels_that_mean_nothing_are_refused_by_name(labels: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        LabelSet.parse(labels)


@pytest.mark.parametrize(
    ("labels", "order", "sentence"),
    [
        ([1, 2], None, "labels must be a table"),
        ({"background": 0, "lesion": "1"}, None, "the label 'lesion' must be an integer"),
        ({"background": 0, "lesion": 1, "other": 1}, None, "'lesion' and 'other' have the same value 1"),
        ({"background": 0, "lesion": 1, "other": 3}, None, "without a gap, got [0, 1, 3]"),
        ({"lesion": 1, "other": 2}, None, '"background": 0'),
        ({"background": [0], "lesion": 1}, None, '"background": 0'),
        ({"background": 0}, None, "holds no foreground"),
        ({"background": 0, "ignore": 1, "other": 2}, None, "must have the highest value (2)"),
        ({"background": 0, "whole": [1, 2], "core": 2}, None, "regions_class_order must list 2 values"),
        ({"background": 0, "whole": [1, 2], "core": 2}, [1], "regions_class_order must list 2 values"),
    ],
)
def test_what_nnunet_could_not_use_is_told_in_a_sentence(labels: Any, order: Any, sentence: str) -> None:
    assert any(sentence in problem for problem in label_problems(labels, order))
