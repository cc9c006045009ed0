"""nnU-Net inspects this file, and nothing else of ours, for the trainer that ``-tr`` names.

It holds no class: nnU-Net forgets every module found here once the search is over, so a class defined here could not
be pickled. Trainers are made on demand, inside the installed package.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):  # the import system asks for __path__ and the like
        raise AttributeError(name)
    try:
        from nnunet_losses.nnunet.names.lookup import find_trainer
    except ModuleNotFoundError as error:
        # The variable is inherited by child processes, of which one may run a Python without our package.
        if error.name is not None and error.name.split(".")[0] == "nnunet_losses":
            raise AttributeError(name) from None
        raise
    return find_trainer(name)
