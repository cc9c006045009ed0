"""New configurations in nnU-Net's plans, such as a small network for a quick study."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.locks import alone

# nnU-Net's planner lets no feature map become smaller than this in the bottleneck.
MIN_FEATURE_MAP_SIZE = 4


def derive_configuration(
    plans: Mapping[str, Any],
    name: str,
    *,
    inherits_from: str,
    patch_size: Sequence[int] | None = None,
    spacing: Sequence[float] | None = None,
    batch_size: int | None = None,
    features_per_stage: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Derive a configuration for ``plans["configurations"][name]`` from another one.

    Strides and kernels follow from patch size and spacing by the function that nnU-Net's own planner uses. The network
    has as many stages as ``features_per_stage`` (or the parent's) has entries, or fewer if the patch is too small.

    Args:
        plans: nnU-Net's plans.
        name: of the new configuration.
        inherits_from: the parent, of whose settings those below are replaced where they are given.
        patch_size: voxels along each axis.
        spacing: size of a voxel along each axis, in mm.
        batch_size: samples in a batch.
        features_per_stage: channels of each resolution stage.

    Raises:
        UserError: the parent is not in the plans, or the patch does not fit it or the network.
    """
    from nnunetv2.experiment_planning.experiment_planners.network_topology import get_pool_and_conv_props
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    if inherits_from not in plans["configurations"]:
        there = ", ".join(plans["configurations"])
        raise UserError(
            f"Configuration {name} inherits from {inherits_from}, which nnU-Net did not plan; it planned {there}."
        )
    parent = PlansManager(dict(plans)).get_configuration(inherits_from)
    patch = list(patch_size) if patch_size is not None else [int(n) for n in parent.patch_size]
    if len(patch) != len(parent.spacing):
        raise UserError(
            f"Configuration {name}: patch_size {patch} has {len(patch)} axes, but {inherits_from} has "
            f"{len(parent.spacing)}."
        )
    size_mm = [float(mm) for mm in (spacing if spacing is not None else parent.spacing)]
    if len(size_mm) != len(patch):
        raise UserError(
            f"Configuration {name}: spacing {size_mm} has {len(size_mm)} axes, patch_size has {len(patch)}."
        )
    architecture = dict(parent.configuration["architecture"])
    kwargs = dict(architecture["arch_kwargs"])
    features = list(features_per_stage) if features_per_stage is not None else list(kwargs["features_per_stage"])
    _, strides, kernels, fitting, divisors = get_pool_and_conv_props(
        size_mm, patch, MIN_FEATURE_MAP_SIZE, len(features) - 1
    )
    if list(fitting) != patch:
        raise UserError(
            f"Configuration {name}: patch_size {patch} must be a multiple of {[int(n) for n in divisors]}; "
            f"{[int(n) for n in fitting]} would fit."
        )
    if features_per_stage is not None and len(strides) < len(features):
        raise UserError(
            f"Configuration {name}: a patch of {patch} allows {len(strides)} stages, but features_per_stage names "
            f"{len(features)}."
        )
    stages = len(strides)
    kwargs |= {
        "n_stages": stages,
        "features_per_stage": features[:stages],
        "strides": [list(map(int, s)) for s in strides],
        "kernel_sizes": [list(map(int, k)) for k in kernels],
    }
    for key in ("n_conv_per_stage", "n_blocks_per_stage", "n_conv_per_stage_decoder"):
        if key in kwargs:
            # a deeper network than the parent's repeats its last stage
            count = stages - 1 if key.endswith("decoder") else stages
            given = list(kwargs[key])
            kwargs[key] = (given + given[-1:] * count)[:count]
    return {
        "inherits_from": inherits_from,
        # its own folder: chunks on disk follow the patch size, and no other configuration's data is touched
        "data_identifier": f"{plans['plans_name']}_{name}",
        "patch_size": patch,
        "spacing": size_mm,
        "batch_size": batch_size if batch_size is not None else int(parent.batch_size),
        "architecture": architecture | {"arch_kwargs": kwargs},
        # a network of one resolution: no stage before it, none after it
        "previous_stage": None,
        "next_stage": None,
    }


def add_configuration(plans_file: Path, name: str, **overrides: Any) -> None:
    """Add a derived configuration to a plans file; other processes may do the same at the same time.

    Args:
        plans_file: nnU-Net's plans.
        name: of the new configuration.
        overrides: as in `derive_configuration`.

    Raises:
        UserError: nnU-Net planned a configuration of that name itself, or as in `derive_configuration`.
    """
    # a neighbour is locked, since the plans file itself is replaced
    with alone(plans_file.with_name(f".{plans_file.name}.lock")):
        plans = json.loads(plans_file.read_text(encoding="utf-8"))
        there = plans["configurations"].get(name)
        if there is not None and there.get("data_identifier") != f"{plans['plans_name']}_{name}":
            raise UserError(f"{plans_file} already has a configuration {name} of nnU-Net's own; choose another name.")
        others = {k: v for k, v in plans["configurations"].items() if k != name}
        derived = derive_configuration(plans | {"configurations": others}, name, **overrides)
        if there == derived:
            return
        plans["configurations"] = others | {name: derived}
        with write_atomically(plans_file) as temporary:
            temporary.write_text(json.dumps(plans, indent=4), encoding="utf-8")


def resolved_configuration(plans_file: Path, name: str) -> dict[str, Any]:
    """Everything in the plans that a training of this configuration depends on, with inheritance resolved.

    Raises:
        UserError: nnU-Net did not plan this configuration.
    """
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans = json.loads(plans_file.read_text(encoding="utf-8"))
    if name not in plans["configurations"]:
        there = ", ".join(plans["configurations"])
        raise UserError(f"nnU-Net's plans {plans_file} have no configuration {name}; they have {there}.")
    rest = {k: v for k, v in plans.items() if k != "configurations"}
    return rest | {"configuration": PlansManager(plans).get_configuration(name).configuration}
