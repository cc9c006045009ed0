"""The gallery shows the right cases, the right slice, the right way round."""

import base64
import dataclasses
import io
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk  # noqa: N813 (the library's own habit)
from PIL import Image

from nnunet_losses.base.errors import UserError
from nnunet_losses.report import gallery
from nnunet_losses.report.blocks import Text, Tiles
from nnunet_losses.report.comparison import Comparison, View
from nnunet_losses.report.slices import TILE_PIXELS, ZOOM_VOXELS, Plane, load_image, load_labels


def view_of(values: dict[str, list[float]], files: pd.DataFrame | None = None) -> View:
    rows = pd.DataFrame(
        [
            {"dataset": "D", "configuration": "2d", "trainer": t, "fold": 0, "seed": 0, "case": f"c{i}",
             "label": "lesion", "metric": "dice", "value": v, "unit": "1", "status": "ok", "resolved": ""}
            for t, column in values.items() for i, v in enumerate(column)
        ]
    )  # fmt: skip
    return Comparison(
        tables={"cases": rows}, statistics={"values": rows}, gallery=files, title="T", baseline="A"
    ).views[0]


def saved(path: Path, array: np.ndarray, affine: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(array, affine), path)
    return path


@pytest.fixture
def files(tmp_path: Path) -> pd.DataFrame:
    """One case, stored left-posterior-superior; a lesion at the patient's right, front; A finds it, B invents one."""
    affine = np.diag([-1.0, -1.0, 4.0, 1.0])
    image = np.random.default_rng(0).normal(100, 5, (64, 60, 8)).astype(np.float32)
    reference = np.zeros(image.shape, dtype=np.uint8)
    reference[50:56, 8:14, 5] = 1  # large x is left-to-right reversed: the patient's right is at small x
    reference = reference[::-1]
    other = np.zeros_like(reference)
    other[30:40, 30:40, 5] = 1
    paths = {n: saved(tmp_path / f"{n}.nii.gz", a, affine) for n, a in
             (("image", image), ("reference", reference), ("A", reference), ("B", other))}  # fmt: skip
    return pd.DataFrame(
        [{"dataset": "D", "case": "c0", "image": paths["image"], "reference": paths["reference"], "trainer": t,
          "prediction": paths[t]} for t in "AB"]
    )  # fmt: skip


