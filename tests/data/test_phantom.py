import hashlib
import itertools
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from nnunet_losses.base.components import component_sizes, connected_components
from nnunet_losses.base.config import checked
from nnunet_losses.base.errors import UserError
from nnunet_losses.data.description import load_dataset_description
from nnunet_losses.data.inspection import inspect_dataset
from nnunet_losses.data.phantom import draw_sizes, label_table, make_phantom_case, write_phantom
from nnunet_losses.data.phantom_options import Phantom
from nnunet_losses.nnunet.preparation.expected import expected_plans


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write(folder: Path, workers: int = 1, **options: object) -> Path:
    folder.mkdir(exist_ok=True)
    write_phantom(Phantom(**options), folder, workers=workers)
    return folder


@pytest.fixture(scope="module")
def demo() -> list[tuple[np.ndarray, np.ndarray]]:
    """Image and label of the first twelve cases of the default phantom."""
    cases = (make_phantom_case(Phantom(), index) for index in range(12))
    return [(images[0], label) for images, label in cases]


def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_workers(tmp_path: Path) -> None:
    options = {"cases": 4, "shape": (24, 32, 32), "labels": "rim_and_core", "channels": ("FLAIR", "T1"), "seed": 3}
    one = write(tmp_path / "one", workers=1, **options)
    three = write(tmp_path / "three", workers=3, **options)
    assert len(digests(one)) == 4 * 3 + 1
    assert digests(one) == digests(three)


def test_another_seed_gives_other_cases_and_cases_differ() -> None:
    first, second = (make_phantom_case(Phantom(shape=(24, 32, 32)), index) for index in range(2))
    other = make_phantom_case(Phantom(shape=(24, 32, 32), seed=1), 0)
    assert (first[0][0] != second[0][0]).any()
    assert (first[0][0] != other[0][0]).any()
    assert (first[1] != other[1]).any()


def test_a_case_does_not_depend_on_how_many_there_are() -> None:
    few, many = (make_phantom_case(Phantom(shape=(24, 32, 32), cases=n), 2) for n in (3, 30))
    np.testing.assert_array_equal(few[0][0], many[0][0])
    np.testing.assert_array_equal(few[1], many[1])


def test_the_imbalance_is_that_of_real_ms_lesions(demo: list[tuple[np.ndarray, np.ndarray]]) -> None:
    # Real: 13 consensus masks at 1 mm, 1891 lesions; see config/datasets/phantom.yaml.
    sizes = [component_sizes(label > 0) for _, label in demo]
    fractions = [float((label > 0).mean()) for _, label in demo]
    assert all(0.0004 < fraction < 0.02 for fraction in fractions)
    assert all(4 <= len(case) <= 41 for case in sizes)
    logs = np.log(np.concatenate(sizes))
    assert abs(logs.mean() - 2.85) < 0.3
    assert abs(logs.std() - 1.58) < 0.2
    assert logs.max() / np.log(10) > 3


def test_the_volumes_of_real_ms_lesions_have_those_quantiles(shared_data: Path) -> None:
    masks = [*shared_data.glob("ms_lesion_masks/*.nii.gz"), *shared_data.glob("Dataset030_MSLesions/labelsTr/*.nii.gz")]
    sizes = np.concatenate([component_sizes(np.asarray(nib.load(mask).dataobj) > 0) for mask in masks])
    assert len(sizes) == 1891
    np.testing.assert_array_equal(np.quantile(sizes, [0.1, 0.25, 0.5, 0.75, 0.9, 0.95]), [2, 6, 16, 46, 111, 226])
    assert np.log(sizes).mean() == pytest.approx(2.85, abs=0.005)
    assert np.log(sizes).std() == pytest.approx(1.58, abs=0.005)


def contrast_to_noise(image: np.ndarray, label: np.ndarray, low: int, high: int) -> list[float]:
    """Mean of each lesion of a size, relative to the tissue: in robust standard deviations above its median."""
    tissue = image[(label == 0) & (image > 250)]
    quarter, median, three_quarters = np.quantile(tissue, [0.25, 0.5, 0.75])
    components, _ = connected_components(label > 0)
    sizes = np.bincount(components.ravel())
    means = np.bincount(components.ravel(), weights=image.ravel()) / sizes
    wanted = (sizes >= low) & (sizes < high)
    wanted[0] = False
    return list((means[wanted] - median) / ((three_quarters - quarter) / 1.349))


def test_large_lesions_are_plain_and_small_ones_are_hidden(demo: list[tuple[np.ndarray, np.ndarray]]) -> None:
    large = [z for image, label in demo for z in contrast_to_noise(image, label, 100, 10**6)]
    small = [z for image, label in demo for z in contrast_to_noise(image, label, 1, 5)]
    assert np.mean(large) > 2
    assert 0.3 < np.mean(small) < 0.6 * np.mean(large)


def share_of_components_hit(mask: np.ndarray, other: np.ndarray) -> float:
    components, count = connected_components(mask)
    return np.unique(components[mask & other]).size / max(1, count)


