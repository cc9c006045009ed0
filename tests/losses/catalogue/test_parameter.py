import math

import pytest

from nnunet_losses.losses import Parameter

WEIGHT = Parameter("fp", "fp_weight", float, "weight", minimum=0, maximum=2)
COUNT = Parameter("k", "count", int, "count", minimum=1)
FLAG = Parameter("squared", "squared", bool, "flag")
CHOICE = Parameter("form", "form", str, "form", choices=("paper", "code"))
OPTIONAL = Parameter("alpha", "alpha", float, "alpha", minimum=0, exclusive=True, none="noalpha")


@pytest.mark.parametrize(
    ("parameter", "given", "value"),
    [
        (WEIGHT, 1, 1.0),
        (WEIGHT, 0, 0.0),
        (COUNT, 3.0, 3),
        (FLAG, True, True),
        (CHOICE, "code", "code"),
        (OPTIONAL, None, None),
    ],
)
def test_values_are_given_in_the_parameter_s_type(parameter: Parameter, given: object, value: object):
    checked = parameter.check(given)
    assert checked == value
    assert type(checked) is type(value)


@pytest.mark.parametrize(
    ("parameter", "given", "sentence"),
    [
        (WEIGHT, -0.1, "fp_weight must be a finite number ≥ 0 and ≤ 2, got -0.1"),
        (WEIGHT, math.nan, "fp_weight must be"),
        (WEIGHT, math.inf, "fp_weight must be"),
        (WEIGHT, True, "fp_weight must be"),
        (WEIGHT, None, "fp_weight must be"),
        (WEIGHT, "1", "fp_weight must be"),
        (COUNT, 1.5, "count must be a whole number"),
        (COUNT, 0, "count must be a finite number ≥ 1"),
        (FLAG, 1, "squared must be True or False, got 1"),
        (CHOICE, "blog", "form must be one of paper, code, got 'blog'"),
        (OPTIONAL, 0, "alpha must be a finite number > 0, got 0"),
    ],
)
def test_other_values_are_refused_with_one_sentence(parameter: Parameter, given: object, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        parameter.check(given)
