"""Names for display: short ones of trainers, whose full names stay in tooltips and data, and metrics in a sentence."""

import re
from collections import Counter
from collections.abc import Sequence

_STEM = re.compile(r"^(?P<loss>\w*[^\W_])Trainer(?P<options>(_.*)?)$", re.DOTALL)

_WORD = re.compile(r"[A-Z][a-z]+\b")
_PROPER = ("Dice", "Hausdorff", "Brier")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def short_names(trainers: Sequence[str]) -> tuple[dict[str, str], str]:
    """Short, distinct names, and the suffix that all names share and that was left out (empty if none).

    ``TverskyTrainer_fp0.1_20epochs`` and ``DiceTrainer_20epochs`` become ``Tversky fp0.1`` and ``Dice``; the suffix is
    ``_20epochs``. Names that would no longer be distinct are left as they are.
    """
    trainers = list(dict.fromkeys(trainers))
    suffix = _common_suffix(trainers)
    short = {trainer: printable(_prettify(trainer[: len(trainer) - len(suffix)])) for trainer in trainers}
    if len(set(short.values())) < len(trainers):
        return {trainer: printable(trainer) for trainer in trainers}, ""
    return short, printable(suffix)


def printable(text: str) -> str:
    """``text`` on one line, with a replacement character for what neither SVG nor HTML can hold."""
    return _UNPRINTABLE.sub("\ufffd", " ".join(text.split()))


def _common_suffix(trainers: Sequence[str]) -> str:
    """The trailing ``_option`` parts that all names share; never a whole name."""
    if len(trainers) < 2:
        return ""
    options = [trainer.split("_")[1:] for trainer in trainers]
    shared: list[str] = []
    for parts in zip(*(reversed(option) for option in options), strict=False):
        if len(set(parts)) > 1:
            break
        shared.insert(0, parts[0])
    return "".join(f"_{part}" for part in shared)


def _prettify(trainer: str) -> str:
    match = _STEM.match(trainer)
    if match is None or match["loss"] == "nnUNet":  # nnU-Net's own trainers keep their names
        return trainer
    return match["loss"] + match["options"].replace("_", " ")


def in_sentence(text: str) -> str:
    """``lesion recall``, ``Dice``, ``HD95``: a name or definition as it stands within a sentence."""
    first = _WORD.match(text)
    return text if first is None or first.group() in _PROPER else text[0].lower() + text[1:]


def shorten(text: str, length: int) -> str:
    """``text`` with its middle left out if it is longer than ``length`` characters."""
    if len(text) <= length:
        return text
    head = (length - 1 + 1) // 2
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def cut_names(names: Sequence[str], length: int) -> list[str]:
    """The names in at most ``length`` characters each; those that would then look the same stay whole."""
    cut = [shorten(name, length) for name in names]
    alike = Counter(cut)
    return [name if alike[short] > 1 else short for name, short in zip(names, cut, strict=True)]
