import numpy as np
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.evaluation.labels import LabelSet, mask_of


def test_plain_labels_have_the_softmax_channel_of_their_value():
    found = LabelSet.parse({"background": 0, "b": 2, "a": 1})
    assert [(label.name, label.values, label.channel) for label in found.labels] == [("b", (2,), 2), ("a", (1,), 1)]
    assert (found.channels, found.ignore, found.known) == (3, None, (0, 1, 2))


def test_regions_have_the_sigmoid_channel_of_their_place():
    found = LabelSet.parse({"background": 0, "whole": [1, 2, 3], "core": [2, 3], "vessel": 3, "ignore": 4})
    assert [(label.name, label.channel) for label in found.labels] == [("whole", 0), ("core", 1), ("vessel", 2)]
    assert (found.channels, found.ignore, found.known) == (3, 4, (0, 1, 2, 3, 4))


def test_channels_are_those_of_nnunet():
    nnunet = pytest.importorskip("nnunetv2.utilities.label_handling.label_handling")
    for labels in (
        {"background": 0, "a": 1, "b": 2},
        {"background": 0, "a": 1, "ignore": 2},
        {"background": 0, "whole": (1, 2), "core": (2,)},
        {"background": 0, "whole": (1, 2), "core": 2, "ignore": 3},
    ):
        theirs = nnunet.LabelManager(labels, (1, 2) if "whole" in labels else None)
        assert LabelSet.parse(labels).channels == theirs.num_segmentation_heads


def test_a_mask_holds_every_value_of_a_region():
    whole = LabelSet.parse({"background": 0, "whole": [1, 3], "other": 2}).labels[0]
    assert mask_of(np.array([0, 1, 2, 3]), whole).tolist() == [False, True, False, True]


@pytest.mark.parametrize("values", [[0, 1, 4], [0, 5], [0, 200]])
def test_values_with_gaps_are_known_too(values):
    found = LabelSet.parse({"background": 0, "a": 1, "b": 4})
    unknown = [value for value in values if value not in (0, 1, 4)]
    assert found.unknown_value(np.array(values, np.uint8)) == (unknown[0] if unknown else None)


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ({"background": 0}, "no foreground label"),
        ({"background": 0, "a": "1"}, "label 'a' is '1', expected an integer"),
        ({"background": 0, "a": []}, "label 'a' is"),
        ({"background": 0, "a": -1}, "label 'a' is -1"),
        ({"background": 0, "a": 1, "ignore": [2, 3]}, "label 'ignore'"),
    ],
)
def test_bad_labels_are_refused_by_name(labels, sentence):
    with pytest.raises(UserError, match=sentence):
        LabelSet.parse(labels)
