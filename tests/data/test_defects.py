"""Defects sown into a sound data set: each is found, and nothing else is said."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.inspection import inspect_dataset
from nnunet_losses.data.looks import find_copies, look
from nnunet_losses.data.warnings import across_folds

SHAPE = (28, 30, 26)
CASES = ("a", "b", "c", "d")


def save(path: Path, voxels: np.ndarray, affine: np.ndarray | None = None) -> None:
    nib.save(nib.Nifti1Image(voxels, np.eye(4) if affine is None else affine), path)


def load(path: Path) -> np.ndarray:
    return np.asanyarray(nib.load(path).dataobj)


def image(folder: Path, case: str, channel: int = 0) -> Path:
    return folder / f"imagesTr/{case}_{channel:04d}.nii.gz"


def label(folder: Path, case: str) -> Path:
    return folder / f"labelsTr/{case}.nii.gz"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four cases of two channels; every image and every label is another one."""
    folder = tmp_path_factory.mktemp("raw") / "Dataset042_Sound"
    for sub in ("imagesTr", "labelsTr"):
        (folder / sub).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number, case in enumerate(CASES):
        for channel in range(2):
            voxels = 100 * gaussian_filter(rng.normal(size=SHAPE), 1.5) - 5
            save(image(folder, case, channel), voxels.astype(np.float32))
        lesion = np.zeros(SHAPE, np.uint8)
        lesion[3 + number : 7 + number, 4:9, 5:9] = 1
        lesion[20, 20, 3 + number] = 1
        save(label(folder, case), lesion)
    content = {
        "channel_names": {"0": "CT", "1": "PET"},
        "labels": {"background": 0, "lesion": 1},
        "numTraining": len(CASES),
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder


def of_another_shape(folder: Path) -> None:
    save(label(folder, "b"), load(label(folder, "b"))[:, :, :-1])


def moved(folder: Path) -> None:
    affine = np.eye(4)
    affine[0, 3] = 3
    save(label(folder, "b"), load(label(folder, "b")), affine)


def not_finite(folder: Path) -> None:
    voxels = load(image(folder, "b")).copy()
    voxels[1, 2, 3] = np.nan
    save(image(folder, "b"), voxels)


def unknown_value(folder: Path) -> None:
    save(label(folder, "b"), load(label(folder, "b")) * 7)


def fractions(folder: Path) -> None:
    save(label(folder, "b"), load(label(folder, "b")) * np.float32(0.5))


def cut_short(folder: Path) -> None:
    image(folder, "b").write_bytes(image(folder, "b").read_bytes()[:-100])


def without_channel(folder: Path) -> None:
    image(folder, "b", 1).unlink()


def without_label(folder: Path) -> None:
    label(folder, "b").unlink()


def a_copy(folder: Path) -> None:
    save(image(folder, "b"), load(image(folder, "c")))


def nearly_a_copy(folder: Path) -> None:
    voxels = load(image(folder, "c"))
    noise = np.random.default_rng(1).normal(size=SHAPE) * voxels.std() / 10
    save(image(folder, "b"), (3 * voxels[::-1] + noise - 20).astype(np.float32))


def label_of_another(folder: Path) -> None:
    shutil.copy(label(folder, "c"), label(folder, "b"))


def constant(folder: Path) -> None:
    save(image(folder, "b", 1), np.full(SHAPE, 3, np.int16))


def one_channel_twice(folder: Path) -> None:
    shutil.copy(image(folder, "b"), image(folder, "b", 1))


def label_as_image(folder: Path) -> None:
    save(image(folder, "b", 1), load(label(folder, "b")).astype(np.float32))


def turned(folder: Path) -> None:
    for path in (image(folder, "b"), image(folder, "b", 1), label(folder, "b")):
        save(path, load(path), np.diag([-1.0, 1, 1, 1]))


def in_metres(folder: Path) -> None:
    for path in (image(folder, "b"), image(folder, "b", 1), label(folder, "b")):
        save(path, load(path), np.diag([0.001, 0.001, 0.001, 1]))


def no_hounsfield_units(folder: Path) -> None:
    save(image(folder, "b"), load(image(folder, "b")) + 1000)


def swapped(folder: Path) -> None:
    save(label(folder, "b"), 1 - load(label(folder, "b")))


def nobody_has_it(folder: Path) -> None:
    content = json.loads((folder / "dataset.json").read_text())
    content["labels"]["core"] = 2
    (folder / "dataset.json").write_text(json.dumps(content))


DEFECTS: dict[Callable[[Path], None], str] = {
    of_another_shape: "its label (28, 30, 25)",
    moved: "a corner by 3 voxels",
    not_finite: "NaN or infinity in 1 voxels",
    unknown_value: "holds the value 7",
    fractions: "holds 0.5",
    cut_short: "cannot be read as an image",
    without_channel: "lacks channel 1",
    without_label: "has no label file",
    a_copy: "b, c have the same image",
    nearly_a_copy: "b, c have nearly the same image",
    label_of_another: "'b' and 'c' have the same label map",
    constant: "all voxels of PET are 3",
    one_channel_twice: "the channels CT and PET are the same image",
    label_as_image: "the image PET is its own label map",
    turned: "(b) have the orientation LAS, most have RAS",
    in_metres: "The voxels of case 'b' measure 0.001 x 0.001 x 0.001 mm, in the middle case 1 x 1 x 1 mm",
    no_hounsfield_units: "these are no Hounsfield units",
    swapped: "check whether foreground and background are swapped",
    nobody_has_it: "No case has the label 'core'",
}


def found_in(folder: Path) -> list[str]:
    try:
        return list(inspect_dataset(folder).warnings)
    except UserError as refusal:
        return str(refusal).splitlines()[1:]


@pytest.mark.parametrize("sow", DEFECTS, ids=lambda sow: sow.__name__)
def test_a_defect_is_found(sound: Path, tmp_path: Path, sow: Callable[[Path], None]) -> None:
    folder = tmp_path / sound.name
    shutil.copytree(sound, folder)
    sow(folder)
    sentences = found_in(folder)
    assert any(DEFECTS[sow] in sentence for sentence in sentences), sentences
    # the same once for each channel or axis, but of no other case than b (and c, that it is a copy of)
    assert all("a" not in sentence.split("'")[1::2] and "'d'" not in sentence for sentence in sentences)


def test_thick_and_thin_slices_are_a_fact_and_no_alarm(sound: Path, tmp_path: Path) -> None:
    folder = tmp_path / sound.name
    shutil.copytree(sound, folder)
    for path in (image(folder, "b"), image(folder, "b", 1), label(folder, "b")):
        save(path, load(path), np.diag([0.7, 0.7, 7, 1]))
    summary = inspect_dataset(folder)
    assert summary.warnings == ()
    assert "voxels of 0.7 to 1 x 0.7 to 1 x 1 to 7 mm" in str(summary)


def test_a_sound_data_set_raises_no_alarm(sound: Path) -> None:
    assert inspect_dataset(sound).warnings == ()


@pytest.mark.parametrize(
    "name", ["Dataset004_Hippocampus", "Dataset030_MSLesions", "Dataset801_HEIMEDExudates", "Dataset802_DSB2018Nuclei"]
)
@pytest.mark.slow
def test_real_data_raise_no_alarm(shared_data: Path, name: str) -> None:
    assert inspect_dataset(shared_data / name).warnings == ()


def test_lesions_painted_into_one_brain_are_recognised_as_one_brain(shared_data: Path) -> None:
    first, *others = inspect_dataset(shared_data / "Dataset032_PaintedMS").warnings
    assert "nearly the same image" in first
    assert all("nearly the same image" in other for other in others)


def test_copies_on_both_sides_of_a_fold_are_named(sound: Path, tmp_path: Path) -> None:
    folder = tmp_path / sound.name
    shutil.copytree(sound, folder)
    nearly_a_copy(folder)
    copies = inspect_dataset(folder).copies
    assert copies == (("b", "c"),)
    (sentence,) = across_folds(
        [{"train": ["a", "b"], "val": ["c", "d"]}, {"train": ["c", "d"], "val": ["a", "b"]}], copies
    )
    assert sentence.startswith("Fold 0 trains on b and is validated with c")
    assert not across_folds([{"train": ["a", "d"], "val": ["b", "c"]}], copies)


def test_copies_of_copies_are_one_group_and_constant_images_are_none() -> None:
    rng = np.random.default_rng(2)
    base = gaussian_filter(rng.normal(size=(40, 40)), 1)
    images = {
        "a": base,
        "b": base * 2,
        "c": np.flip(base, 1),
        "e": rng.normal(size=(40, 40)),
        "f": np.zeros((40, 40)),
        "g": np.zeros((40, 40)),
    }
    (group,) = find_copies({case: {0: look(voxels)} for case, voxels in images.items()})
    assert (group.cases, group.exact) == (("a", "b", "c"), False)