def test_brightness_alone_does_not_tell_lesions(demo: list[tuple[np.ndarray, np.ndarray]]) -> None:
    # At the best threshold on normalised images, most of what is bright is no lesion, and many lesions are missed.
    images = [(image - image.mean()) / image.std() for image, _ in demo]
    outcomes = []
    for threshold in np.linspace(1.5, 4, 11):
        dice, precision, recall = [], [], []
        for image, (_, label) in zip(images, demo, strict=True):
            found, truth = image > threshold, label > 0
            dice.append(2 * (found & truth).sum() / (found.sum() + truth.sum()))
            precision.append(share_of_components_hit(found, truth))
            recall.append(share_of_components_hit(truth, found))
        outcomes.append((np.mean(dice), np.mean(precision), np.mean(recall)))
    best_dice, lesion_precision, lesion_recall = max(outcomes)
    assert best_dice < 0.7
    assert lesion_precision < 0.35
    assert lesion_recall < 0.7


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), thickness=st.sampled_from([1.0, 2.0, 4.0]), dimensions=st.sampled_from([2, 3]))
def test_drawn_sizes_fill_the_wanted_share(seed: int, thickness: float, dimensions: int) -> None:
    shape = (48, 64, 64)[:dimensions]
    spacing = (thickness, 1.0, 1.0)[:dimensions]
    phantom = Phantom(shape=shape, spacing_mm=spacing, lesions=(1, 30))
    sizes = draw_sizes(np.random.default_rng(seed), phantom)
    assert sizes.min() >= 1
    assert 0.0005 <= sizes.sum() / np.prod(shape) <= 0.02


def test_sizes_are_in_mm_so_thick_slices_hold_fewer_voxels() -> None:
    rng = np.random.default_rng(0)
    thin, thick = (
        np.median(
            np.concatenate([draw_sizes(rng, Phantom(spacing_mm=(t, 1, 1), median_volume_mm3=200.0)) for _ in range(50)])
        )
        for t in (1.0, 5.0)
    )
    assert 3 < thin / thick < 8


@pytest.mark.parametrize("labels", ["rim_and_core", "two_types", "regions"])
def test_labels_come_in_several_kinds_that_inspection_accepts(tmp_path: Path, labels: str) -> None:
    folder = write(tmp_path, cases=3, shape=(32, 40, 40), labels=labels, channels=["FLAIR", "T1", "T2"])
    summary = inspect_dataset(folder)
    totals = {label: sum(case.voxels[label] for case in summary.cases) for label in summary.labels}
    assert all(totals.values())
    assert len(summary.channel_names) == 3
    if labels == "regions":
        assert totals["lesion"] > totals["core"]


def test_the_core_lies_within_the_rim() -> None:
    _, label = make_phantom_case(Phantom(shape=(48, 48, 48), labels="rim_and_core"), 0)
    components, _ = connected_components(label > 0)
    sizes = np.bincount(components.ravel())
    cores = np.bincount(components.ravel(), weights=label.ravel() == 2)
    assert cores[1:].any()
    assert (cores[1:] < sizes[1:]).all()


def registered(name: str) -> Phantom:
    description = load_dataset_description(Path(__file__).parents[2] / f"config/datasets/{name}.yaml")
    assert description.source.phantom is not None
    assert description.labels == label_table(description.source.phantom)["labels"]
    return description.source.phantom


def test_vessels_are_long_and_thin_and_fill_the_wanted_share() -> None:
    phantom = registered("phantom_vessels")
    cases = [index for index in range(6) if index not in phantom.negatives()]
    for index in cases:
        _, label = make_phantom_case(phantom, index)
        low, high = phantom.foreground
        assert low * 0.99 <= label.mean() <= high
        assert distance_transform_edt(label).max() <= 3, "nowhere thicker than the thickest vessel"
        components, count = connected_components(label > 0)
        largest = components == np.bincount(components.ravel())[1:].argmax() + 1
        assert count <= 20
        points = np.argwhere(largest)
        ball = (6 * len(points) / np.pi) ** (1 / 3)
        assert np.linalg.norm(np.ptp(points, axis=0)) > 2.5 * ball, "of a ball it would be 1.7 times"


def test_vessels_are_bright_but_not_the_only_bright_thing() -> None:
    images, label = make_phantom_case(registered("phantom_vessels"), 1)
    brain = images[0][(label == 0) & (images[0] > 250)]
    assert images[0][label > 0].mean() > np.quantile(brain, 0.75)
    assert (brain > np.median(images[0][label > 0])).any()


