"""Numbers as a reader wants them: sensible decimals, true minus signs, intervals in brackets, units."""

import math

import pandas as pd

NOTHING = "–"
SIGNIFICANT = 0.05  # the level of every test in a report
WITHOUT_UNIT = ("1", "count")


def decimals(unit: str) -> int:
    """Decimals of a mean in ``unit``: three for ratios, two for volumes, one for distances, areas and counts."""
    return {"1": 3, "ml": 2}.get(unit, 1)


def as_declared(value: float, unit: str) -> str:
    """A margin with its unit and as many decimals as it needs, ``0.01``, ``0.25 mm``."""
    return f"{value:.6f}".rstrip("0").rstrip(".") + unit_suffix(unit)


def unit_suffix(unit: str) -> str:
    """`` mm``, to stand behind a number; nothing for ratios and counts."""
    return "" if unit in WITHOUT_UNIT else f" {unit}"


def unit_in_brackets(unit: str) -> str:
    """`` (mm)``, to stand behind the name of a metric; nothing for ratios and counts."""
    return "" if unit in WITHOUT_UNIT else f" ({unit})"


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """``0.713``, ``−0.021``, ``+0.021`` if ``signed``, and an en dash where there is no number."""
    if value is None or pd.isna(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def place(rank: float) -> str:
    """``2``, ``2.5``: a rank, with a decimal only where ties need one."""
    return number(rank, 0 if float(rank).is_integer() else 1)


def interval(value: float, low: float, high: float, digits: int = 3, *, signed: bool = False) -> str:
    """``0.713 [0.65, 0.77]``: the limits with one decimal less, unless they are signed or would then coincide."""
    middle = number(value, digits, signed=signed)
    if pd.isna(low) or pd.isna(high):
        return middle
    fewer = max(digits - 1, 0)
    if signed or round(low, fewer) == round(high, fewer):
        fewer = digits
    return f"{middle} [{number(low, fewer)}, {number(high, fewer)}]"


def odds(value: float) -> str:
    """``1.25``, ``<0.01``, ``>100``: the estimate diverges where nearly all lesions, or none, are found."""
    if pd.isna(value):
        return NOTHING
    return "<0.01" if value < 0.01 else ">100" if value > 100 else f"{value:.2f}"


def p_value(p: float) -> str:
    """``0.013``, ``<0.001``; two digits above 0.1."""
    if pd.isna(p):
        return NOTHING
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def equals(p: float) -> str:
    """``= 0.013``, ``< 0.001``: a p-value to stand behind the letter."""
    text = p_value(p)
    return text.replace("<", "< ") if text.startswith("<") else f"= {text}"


def percent(share: float) -> str:
    """``83 %``, ``<1 %``, ``>99 %``: a finite bootstrap never gives certainty."""
    if pd.isna(share):
        return NOTHING
    if share < 0.01:
        return "<1\u00a0%"
    if share > 0.99:
        return ">99\u00a0%"
    return f"{100 * share:.0f}\u00a0%"


def duration(seconds: float) -> str:
    """``48 s``, ``3.8 min``, ``12 min``, ``3.4 h``."""
    if pd.isna(seconds):
        return NOTHING
    if seconds < 100:
        return f"{seconds:.0f}\u00a0s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.{1 if seconds < 600 else 0}f}\u00a0min"
    return f"{seconds / 3600:.1f}\u00a0h"


def memory(megabytes: float) -> str:
    """``640 MB``, ``7.4 GB``."""
    if pd.isna(megabytes):
        return NOTHING
    return f"{megabytes:.0f}\u00a0MB" if megabytes < 1000 else f"{megabytes / 1024:.1f}\u00a0GB"


def count(n: int, noun: str, plural: str | None = None) -> str:
    """``1 case``, ``24 cases``."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}".replace(",", "\u202f")


def enumerate_words(words: list[str], limit: int = 4) -> str:
    """``a, b and c``; ``a, b, c, d and 3 others`` beyond ``limit``."""
    if len(words) > limit + 1:
        words = [*words[:limit], f"{len(words) - limit} others"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
