"""What a trainer's name can change in nnU-Net's recipe beside the loss: single pieces, or everything as in a paper.

A module of the same name in `nnunet_losses.nnunet.training.changes` makes each of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

DEFAULT_EPOCHS = 1000
DEFAULT_ITERATIONS = 250

Kind = Literal["network", "patches", "inference", "precision", "recipe"]


@dataclass(frozen=True)
class Change:
    """A change of nnU-Net's recipe.

    word: in a trainer's name.
    kind: what it changes; a name has at most one change of a kind, and a recipe stands alone.
    help: one sentence.
    epochs, iterations: the length of a training whose name does not give it.
    """

    word: str
    kind: Kind
    help: str
    epochs: int = DEFAULT_EPOCHS
    iterations: int = DEFAULT_ITERATIONS


_ALL = (
    # before the networks: it runs the one that they build
    Change("bfloat16", "precision", "network in bfloat16, faster on processors that have instructions for it"),
    Change("autonet", "network", "3D U-Net on Auto-Net, without normalisation layers (Salehi et al. 2017)"),
    Change("densenet", "network", "FC-DenseNet of 4 layers a block and growth rate 12 (Jégou et al. 2017)"),
    Change("fpnresunet", "network", "FPN-like residual U-Net with a batch-normed logit (Shirokikh et al. 2020)"),
    Change("lesionsampling", "patches", "case by lesion count, half of the patches on a random lesion"),
    Change("bspline", "inference", "B-spline weighted soft voting of overlapping windows (Hashemi et al. 2018)"),
    Change("salehi2017", "recipe", "Tversky loss: whole volumes, Adam, no augmentation", 1000, 8),
    Change("hashemi2018", "recipe", "asymmetric similarity loss: FC-DenseNet, B-spline soft voting", 100, 100),
    Change("shirokikh2020", "recipe", "inverse weighting: FPN ResUNet, patches by lesion, SGD, 100 epochs", 100, 100),
    Change("yeung2021", "recipe", "Mixed Focal loss: Adam on a plateau schedule, as in MIScnn's example", 1000, 150),
    Change("ma2021", "recipe", "Loss odyssey: nnU-Net V1, Adam on a plateau schedule, no deep supervision", 1500, 250),
)
CHANGES = {change.word: change for change in _ALL}
"""By word, in the order of a name."""


def ordered(words: Sequence[str]) -> tuple[str, ...]:
    """The changes of a name in canonical order.

    Raises:
        ValueError: one is unknown or given twice, or two do not go together.
    """
    for word in words:
        if word not in CHANGES:
            raise ValueError(f"there is no change {word} of nnU-Net's recipe; there are {', '.join(CHANGES)}")
        if words.count(word) > 1:
            raise ValueError(f"{word} is given twice; leave one of the two out")
    found = tuple(word for word in CHANGES if word in words)
    for word in found:
        change = CHANGES[word]
        for other in found:
            if other == word:
                continue
            if change.kind == "recipe":
                raise ValueError(f"the recipe {word} changes everything and stands alone; leave {other} out")
            if change.kind == CHANGES[other].kind:
                raise ValueError(f"{word} and {other} both change the {change.kind}; leave one of the two out")
    return found


def default_length(words: Sequence[str]) -> tuple[int, int]:
    """Epochs, and iterations in each, of a training whose name gives neither."""
    recipe = next((CHANGES[word] for word in words if CHANGES[word].kind == "recipe"), None)
    return (DEFAULT_EPOCHS, DEFAULT_ITERATIONS) if recipe is None else (recipe.epochs, recipe.iterations)
