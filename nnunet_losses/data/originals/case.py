"""One published case in nnU-Net's raw layout: read, turned, cut and written, a volume at a time.

A process that converts imports this module and little else, so that its memory is that of the volumes.
"""

import itertools
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform
from numpy.typing import NDArray

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import (
    SAME_GRID_VOXELS,
    Geometry,
    is_nifti,
    read_geometry,
    read_segmentation,
    read_voxels,
    readable,
)
from nnunet_losses.base.names import NIFTI, RATERS_DICE, image_file, label_file
from nnunet_losses.data.label_maps import MERGED, merge_labels, raters_dice, renamed, smallest
from nnunet_losses.data.nifti import read_nifti, save_nifti
from nnunet_losses.data.originals.layout import OriginalCase
from nnunet_losses.data.originals.layouts import LAYOUTS
from nnunet_losses.data.originals.options import Original

RATERS_FOLDER = "ratersTr"
"""In the prepared folder: the label maps of all raters, ``ratersTr/<rater>/<case>.nii.gz``."""
Array = NDArray[Any]


@dataclass(frozen=True)
class Volume:
    """Voxels on a grid.

    voxels: (x, y, z) as stored.
    affine: (4, 4), from voxels to mm, to the right, anterior and superior.
    """

    voxels: Array
    affine: NDArray[np.float64]


def convert_case(
    original: Original, folder: Path, channels: Sequence[str], reference: str, case: OriginalCase
) -> dict[str, str]:
    """Write one case.

    Args:
        original: its data set.
        folder: the data set in nnU-Net's raw layout.
        channels: in their order.
        reference: the label map to learn, or how it is made of the raters'.
        case: its files.

    Returns:
        Its row of the case table.

    Raises:
        UserError: a file cannot be read, or does not fit the others of its case.
    """
    name = case.name
    row = {"case": name, **case.facts}
    first = case.images[channels[0]]
    affine = _geometry(first).affine
    if original.headers_from is not None or original.layout == "lits":
        known = not np.array_equal(affine[:3, :3], np.eye(3))
        row["geometry"] = "stored" if known else "unknown"
        if not known and original.headers_from is not None:
            affine = _affine_elsewhere(first, Path(original.headers_from).expanduser())
            row["geometry"] = "taken"
    image_affine = affine if row.get("geometry") == "taken" else None
    label_affine = affine if original.label_header == "image" or image_affine is not None else None

    merged = reference in MERGED
    raters = [rater for rater in LAYOUTS[original.layout].raters if rater in case.labels]
    wanted = raters if merged else list(dict.fromkeys((*raters, reference)))
    draw = LAYOUTS[original.layout].draw
    if draw is not None:
        drawn = draw(case)
        maps = {rater: Volume(drawn[rater], affine) for rater in wanted}
    else:
        maps = {rater: _read_label(case.labels[rater], label_affine) for rater in wanted}
    if len(raters) > 1:
        row[RATERS_DICE] = f"{raters_dice([maps[rater].voxels for rater in raters]):.4f}"
    label = _merge([maps[rater] for rater in raters], reference, name) if merged else maps[reference]
    box = _box(original, case, label)
    own = box is None and label_affine is None and not original.values
    for rater in raters:
        target = folder / RATERS_FOLDER / rater / f"{name}{NIFTI}"
        target.parent.mkdir(parents=True, exist_ok=True)
        _place(_with_values(maps[rater], original.values), target, original, box, case.labels[rater] if own else None)
    same = case.labels.get(reference) if own else None
    _place(_with_values(label, original.values), label_file(folder, name, NIFTI), original, box, same)
    shape, grid = label.voxels.shape, label.affine
    del maps, label

    outside = ~_mask(case, original) if original.mask else None
    for number, channel in enumerate(channels):
        source, target = case.images[channel], image_file(folder, name, number, NIFTI)
        geometry = _geometry(source)
        elsewhere = original.regrid and not _lies_on(geometry, shape, grid)
        if geometry.shape != shape and not elsewhere:
            raise UserError(
                f"{source} has shape {geometry.shape}, the label map of case '{name}' {shape}; download both again, "
                "exclude the case, or set 'regrid'."
            )
        as_is = box is None and original.clip is None and outside is None and image_affine is None and not elsewhere
        if as_is and source.name.endswith(NIFTI) and not _is_turned(geometry.affine, original):
            _link(source, target)
            continue
        image = _read_image(source, image_affine)
        if elsewhere:
            image = _on_grid(image, shape, grid)
        _place(Volume(_intensities(image.voxels, original, outside), image.affine), target, original, box, None)
    return row