def test_organs_are_all_there_in_their_places_and_of_unlike_size() -> None:
    phantom = registered("phantom_organs")
    centres, sizes = [], []
    for index in range(4):
        _, label = make_phantom_case(phantom, index)
        voxels = np.bincount(label.ravel(), minlength=13)
        assert (voxels > 0).all()
        assert len(voxels) == 13
        sizes.append(voxels[1:])
        centres.append([np.argwhere(label == n).mean(0) / label.shape for n in range(1, 13)])
    assert 20 < np.median(np.array(sizes)[:, 0] / np.array(sizes)[:, -1]) < 150
    within = np.linalg.norm(np.ptp(np.array(centres), axis=0), axis=1)
    apart = [np.linalg.norm(a - b) for a, b in itertools.combinations(centres[0], 2)]
    assert np.median(within) < np.median(apart) / 2


def test_two_organs_share_a_brightness() -> None:
    images, label = make_phantom_case(registered("phantom_organs").model_copy(update={"noise": 0.0, "bias": 0.0}), 0)
    means = sorted(float(np.median(images[0][label == n])) for n in range(1, 13))
    spread = means[-1] - means[0]
    nearest = [min(abs(a - b) for b in means if b != a) for a in means]
    assert np.median(nearest) < spread / 12


def test_thick_slices_make_nnunet_s_plans_anisotropic() -> None:
    phantom = registered("phantom_thick_slices")
    shape, spacing = phantom.shape[::-1], phantom.spacing_mm[::-1]
    table = {"channel_names": {"0": "FLAIR"}, **label_table(phantom), "numTraining": 4, "file_ending": ".nii.gz"}
    plans = expected_plans(table, [shape] * 4, [spacing] * 4)["configurations"]["3d_fullres"]
    assert plans["spacing"] == [5, 1, 1]
    assert plans["architecture"]["arch_kwargs"]["kernel_sizes"][0] == (1, 3, 3)


def test_other_looks_are_written_as_their_description_says(tmp_path: Path) -> None:
    for look in ("vessels", "organs"):
        folder = tmp_path / look
        write(folder, cases=2, shape=(24, 32, 32), look=look, organs=5, foreground=(0.05, 0.1), negative_cases=1)
        summary = inspect_dataset(folder)
        assert list(summary.labels) == (["vessel"] if look == "vessels" else [f"organ_{n:02d}" for n in range(1, 6)])
        assert sum(case.foreground_fraction == 0 for case in summary.cases) == 1


def test_negative_cases_have_no_lesion(tmp_path: Path) -> None:
    folder = write(tmp_path, cases=5, shape=(24, 32, 32), negative_cases=2)
    assert sum(case.foreground_fraction == 0 for case in inspect_dataset(folder).cases) == 2


def test_slices_are_stored_as_volumes_of_one_slice(tmp_path: Path) -> None:
    folder = write(tmp_path, cases=2, shape=(64, 80), spacing_mm=(0.5, 0.5), lesions=(1, 3))
    image = nib.load(folder / "imagesTr/phantom_000_0000.nii.gz")
    assert image.shape == (80, 64, 1)
    assert image.header.get_zooms() == (0.5, 0.5, 5.0)
    assert len(inspect_dataset(folder).cases) == 2


def test_files_have_the_spacing_and_the_order_of_axes_of_nifti(tmp_path: Path) -> None:
    folder = write(tmp_path, cases=2, shape=(16, 48, 56), spacing_mm=[3, 1, 1])
    assert nib.load(folder / "labelsTr/phantom_000.nii.gz").shape == (56, 48, 16)
    assert inspect_dataset(folder).cases[0].spacing_mm == (1, 1, 3)
    assert json.loads((folder / "dataset.json").read_text())["numTraining"] == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"case": 3}, "phantom: unknown key 'case'; did you mean 'cases'?"),
        ({"cases": 0}, "cases must be a whole number from 1 to 10,000, got 0."),
        ({"shape": (8, 64, 64)}, "shape.0 must be a whole number from 16 to 4,096, got 8."),
        ({"spacing_mm": (1, 1)}, "spacing_mm must be a list of 3 numbers, as shape is"),
        ({"labels": "tumor"}, "labels must be one of lesion, rim_and_core"),
        (
            {"look": "vessels", "labels": "regions"},
            "labels 'regions' is a way to label lesions, but look is vessels; leave it out.",
        ),
        ({"channels": ["CT"]}, "channels.0 must be one of FLAIR, T1, T2, got 'CT'."),
        ({"negative_cases": 25}, "negative_cases must be at most the number of cases (24), got 25."),
        ({"lesions": [9, 3]}, "lesions must be [least, most], got [9, 3]."),
        ({"noise": -1}, "noise must be a number from 0 to 10, got -1."),
        ({"shape": 64}, "shape must be a list of 2 or 3 whole numbers from 16 to 4,096, got 64; put it in"),
        ({"shape": [4096] * 3}, "shape must have at most 134,217,728 voxels"),
        ({"foreground": [0.1]}, "foreground must be a list of 2 numbers from 0 to 0.5, got [0.1]."),
        ({"lesions": (1, 2), "median_volume_mm3": 0.001}, "cannot fill"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as refusal:
        make_phantom_case(checked(Phantom, options, "phantom"), 0)
    assert sentence in str(refusal.value)
