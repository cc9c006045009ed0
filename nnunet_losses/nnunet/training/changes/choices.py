"""What a paper's recipe consists of, and how sure that is."""

from dataclasses import dataclass
from typing import Literal

Mark = Literal["paper", "code", "assumed"]
"""Read in the paper's text; read in the authors' code; not known, and chosen here."""


@dataclass(frozen=True)
class Choice:
    """One choice of a recipe.

    what: the part of the recipe: network, optimiser, patches, ...
    value: what was chosen, in words.
    mark: where it was read; what is kept of nnU-Net's without a word in the paper is assumed.
    source: the place in the paper or code, or the reason of an assumption.
    by: what sets it: the trainer (its name suffices), the study's file or the data set's file.
    """

    what: str
    value: str
    mark: Mark
    source: str = ""
    by: Literal["trainer", "study", "data set"] = "trainer"
