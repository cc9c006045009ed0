"""New configurations in nnU-Net's plans."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.preparation.plans import add_configuration, resolved_configuration


@pytest.fixture
def plans_file(world_once: Path, tmp_path: Path) -> Path:
    file = tmp_path / "nnUNetPlans.json"
    file.write_text((world_once / "preprocessed/Dataset901_Labels/nnUNetPlans.json").read_text())
    return file


def test_a_small_network_keeps_the_rest_of_its_parent(plans_file: Path) -> None:
    add_configuration(
        plans_file,
        "small",
        inherits_from="3d_fullres",
        patch_size=[16, 16, 16],
        batch_size=3,
        features_per_stage=[4, 8],
    )
    parent = resolved_configuration(plans_file, "3d_fullres")["configuration"]
    small = resolved_configuration(plans_file, "small")["configuration"]
    network = small["architecture"]["arch_kwargs"]
    assert small["patch_size"] == [16, 16, 16]
    assert small["batch_size"] == 3
    assert small["spacing"] == parent["spacing"]
    assert network["n_stages"] == 2
    assert network["features_per_stage"] == [4, 8]
    assert network["strides"] == [[1, 1, 1], [2, 2, 2]]
    assert len(network["n_conv_per_stage"]) == 2
    assert len(network["n_conv_per_stage_decoder"]) == 1
    assert network["norm_op"] == parent["architecture"]["arch_kwargs"]["norm_op"]
    assert small["data_identifier"] != parent["data_identifier"]


def test_a_coarser_spacing_is_written_and_shapes_the_network(plans_file: Path) -> None:
    add_configuration(
        plans_file,
        "thick",
        inherits_from="3d_fullres",
        spacing=[4, 1, 1],
        patch_size=[8, 16, 16],
        features_per_stage=[4, 8],
    )
    thick = resolved_configuration(plans_file, "thick")["configuration"]
    assert thick["spacing"] == [4.0, 1.0, 1.0]
    assert thick["architecture"]["arch_kwargs"]["strides"] == [[1, 1, 1], [1, 2, 2]]  # the thick axis is not pooled


def test_the_network_of_an_added_configuration_runs(plans_file: Path) -> None:
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    add_configuration(plans_file, "flat", inherits_from="2d", patch_size=[16, 32], features_per_stage=[4, 8, 8])
    network = resolved_configuration(plans_file, "flat")["configuration"]["architecture"]
    model = get_network_from_plans(
        network["network_class_name"],
        network["arch_kwargs"],
        network["_kw_requires_import"],
        1,
        3,
        deep_supervision=False,
    )
    assert model(torch.zeros(2, 1, 16, 32)).shape == (2, 3, 16, 32)


def test_adding_the_same_again_changes_nothing_and_several_processes_lose_nothing(plans_file: Path) -> None:
    names = [f"small_{n}" for n in range(6)]

    def add(name: str) -> None:
        add_configuration(
            plans_file, name, inherits_from="3d_fullres", patch_size=[16, 16, 16], features_per_stage=[4, 8]
        )

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, names))
    before = plans_file.read_text()
    add(names[0])
    assert plans_file.read_text() == before
    assert set(names) <= set(json.loads(before)["configurations"])


@pytest.mark.parametrize(
    ("name", "overrides", "sentence"),
    [
        ("x", {"inherits_from": "3d_lowres"}, "3d_lowres, which nnU-Net did not plan; it planned 2d, 3d_fullres"),
        ("x", {"inherits_from": "3d_fullres", "patch_size": [16, 16]}, "has 2 axes, but 3d_fullres has 3"),
        ("x", {"inherits_from": "3d_fullres", "spacing": [1.0]}, "has 1 axes, patch_size has 3"),
        ("x", {"inherits_from": "3d_fullres", "patch_size": [17, 16, 16], "features_per_stage": [4, 8]}, "would fit"),
        ("x", {"inherits_from": "3d_fullres", "patch_size": [8, 8, 8], "features_per_stage": [4] * 5}, "names 5"),
        ("2d", {"inherits_from": "3d_fullres"}, "already has a configuration 2d of nnU-Net's own"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_plans_stay(
    plans_file: Path, name: str, overrides: dict[str, object], sentence: str
) -> None:
    before = plans_file.read_text()
    with pytest.raises(UserError, match=sentence):
        add_configuration(plans_file, name, **overrides)
    assert plans_file.read_text() == before


def test_an_unplanned_configuration_is_named_with_those_there(plans_file: Path) -> None:
    with pytest.raises(UserError, match="have no configuration 3d_lowres; they have 2d, 3d_fullres"):
        resolved_configuration(plans_file, "3d_lowres")