def pixels(uri: str) -> np.ndarray:
    head, _, data = uri.partition(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def test_best_median_worst_and_most_disagreement_are_chosen() -> None:
    view = view_of({"A": [0.1, 0.5, 0.9, 0.7, 0.7], "B": [0.2, 0.5, 0.9, 0.5, 0.1]})
    chosen = {case.reason: case.name for case in gallery.choose(view, {f"c{i}" for i in range(5)})}
    assert chosen == {"best case": "c2", "median case": "c1", "worst case": "c0", "most disagreement": "c4"}


def test_a_case_with_two_reasons_is_shown_once() -> None:
    chosen = gallery.choose(view_of({"A": [0.5], "B": [0.1]}), {"c0"})
    assert [(c.name, c.reason) for c in chosen] == [("c0", "best case, median case, worst case, most disagreement")]


def test_cases_without_files_are_not_chosen() -> None:
    assert {c.name for c in gallery.choose(view_of({"A": [0.1, 0.5, 0.9]}), {"c1"})} == {"c1"}


def test_reference_and_every_loss_are_shown_in_the_slice_with_most_to_see(files: pd.DataFrame) -> None:
    (row,) = gallery.tiles(view_of({"A": [1.0], "B": [0.0]}, files))
    assert isinstance(row, Tiles)
    assert [tile.title for tile in row.tiles] == ["Reference", "A", "B"]
    assert row.note == "axial slice 6 of 8"
    assert "36 voxels found, 0 missed, 0 false positive" in row.tiles[1].alt
    assert "0 voxels found, 36 missed, 100 false positive" in row.tiles[2].alt


def test_the_picture_is_in_radiological_convention(files: pd.DataFrame) -> None:
    """The lesion lies at the patient's right and front, so in the upper left of an axial picture."""
    (row,) = gallery.tiles(view_of({"A": [1.0], "B": [0.0]}, files))
    assert isinstance(row, Tiles)
    picture = pixels(row.tiles[0].data)
    blue = (picture[..., 2] - picture[..., 0]) > 60
    y, x = np.nonzero(blue)
    patient_right = nib.aff2axcodes(nib.load(files["reference"][0]).affine)[0] == "L"
    assert patient_right, "the file is stored with x growing to the patient's left"
    stored = np.nonzero(np.asarray(nib.load(files["reference"][0]).dataobj))
    expected_left = stored[0].mean() < 32  # small x in an L file is the patient's right: left in the picture
    expected_top = stored[1].mean() < 30  # small y in a P file is the patient's front: top of the picture
    assert (x.mean() < picture.shape[1] / 2) == expected_left
    assert (y.mean() < picture.shape[0] / 2) == expected_top


def test_missed_and_invented_have_their_colours(files: pd.DataFrame) -> None:
    (row,) = gallery.tiles(view_of({"A": [1.0], "B": [0.0]}, files))
    assert isinstance(row, Tiles)
    red, green, blue = (pixels(row.tiles[2].data)[..., i] for i in range(3))
    assert (np.minimum(red, green) - blue > 60).sum() > 20, "yellow: missed"
    assert (np.minimum(red, blue) - green > 60).sum() > 20, "pink: false positive"


def test_labels_that_touch_have_an_outline_each_and_ignored_voxels_none(
    files: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[list[np.ndarray]] = []
    monkeypatch.setattr(
        Plane, "draw", lambda _self, _image, _window, outlines: drawn.append([mask for mask, _ in outlines]) or "data:"
    )
    affine = nib.load(files["reference"][0]).affine
    reference = np.zeros((64, 60, 8), np.uint8)
    reference[10:20, 10:20, 5], reference[20:30, 10:20, 5], reference[40:50, 10:20, 5] = 1, 2, 3
    found = np.zeros_like(reference)
    found[10:20, 10:20, 5], found[20:30, 10:20, 5], found[40:50, 10:20, 5] = 1, 1, 1
    paths = {name: saved(tmp_path / f"{name}.nii.gz", mask, affine) for name, mask in
             (("reference", reference), ("found", found))}  # fmt: skip
    case = files.assign(reference=paths["reference"], prediction=paths["found"], ignore=3).head(1)
    (row,) = gallery.tiles(view_of({"A": [0.5]}, case))
    assert isinstance(row, Tiles)
    assert [[int(mask.sum()) for mask in masks] for masks in drawn] == [[100, 100], [100, 100, 100]]
    assert row.tiles[0].caption == "200 voxels"
    assert "100 voxels found, 100 missed, 100 false positive" in row.tiles[1].alt
    drawn.clear()
    gallery.tiles(view_of({"A": [0.5]}, case.assign(ignore=None)))
    assert [int(mask.sum()) for mask in drawn[0]] == [100, 100, 100], "without an ignore label, 3 is a label"


def test_anisotropic_voxels_keep_their_shape(tmp_path: Path) -> None:
    affine = np.diag([1.0, 2.0, 5.0, 1.0])
    image = np.random.default_rng(0).normal(0, 1, (100, 50, 4)).astype(np.float32)
    mask = np.zeros(image.shape, np.uint8)
    mask[:, :, 2] = 1
    a, b = saved(tmp_path / "i.nii.gz", image, affine), saved(tmp_path / "m.nii.gz", mask, affine)
    frame = pd.DataFrame([{"dataset": "D", "case": "c0", "image": a, "reference": b, "trainer": "A", "prediction": b}])
    (row,) = gallery.tiles(view_of({"A": [1.0]}, frame))
    assert isinstance(row, Tiles)
    height, width = pixels(row.tiles[0].data).shape[:2]
    assert height == pytest.approx(width, abs=2)  # 100 × 1 mm by 50 × 2 mm


def test_two_dimensional_images_work(tmp_path: Path) -> None:
    a = saved(tmp_path / "i.nii.gz", np.random.default_rng(0).normal(0, 1, (80, 70)).astype(np.float32), np.eye(4))
    b = saved(tmp_path / "m.nii.gz", np.eye(80, 70, dtype=np.uint8), np.eye(4))
    frame = pd.DataFrame([{"dataset": "D", "case": "c0", "image": a, "reference": b, "trainer": "A", "prediction": b}])
    (row,) = gallery.tiles(view_of({"A": [1.0]}, frame))
    assert isinstance(row, Tiles)
    assert row.note == "the image"


def test_empty_masks_and_constant_images_work(tmp_path: Path) -> None:
    a = saved(tmp_path / "i.nii.gz", np.zeros((20, 20, 5), np.float32), np.eye(4))
    b = saved(tmp_path / "m.nii.gz", np.zeros((20, 20, 5), np.uint8), np.eye(4))
    frame = pd.DataFrame([{"dataset": "D", "case": "c0", "image": a, "reference": b, "trainer": "A", "prediction": b}])
    (row,) = gallery.tiles(view_of({"A": [1.0]}, frame))
    assert isinstance(row, Tiles)
    assert len(row.tiles) == 2


def picture_files(folder: Path, image: np.ndarray, masks: dict[str, np.ndarray]) -> pd.DataFrame:
    """Gallery of one picture (rows, columns[, channels]), masks of its rows and columns, ``reference`` among them."""
    files = {name: folder / f"{name}.png" for name in ("image", *masks)}
    for name, array in {"image": image, **masks}.items():
        sitk.WriteImage(sitk.GetImageFromArray(array, isVector=array.ndim == 3), str(files[name]))
    return pd.DataFrame(
        [{"dataset": "D", "case": "c0", "image": files["image"], "reference": files["reference"], "trainer": t,
          "prediction": files[t]} for t in masks if t != "reference"]
    )  # fmt: skip


@pytest.fixture
def photograph(tmp_path: Path) -> pd.DataFrame:
    """A large picture, red on the left and green on the right, with two lesions of nine pixels.

    Both losses find the left lesion; A alone finds the right one, B alone invents something far from both.
    """
    image = np.zeros((500, 700, 3), np.uint8)
    image[:, :350, 0], image[:, 350:, 1] = 120, 120
    both, one, invented = np.zeros((3, 500, 700), np.uint8)
    both[100:103, 100:103], one[400:403, 600:603], invented[250:260, 350:360] = 1, 1, 1
    masks = {"reference": both | one, "A": both | one, "B": both | invented}
    return picture_files(tmp_path, image, masks)


def test_colour_pictures_are_shown_in_colour_and_the_right_way_round(photograph: pd.DataFrame) -> None:
    image, _ = load_image(photograph["image"][0])
    assert (image.shape, image.dtype) == ((700, 500, 1, 3), np.uint8)
    (row,) = gallery.tiles(view_of({"A": [1.0], "B": [0.4]}, photograph))
    assert isinstance(row, Tiles)
    overview = pixels(row.tiles[0].data)
    left, right = overview[150, 20], overview[150, -20]
    np.testing.assert_allclose([left, right], [[120, 0, 0], [0, 120, 0]], atol=16)


def test_channels_that_are_no_colours_are_averaged(tmp_path: Path) -> None:
    deep = np.zeros((4, 5, 3), np.uint16)
    deep[..., 0] = 300
    sitk.WriteImage(sitk.GetImageFromArray(deep, isVector=True), str(tmp_path / "deep.png"))
    image, _ = load_image(tmp_path / "deep.png")
    assert image.shape == (5, 4, 1) and np.unique(image).tolist() == [100]


def test_a_tiny_lesion_of_a_large_picture_is_seen_as_found_or_missed(photograph: pd.DataFrame) -> None:
    """The part on which the losses disagree is enlarged, the same for both; nothing is drawn over the lesion."""
    (row,) = gallery.tiles(view_of({"A": [1.0], "B": [0.4]}, photograph))
    assert isinstance(row, Tiles)
    assert [tile.title for tile in row.tiles] == ["Overview", "Reference", "A", "B"]
    assert [tile.caption.partition("; ")[2] for tile in row.tiles[2:]] == ["1 of 1 lesion here", "0 of 1 lesion here"]
    found, missed = (pixels(tile.data) for tile in row.tiles[2:])
    voxel = TILE_PIXELS / ZOOM_VOXELS
    middle = slice(round(TILE_PIXELS / 2 - voxel), round(TILE_PIXELS / 2 + voxel))
    for picture, seen in ((found, found[..., 2] > 150), (missed, (missed[..., 0] > 150) & (missed[..., 2] < 110))):
        rows, columns = np.nonzero(seen)
        assert len(rows) > 25 and 3 * voxel < np.ptp(rows) < 6 * voxel and 3 * voxel < np.ptp(columns) < 6 * voxel
        centre = [(places.min() + places.max()) / 2 for places in (rows, columns)]
        np.testing.assert_allclose(centre, TILE_PIXELS / 2, atol=1.5 * voxel)
        np.testing.assert_allclose(picture[middle, middle].mean(axis=(0, 1)), [0, 120, 0], atol=16)
    overview = pixels(row.tiles[0].data)
    rows, columns = np.nonzero((overview > 180).all(axis=-1))
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=2) and np.ptp(rows) < TILE_PIXELS / 4
    framed = overview[rows.min() + 4 : rows.max() - 4, columns.min() + 4 : columns.max() - 4]
    blue = framed[..., 2] - framed[..., 0] > 60
    np.testing.assert_allclose([places.mean() for places in np.nonzero(blue)], np.array(blue.shape) / 2, atol=4)


def test_a_small_slice_is_shown_whole(files: pd.DataFrame) -> None:
    volumes = gallery.volumes_of(view_of({"A": [1.0], "B": [0.0]}, files), files, "c0")
    predictions = list(volumes.predictions.values())
    plane = Plane.of(2, 5, [volumes.reference, *predictions], volumes.spacing)
    assert plane.zoom(volumes.reference, predictions) is None


@pytest.mark.parametrize(
    ("found_by", "corner"),
    [((1, 0), "dense"), ((1, 1), "dense"), ((0, 0), "dense"), (None, "nothing")],
    ids=["disagreed", "found", "missed", "empty"],
)
def test_the_enlarged_part_has_most_lesions_in_question(found_by: tuple[int, int] | None, corner: str) -> None:
    reference = np.zeros((400, 300, 1), np.uint8)
    if found_by is not None:
        reference[20:22, 20:22] = 1
        for k in range(3):
            reference[300 + 20 * k : 302 + 20 * k, 200:202] = 1
    predictions = [reference * hit for hit in found_by or (0, 0)]
    whole = Plane.of(2, 0, [np.ones_like(reference)], (1.0, 1.0, 1.0))
    part = whole.zoom(reference, predictions)
    if corner == "nothing":
        assert part is None
    else:
        assert part is not None and part.cut(reference).sum() == 12
        assert part.cut(reference).shape == (96, 96)


def test_false_positives_choose_the_part_only_where_there_is_no_lesion() -> None:
    nothing, invented = np.zeros((2, 400, 300, 1), np.uint8)
    invented[350:352, 250:252] = 1
    whole = Plane.of(2, 0, [np.ones_like(nothing)], (1.0, 1.0, 1.0))
    part = whole.zoom(nothing, [invented, nothing])
    assert part is not None and part.cut(invented).sum() == 4
    lesion = nothing.copy()
    lesion[10:12, 10:12] = 1
    part = whole.zoom(lesion, [lesion | invented, lesion])
    assert part is not None and part.cut(lesion).sum() == 4


def test_a_small_lesion_that_is_found_in_part_has_one_outline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[list[int]] = []
    monkeypatch.setattr(
        Plane, "draw", lambda *given, **_: drawn.append([int(mask.sum()) for mask, _ in given[3]]) or "data:"
    )
    reference, prediction = np.zeros((2, 60, 60), np.uint8)
    reference[10:14, 10:14], prediction[12:16, 12:16] = 1, 1  # small: 4 of 16 pixels
    reference[30:40, 30:40], prediction[30:40, 32:42] = 1, 1  # large: 80 of 100 pixels
    frame = picture_files(tmp_path, reference, {"reference": reference, "A": prediction})
    (row,) = gallery.tiles(view_of({"A": [0.5]}, frame))
    assert isinstance(row, Tiles)
    assert drawn[1] == [20, 20, 96], "invented, missed, found"
    assert "84 voxels found, 32 missed, 32 false positive" in row.tiles[1].alt


def test_pictures_stop_at_the_budget_and_say_so(files: pd.DataFrame) -> None:
    (row,) = gallery.tiles(view_of({"A": [1.0], "B": [0.0]}, files), budget=100)
    assert isinstance(row, Text)
    assert "left out" in row.text


def test_a_missing_prediction_is_named(files: pd.DataFrame) -> None:
    files.loc[1, "prediction"] = None
    (row,) = gallery.tiles(view_of({"A": [1.0], "B": [0.0]}, files))
    assert isinstance(row, Tiles)
    assert row.note.endswith("no prediction of B")


@pytest.mark.slow
def test_missed_lesions_are_shown_in_three_planes(files: pd.DataFrame) -> None:
    view = view_of({"A": [1.0], "B": [0.0]}, files)
    lesion = {"dataset": "D", "configuration": "2d", "case": "c0", "label": "lesion", "seed": 0, "side": "reference"}
    lesions = [{**lesion, "trainer": t, "matched": t == "A", "volume_mm3": 144.0, "diameter_mm": 6.5} for t in "AB"]
    tables = {**view.comparison.tables, "lesions": pd.DataFrame(lesions)}
    rows = gallery.tiles(dataclasses.replace(view.comparison, tables=tables).views[0])
    assert [row.title for row in rows if isinstance(row, Tiles)][1:] == [
        "Largest missed lesion: c0, B", "Smallest missed lesion: c0, B",
    ]  # fmt: skip
    largest = rows[1]
    assert isinstance(largest, Tiles)
    assert largest.note == "Diameter 6.5 mm; found by 1 of 2 losses"
    assert [tile.title for tile in largest.tiles] == ["Axial", "Coronal", "Sagittal"]
    assert all("36 missed" in largest.tiles[0].alt and " 0 voxels found" in tile.alt for tile in largest.tiles)


@pytest.mark.slow
def test_where_no_lesion_is_missed_none_is_shown(files: pd.DataFrame) -> None:
    view = view_of({"A": [0.9], "B": [0.9]}, files)
    lesions = pd.DataFrame(
        {"case": ["c0"], "trainer": ["A"], "label": ["lesion"], "dataset": ["D"], "configuration": ["2d"], "seed": [0],
         "side": ["reference"], "matched": [True], "volume_mm3": [4.0], "diameter_mm": [2.0]}
    )  # fmt: skip
    found = dataclasses.replace(view.comparison, tables=view.comparison.tables | {"lesions": lesions}).views[0]
    tiles = [block for block in gallery.tiles(found, 10**6) if isinstance(block, Tiles)]
    assert tiles
    assert not any("missed lesion" in block.title for block in tiles)


@pytest.mark.slow
def test_an_undefined_value_says_what_it_is_counted_as(files: pd.DataFrame) -> None:
    view = view_of({"A": [1.0], "B": [0.0]}, files)
    resolved = view.comparison.statistics["values"].assign(
        resolved=lambda rows: np.where(rows.trainer == "B", "worst", "")
    )
    (row,) = gallery.tiles(dataclasses.replace(view.comparison, statistics={"values": resolved}).views[0])
    assert isinstance(row, Tiles)
    assert [tile.caption for tile in row.tiles[1:]] == ["Dice 1.00", "Dice 0.00 (undefined, counted as worst)"]


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".nii"])
def test_every_format_of_nnunet_has_the_same_orientation(tmp_path: Path, ending: str) -> None:
    """Stored left-posterior-superior with axes in another order; every format gives right-anterior-superior."""
    voxels = np.random.default_rng(0).random((3, 4, 5)).astype(np.float32)  # z, y, x for SimpleITK
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((1.0, 2.0, 3.0))
    sitk.WriteImage(image, str(tmp_path / f"i{ending}"))
    shown, spacing = load_image(tmp_path / f"i{ending}")
    np.testing.assert_array_equal(shown, voxels.transpose(2, 1, 0)[::-1, ::-1])
    assert spacing == (1.0, 2.0, 3.0)


