"""The one file of ours in which nnU-Net looks for the trainer that ``-tr`` names.

It holds no class: nnU-Net forgets every module found here as soon as its search is over, and a class of a forgotten
module cannot be pickled. Trainers are made on demand, inside the installed package.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):  # the import system asks for __path__ and the like
        raise AttributeError(name)
    try:
        from nnunet_losses.nnunet.training.lookup import find_trainer
    except ModuleNotFoundError as error:
        # Child processes inherit the variable, and one of them may run a Python without our package.
        if error.name is not None and error.name.split(".")[0] == "nnunet_losses":
            raise AttributeError(name) from None
        raise
    return find_trainer(name)
