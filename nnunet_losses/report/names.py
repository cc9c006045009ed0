"""Names for display: short ones of trainers, whose full names stay in tooltips and data, and metrics in a sentence."""

import re
from collections import Counter
from collections.abc import Sequence

_STEM = re.compile(r"^(?P<loss>\w*[^\W_])Trainer(?P<options>(_.*)?)$", re.DOTALL)

_WORD = re.compile(r"[A-Z][a-z]+\b")
_PROPER = ("Dice", "Hausdorff", "Brier")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def short_names(trainers: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Short, distinct names, and the options that all names share and that were left out.

    ``TverskyTrainer_bfloat16_fp0.1_20epochs`` and ``DiceTrainer_bfloat16_20epochs`` become ``Tversky fp0.1`` and
    ``Dice``; the options are ``bfloat16`` and ``20epochs``. Names that would no longer be distinct stay as they are.
    """
    trainers = list(dict.fromkeys(trainers))
    shared = _shared_options(trainers)
    short = {trainer: printable(_prettify(_without(trainer, shared))) for trainer in trainers}
    if len(set(short.values())) < len(trainers):
        return {trainer: printable(trainer) for trainer in trainers}, []
    return short, [printable(option) for option in shared]


def printable(text: str) -> str:
    """``text`` on one line, with a replacement character for what neither SVG nor HTML can hold."""
    return _UNPRINTABLE.sub("\ufffd", " ".join(text.split()))


def _shared_options(trainers: Sequence[str]) -> list[str]:
    """The options that all names have, in the order of the first; none where there is only one name."""
    if len(trainers) < 2:
        return []
    first, *others = (_parts(trainer)[1] for trainer in trainers)
    return [option for option in first if option and all(option in options for options in others)]


def _without(trainer: str, shared: Sequence[str]) -> str:
    stem, options = _parts(trainer)
    return "_".join([stem, *(option for option in options if option not in shared)])


def _parts(trainer: str) -> tuple[str, list[str]]:
    """The class that a name begins with, and its options: ``TverskyTrainer``, ``[fp0.1, 20epochs]``."""
    before, word, after = trainer.partition("Trainer")
    variant, *options = after.split("_")
    return before + word + variant, options


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