def test_colour_pictures_keep_their_colours_without_transparency(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (6, 8, 4), dtype=np.uint8)
    Image.fromarray(colours).save(tmp_path / "c.png")
    shown, _ = load_image(tmp_path / "c.png")
    np.testing.assert_array_equal(shown[::-1, ::-1, 0].swapaxes(0, 1), colours[..., :3])


def test_flat_pictures_keep_their_orientation(tmp_path: Path) -> None:
    grey = np.zeros((60, 80), np.uint8)
    mask = np.zeros_like(grey)
    mask[5:15, 60:75] = 1  # upper right
    for name, array in (("i", grey), ("m", mask)):
        Image.fromarray(array).save(tmp_path / f"{name}.png")
    a, b = tmp_path / "i.png", tmp_path / "m.png"
    frame = pd.DataFrame([{"dataset": "D", "case": "c0", "image": a, "reference": b, "trainer": "A", "prediction": b}])
    (row,) = gallery.tiles(view_of({"A": [1.0]}, frame))
    assert isinstance(row, Tiles)
    assert "150 voxels found, 0 missed, 0 false positive" in row.tiles[1].alt
    whole = Plane(2, 0, (slice(None), slice(None)), 1.0, 1).cut(load_labels(b))
    np.testing.assert_array_equal(whole[::-1], mask)  # rows are drawn upwards


def test_formats_that_cannot_be_shown_are_named_not_fatal(files: pd.DataFrame) -> None:
    files["image"] = "c0_0000.npz"
    (note,) = gallery.tiles(view_of({"A": [1.0], "B": [0.0]}, files))
    assert isinstance(note, Text)
    assert "No pictures of D" in note.text


def test_a_missing_file_is_one_clear_sentence(files: pd.DataFrame) -> None:
    files.loc[:, "image"] = "/nowhere/c0_0000.nii.gz"
    with pytest.raises(UserError, match=r"no file /nowhere/c0_0000\.nii\.gz; put it back"):
        gallery.tiles(view_of({"A": [1.0], "B": [0.0]}, files))


def test_shapes_that_differ_are_one_clear_sentence(files: pd.DataFrame, tmp_path: Path) -> None:
    files.loc[:, "reference"] = saved(tmp_path / "small.nii.gz", np.zeros((4, 4, 4), np.uint8), np.eye(4))
    with pytest.raises(UserError, match="must agree"):
        gallery.tiles(view_of({"A": [1.0], "B": [0.0]}, files))
