"""Changes of nnU-Net's recipe by the words in a trainer's name: a module for each, which holds its trainer as CHANGE.

Pieces change one thing. A recipe is built from pieces and a few hooks, and its module lists every choice in CHOICES.
"""

from importlib import import_module

from nnunet_losses.nnunet.training.changes.choices import Choice
from nnunet_losses.nnunet.training.reproducible import ReproducibleTrainer


def trainer_of(word: str) -> type[ReproducibleTrainer]:
    """The trainer that makes a change, to be put before `LossTrainer` among the bases of a class."""
    found: type[ReproducibleTrainer] = import_module(f"{__name__}.{word}").CHANGE
    return found


def choices_of(word: str) -> tuple[Choice, ...]:
    """The choices of a recipe, or of a piece."""
    found: tuple[Choice, ...] = import_module(f"{__name__}.{word}").CHOICES
    return found
