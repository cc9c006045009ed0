"""Tell nnU-Net, at interpreter start, where our trainers are found.

nnU-Net looks for trainers of others in the directories that the environment variable ``nnUNet_extTrainer`` lists.
Importing this file appends our door directory to that list; a user's own directories stay first.

The wheel ships this file twice: here, and as ``_nnunet_losses_door`` at the top of site-packages, where
``nnunet_losses_door.pth`` imports it at every start of the interpreter. It therefore imports nothing but what is
loaded already (not even its own package, which would shadow a checkout), prints nothing and never fails.
"""

# pathlib is not loaded yet when this runs, and takes longer than all of it:
# ruff: noqa: PTH109, PTH113, PTH118
import os
import sys

VARIABLE = "nnUNet_extTrainer"


def door_directory() -> str | None:
    """The first ``nnunet_losses/nnunet/door`` on the import path; None if the package is not (or half) installed."""
    for entry in sys.path:
        door = os.path.join(entry or os.getcwd(), "nnunet_losses", "nnunet", "door")
        if os.path.isfile(os.path.join(door, "nnunet_losses_door.py")):
            return door
    return None


def open_door() -> None:
    """Append the door to the variable, once."""
    door = door_directory()
    known = [entry for entry in os.environ.get(VARIABLE, "").split(os.pathsep) if entry.strip()]
    if door is not None and door not in known:
        os.environ[VARIABLE] = os.pathsep.join([*known, door])


open_door()
