"""Numbers are written as a careful author would."""

import math

import pytest

from nnunet_losses.report import numbers


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (numbers.number(0.7126), "0.713"),
        (numbers.number(-0.0214, signed=True), "−0.021"),
        (numbers.number(0.02, 2, signed=True), "+0.02"),
        (numbers.number(-0.0001, signed=True), "0.000"),
        (numbers.number(math.nan), "–"),
        (numbers.number(math.inf), "∞"),
        (numbers.interval(0.7126, 0.651, 0.774), "0.713 [0.65, 0.77]"),
        (numbers.interval(0.7126, 0.7121, 0.7133), "0.713 [0.712, 0.713]"),
        (numbers.interval(-0.004, -0.012, 0.003, signed=True), "−0.004 [−0.012, 0.003]"),
        (numbers.interval(0.5, math.nan, math.nan), "0.500"),
        (numbers.interval(4.21, 3.6, 5.2, 1), "4.2 [4, 5]"),
        (numbers.p_value(0.0004), "<0.001"),
        (numbers.p_value(0.0132), "0.013"),
        (numbers.p_value(0.43), "0.43"),
        (numbers.odds(3e30), ">100"),
        (numbers.odds(1.254), "1.25"),
        (numbers.odds(0.0), "<0.01"),
        (numbers.odds(float("nan")), numbers.NOTHING),
        (numbers.equals(0.0132), "= 0.013"),
        (numbers.equals(0.0004), "< 0.001"),
        (numbers.place(2.0), "2"),
        (numbers.place(2.5), "2.5"),
        (numbers.unit_suffix("mm"), " mm"),
        (numbers.unit_suffix("1"), ""),
        (numbers.unit_in_brackets("ml"), " (ml)"),
        (numbers.unit_in_brackets("count"), ""),
        (numbers.p_value(0.0999), "0.100"),
        (numbers.p_value(0.1), "0.10"),
        (numbers.p_value(0.001), "0.001"),
        (numbers.percent(0.01), "1\u00a0%"),
        (numbers.percent(0.99), "99\u00a0%"),
        (numbers.duration(99.4), "99\u00a0s"),
        (numbers.duration(100), "1.7\u00a0min"),
        (numbers.duration(600), "10\u00a0min"),
        (numbers.duration(6000), "1.7\u00a0h"),
        (numbers.memory(1000), "1.0\u00a0GB"),
        (numbers.enumerate_words(list("abcde")), "a, b, c, d and e"),
        (numbers.percent(0.83), "83\u00a0%"),
        (numbers.percent(1.0), ">99\u00a0%"),
        (numbers.percent(0.0), "<1\u00a0%"),
        (numbers.duration(48), "48\u00a0s"),
        (numbers.duration(228), "3.8\u00a0min"),
        (numbers.duration(12240), "3.4\u00a0h"),
        (numbers.memory(640), "640\u00a0MB"),
        (numbers.memory(7578), "7.4\u00a0GB"),
        (numbers.count(1, "case"), "1 case"),
        (numbers.count(4287, "case"), "4\u202f287 cases"),
        (numbers.enumerate_words(["a"]), "a"),
        (numbers.enumerate_words(["a", "b", "c"]), "a, b and c"),
        (numbers.enumerate_words(list("abcdefg")), "a, b, c, d and 3 others"),
    ],
)
def test_written(written: str, expected: str) -> None:
    assert written == expected