def _geometry(path: Path) -> Geometry:
    """The grid of an image; a fourth axis of length 1 is left out."""
    if not is_nifti(path):
        return read_geometry(path)
    with readable(path):
        nifti: Any = nib.load(path)
        spacing = tuple(float(mm) for mm in nifti.header.get_zooms()[:3])
        shape = nifti.shape[:3] if nifti.shape[3:] == (1,) else nifti.shape
        return Geometry(tuple(shape), spacing, np.asarray(nifti.affine, np.float64))


def _lies_on(geometry: Geometry, shape: tuple[int, ...], affine: NDArray[np.float64]) -> bool:
    """Whether an image has this grid, but for rounding."""
    return geometry.shape == shape and geometry.offset_voxels(replace(geometry, affine=affine)) <= SAME_GRID_VOXELS


def _on_grid(image: Volume, shape: tuple[int, ...], affine: NDArray[np.float64]) -> Volume:
    """An image brought to a grid by linear interpolation; places outside of it get its lowest value."""
    from nibabel.processing import resample_from_to  # of scipy, which is large

    nifti = nib.Nifti1Image(image.voxels.astype(np.float32, copy=False), image.affine)
    moved: Any = resample_from_to(nifti, (shape, affine), order=1, cval=float(image.voxels.min()))
    return Volume(np.asarray(moved.dataobj, np.float32), affine)


def _affine_elsewhere(path: Path, folder: Path) -> NDArray[np.float64]:
    """The affine of the same image in a folder of images with right headers, for the voxels as they lie in ``path``.

    The image there has the same number in its name and the same voxels, perhaps with axes turned round.

    Raises:
        UserError: there is no such image, or it has other voxels.
    """
    number = path.name.partition(".")[0].rpartition("-")[2]
    other = folder / f"liver_{number}{NIFTI}"
    if not other.is_file():
        raise UserError(f"{folder} has no {other.name}, so {path} has no geometry; correct 'headers_from'.")
    here, there = _read_image(path, None), _read_image(other, None)
    for flips in itertools.product((1, -1), repeat=3):
        orientation = np.array([[axis, flip] for axis, flip in enumerate(flips)])
        if here.voxels.shape == there.voxels.shape and np.array_equal(
            here.voxels, apply_orientation(there.voxels, orientation)
        ):
            return np.asarray(there.affine @ inv_ornt_aff(orientation, there.voxels.shape), np.float64)
    raise UserError(f"{other} does not have the voxels of {path}, so its header says nothing of it; exclude the case.")


def _read_image(path: Path, affine: NDArray[np.float64] | None) -> Volume:
    """An image, as integers if it is stored so, else in single precision."""
    if not is_nifti(path):
        return Volume(read_voxels(path), read_geometry(path).affine if affine is None else affine)
    with readable(path):
        voxels, own = read_nifti(path)
        if voxels.ndim != 3 or voxels.dtype.kind not in "biuf":
            raise ValueError(f"it is no image of three dimensions but of shape {voxels.shape}, type {voxels.dtype}")
        if voxels.dtype.kind == "f":
            voxels = voxels.astype(np.float32, copy=False)
        return Volume(voxels, own if affine is None else affine)


def _read_label(path: Path, affine: NDArray[np.float64] | None) -> Volume:
    voxels = read_segmentation(path)
    if voxels.ndim == 4 and voxels.shape[3] == 1:
        voxels = voxels[..., 0]
    if voxels.ndim != 3:
        raise UserError(f"{path} has shape {voxels.shape}; a label map has three dimensions. Download it again.")
    low, high = int(voxels.min(initial=0)), int(voxels.max(initial=0))
    if low < 0 or high > 65_535:
        raise UserError(f"{path} holds the label {low if low < 0 else high}; labels are 0 to 65,535.")
    return Volume(smallest(voxels), _geometry(path).affine if affine is None else affine)


