"""Colours can be told apart and seen; every trainer has a look of its own."""

from itertools import pairwise

import pytest

from nnunet_losses.report.style import (
    BASELINE,
    INK,
    INVENTED,
    MISSED,
    MUTED,
    PALETTE,
    PAPER,
    TRUE,
    jitter,
    looks,
)


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two ``#rrggbb`` colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_contrast_is_the_wcag_ratio() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # the textbook grey that just fails 4.5
    assert contrast("#123456", "#123456") == pytest.approx(1)


@pytest.mark.parametrize("color", [*PALETTE, BASELINE])
def test_lines_stand_out_from_the_page(color: str) -> None:
    assert contrast(color, PAPER) >= 3


@pytest.mark.parametrize("color", [INK, MUTED, "#005a8d", "#00558a", "#9a3f00"])
def test_words_can_be_read(color: str) -> None:
    assert contrast(color, PAPER) >= 4.5


@pytest.mark.parametrize("color", [TRUE[0], MISSED[0], INVENTED[0]])
def test_outlines_stand_out_from_a_dark_image(color: str) -> None:
    assert contrast(color, "#000000") >= 7


def test_outlines_differ_in_line_style_too() -> None:
    assert len({TRUE[1], MISSED[1], INVENTED[1]}) == 3


def test_no_two_of_fifty_trainers_look_the_same() -> None:
    trainers = [f"trainer{i}" for i in range(50)]
    found = looks(trainers, "trainer7")
    assert found["trainer7"].color == BASELINE
    assert len({(look.color, look.line, look.marker) for look in found.values()}) == 50


def test_neighbours_differ_in_more_than_colour() -> None:
    found = list(looks([f"trainer{i}" for i in range(13)], "trainer0").values())
    assert all(one.marker != other.marker for one, other in pairwise(found[1:]))


def test_jitter_stays_within_its_width_and_is_always_the_same() -> None:
    offsets = jitter(1000, 0.2)
    assert offsets == jitter(1000, 0.2)
    assert -0.2 <= min(offsets) < -0.19
    assert 0.19 < max(offsets) <= 0.2
