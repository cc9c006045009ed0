"""Tell nnU-Net, whenever Python starts, where the trainers of this package are.

nnU-Net looks for external trainers in the folders that the environment variable ``nnUNet_extTrainer`` lists.
`open_door` appends ours to that list; a user's own folders stay first.

``nnunet_losses_door.pth``, which lies at the top of site-packages, runs this file at every start of Python, without
importing the package: an import would hide a checkout that comes onto the path later. The file therefore imports only
what Python has loaded by then, and prints nothing.
"""

# pathlib is not loaded at that time, and loading it would take longer than everything else here:
# ruff: noqa: PTH100, PTH113, PTH118, PTH120
import os

VARIABLE = "nnUNet_extTrainer"
SHIM = "nnunet_losses_door.py"


def door_folder() -> str | None:
    """The folder to list in the variable; None if the package is installed in part only."""
    door = os.path.join(os.path.dirname(os.path.abspath(__file__)), "door")
    return door if os.path.isfile(os.path.join(door, SHIM)) else None


def open_door() -> None:
    """Append our folder to the variable unless it is listed already."""
    door = door_folder()
    listed = [entry for entry in os.environ.get(VARIABLE, "").split(os.pathsep) if entry.strip()]
    if door is not None and door not in listed:
        os.environ[VARIABLE] = os.pathsep.join([*listed, door])