def _with_values(label: Volume, values: Mapping[int, int]) -> Volume:
    """A label map with new values in the place of old ones."""
    return Volume(smallest(renamed(label.voxels, values)), label.affine) if values else label


def _merge(maps: Sequence[Volume], how: str, name: str) -> Volume:
    """One label map of several raters'."""
    first = maps[0]
    if any(one.voxels.shape != first.voxels.shape or not np.allclose(one.affine, first.affine) for one in maps):
        raise UserError(f"The label maps of the raters of case '{name}' lie on different grids; exclude the case.")
    return Volume(merge_labels([one.voxels for one in maps], how), first.affine)


def _mask(case: OriginalCase, original: Original) -> Array:
    """Where the organ is, closed and grown as asked for, as the image is stored."""
    from scipy.ndimage import binary_dilation, binary_erosion

    assert case.mask is not None, "asked for only where every case has one"
    mask = read_segmentation(case.mask)
    values = LAYOUTS[original.layout].mask_values
    inside = np.isin(mask, values) if values else mask > 0
    if original.close_mask:
        inside = binary_dilation(inside, iterations=original.close_mask)
        inside = binary_erosion(inside, iterations=original.close_mask, border_value=1)
    return binary_dilation(inside, iterations=original.grow_mask) if original.grow_mask else inside


def _intensities(voxels: Array, original: Original, outside: Array | None) -> Array:
    """The values that a paper trains on; ``outside`` the mask comes the lowest one."""
    if outside is not None:
        if outside.shape != voxels.shape:
            raise UserError(f"A mask of shape {outside.shape} does not fit an image of shape {voxels.shape}.")
        voxels = np.where(outside, voxels.min(), voxels)
    if original.clip is not None:
        low, high = original.clip
        voxels = np.clip(voxels, low, high)
        if original.rescale:
            voxels = ((voxels.astype(np.float32) - low) / (high - low)).astype(np.float32)
    return voxels


Box = tuple[slice, slice, slice]


def _box(original: Original, case: OriginalCase, label: Volume) -> Box | None:
    """The box to cut out, in voxels as stored."""
    if original.crop is None:
        return None
    if original.crop.to == "mask":
        inside = _mask(case, original)
    else:
        inside = np.isin(label.voxels, original.crop.values) if original.crop.values else label.voxels > 0
    if not inside.any():
        raise UserError(f"Case '{case.name}' has no voxel to crop to; exclude it, or correct source.original.crop.")
    limits = []
    for axis, length in enumerate(inside.shape):
        where = np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis})))
        margin = original.crop.margin
        limits.append(slice(max(int(where[0]) - margin, 0), min(int(where[-1]) + margin + 1, length)))
    return limits[0], limits[1], limits[2]


def _orientation(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """How to turn the axes of an image to the right, anterior and superior."""
    return np.asarray(ornt_transform(io_orientation(affine), axcodes2ornt("RAS")))


def _is_turned(affine: NDArray[np.float64], original: Original) -> bool:
    return original.axes == "ras" and not np.array_equal(_orientation(affine), [[0, 1], [1, 1], [2, 1]])


def _place(volume: Volume, target: Path, original: Original, box: Box | None, same: Path | None) -> None:
    """Cut and turn a volume, and write it; or link to the file ``same``, if nothing changes and it is compressed."""
    turned = _is_turned(volume.affine, original)
    if same is not None and not turned and same.name.endswith(NIFTI):
        _link(same, target)
        return
    voxels, affine = volume.voxels, volume.affine
    if box is not None:
        affine = affine.copy()
        affine[:3, 3] += affine[:3, :3] @ [part.start for part in box]
        voxels = voxels[box]
    if turned:
        orientation = _orientation(affine)
        affine = affine @ inv_ornt_aff(orientation, voxels.shape)
        voxels = apply_orientation(voxels, orientation)
    save_nifti(voxels, affine, target)


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the disk knows no links."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
