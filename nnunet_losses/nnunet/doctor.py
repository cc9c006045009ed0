"""Do what nnU-Net does when it looks for one of our trainers, and explain what goes wrong."""

import os
import shlex
import traceback
from dataclasses import dataclass
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.versions import package_version
from nnunet_losses.nnunet.names.search import search_trainer
from nnunet_losses.nnunet.preparation.folders import nnunet_folder
from nnunet_losses.nnunet.start_up import VARIABLE, door_folder

INCOMPLETE = "Parts of the package nnunet_losses are missing; install it again."


@dataclass(frozen=True)
class Check:
    """One thing that must be right, whether it is, and one sentence: what was found or what to do."""

    name: str
    ok: bool
    message: str


def diagnose() -> list[Check]:
    """Check what ``nnUNetv2_train -tr <our trainer>`` depends on, in the order in which nnU-Net needs it."""
    return [
        *(_folder(variable) for variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")),
        _door(),
        _built_in_trainers(),
        _lookup(),
    ]


def environment_line() -> str:
    """A shell line for people who forbid start-up hooks (``.pth`` files); their own folders stay first.

    Raises:
        UserError: the package is installed in part only.
    """
    door = door_folder()
    if door is None:
        raise UserError(INCOMPLETE)
    return f'export {VARIABLE}="${{{VARIABLE}:+${VARIABLE}{os.pathsep}}}"{shlex.quote(door)}'


def _folder(variable: str) -> Check:
    try:
        return Check(variable, True, str(nnunet_folder(variable)))
    except UserError as error:
        return Check(variable, False, str(error))


def _door() -> Check:
    door, listed = door_folder(), os.environ.get(VARIABLE, "").split(os.pathsep)
    if door is None:
        return Check("door", False, INCOMPLETE)
    if door in listed:
        return Check("door", True, f"{VARIABLE} lists {door}.")
    return Check(
        "door",
        False,
        f"{VARIABLE} does not list {door}; install the package with pip, whose start-up hook adds it, or run: "
        f"{environment_line()}",
    )


def _built_in_trainers() -> Check:
    # A name that nnU-Net does not know makes it import every trainer of its own first.
    import nnunetv2
    from nnunetv2.utilities.find_class_by_name import recursive_find_python_class

    package = nnunetv2.__path__[0]
    tree = str(Path(package, "training", "nnUNetTrainer"))
    try:
        recursive_find_python_class(tree, "no_such_trainer", "nnunetv2.training.nnUNetTrainer", package)
    except Exception as error:  # whatever any of those modules or their dependencies raise is the finding
        frames = [f.filename for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(tree)]
        where = Path(frames[-1]).relative_to(package) if frames else tree
        return Check(
            "nnU-Net's own trainers",
            False,
            f"nnU-Net imports all its trainers before it looks for others, and {where} fails ({type(error).__name__}: "
            f"{error}); repair that dependency (torch {_version('torch')} and torchvision {_version('torchvision')} "
            f"must be of the same release).",
        )
    return Check("nnU-Net's own trainers", True, f"All modules of nnU-Net {_version('nnunetv2')} can be imported.")


def _lookup() -> Check:
    from nnunet_losses.losses import CATALOGUE
    from nnunet_losses.nnunet.training.trainer import LossTrainer

    for loss in CATALOGUE:
        name = f"{loss}Trainer"
        try:
            found = search_trainer(name)
        except (Exception, SystemExit) as error:  # other people's modules are imported on the way
            reason = f"nnU-Net cannot find {name} ({type(error).__name__}: {error})"
            where = os.environ.get(VARIABLE) or "no other folder"
            return Check("lookup", False, f"{reason}; it looks in {where}.")
        if not issubclass(found, LossTrainer):
            return Check(
                "lookup",
                False,
                f"nnU-Net takes {name} from {found.__module__}, not from this package; rename that class, or remove "
                f"its folder from {VARIABLE}.",
            )
    return Check("lookup", True, f"nnU-Net finds the trainers of all {len(CATALOGUE)} losses.")


def _version(package: str) -> str:
    return package_version(package) or "(not installed)"
