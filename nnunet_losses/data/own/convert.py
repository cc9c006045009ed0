"""A user's own data in nnU-Net's raw layout: copied where nnU-Net can read them as they are, else written anew."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the library's own habit
from numpy.typing import NDArray
from PIL import Image

from nnunet_losses.base.dataset import write_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import PICTURES, read_geometry, read_segmentation, read_voxels, readable
from nnunet_losses.base.names import NIFTI, RATERS_DICE, image_file, label_file
from nnunet_losses.data.case_table import CASES_CSV, write_cases
from nnunet_losses.data.label_maps import MERGED, merge_labels, raters_dice, renamed, smallest
from nnunet_losses.data.layout import make_folders
from nnunet_losses.data.own.cases import OwnCase, OwnCases
from nnunet_losses.data.own.dicom import read_series
from nnunet_losses.data.own.options import Bids, Table

AS_THEY_ARE = (NIFTI, ".nrrd", ".mha", ".png")
"""Files that nnU-Net reads, whether they hold a volume or, as .png, a picture."""
_COLOURS = ("R", "G", "B")
Place = Callable[[Path, Path], object]


def convert_own(
    source: Table | Bids, found: OwnCases, folder: Path, labels: Mapping[str, Any], place: Place, *, workers: int = 1
) -> None:
    """Write all cases to ``folder``.

    Volumes that are not all of one kind that nnU-Net reads become NIfTI, pictures become PNG. Voxels, their places and,
    unless the data-set file says otherwise, label values stay.

    Args:
        source: how label maps are merged and renamed.
        found: the cases.
        folder: an empty data set.
        labels: of dataset.json.
        place: brings a file (the source) into a folder (as the target).
        workers: threads over cases.

    Raises:
        UserError: a file cannot be read or stored.
    """
    make_folders(folder)
    flat = {is_picture(path) for case in found.cases.values() for path in case.images.values()}
    if len(flat) > 1:
        raise UserError(f"{found.where} has pictures and volumes; make two data sets of them.")
    ending = _ending(found, pictures=True in flat)

    def convert(item: tuple[str, OwnCase]) -> tuple[list[int], dict[str, str]]:
        name, case = item
        counts = []
        for number, path in enumerate(case.images.values()):
            counts.append(_image(path, image_file(folder, name, number, ending), ending, place))
        agreement = _label(source, case.labels, label_file(folder, name, ending), ending, place)
        return counts, {**case.facts, **({} if agreement is None else {RATERS_DICE: f"{agreement:.4f}"})}

    with ThreadPoolExecutor(workers) as pool:
        counts, facts = zip(*pool.map(convert, found.cases.items()), strict=True)
    names = list(next(iter(found.cases.values())).images)
    write_dataset_json(
        folder,
        {
            "channel_names": {str(i): name for i, name in enumerate(_channels(names, counts[0]))},
            "labels": dict(labels),
            "numTraining": len(found.cases),
            "file_ending": ending,
        },
    )
    write_cases(folder / CASES_CSV, dict(zip(found.cases, facts, strict=True)))


def is_picture(path: Path) -> bool:
    """Whether an image is a picture: 2D without a spacing of its own."""
    return path.is_file() and path.name.lower().endswith((*PICTURES, ".jpg", ".jpeg")) and len(_size(path)) == 2


def read_any(path: Path) -> sitk.Image:
    """An image of any kind that SimpleITK reads; a folder must hold one DICOM series.

    Raises:
        UserError: it cannot be read; of a folder, as `read_series`.
    """
    if path.is_dir():
        return read_series(path)
    with readable(path):
        return sitk.ReadImage(str(path))


def _ending(found: OwnCases, *, pictures: bool) -> str:
    """The ending of the data set's files: that of its source, if there is one that nnU-Net reads."""
    paths = [path for case in found.cases.values() for path in (*case.images.values(), *case.labels)]
    endings = {next((ending for ending in AS_THEY_ARE if path.name.endswith(ending)), "") for path in paths}
    if len(endings) == 1 and "" not in endings and not any(path.is_dir() for path in paths):
        return endings.pop()
    return ".png" if pictures else NIFTI


def _image(path: Path, target: Path, ending: str, place: Place) -> int:
    """Bring an image, and give its number of channels."""
    if path.is_file() and path.name.endswith(ending):
        channels = read_geometry(path).channels
        if channels <= len(_COLOURS):
            place(path, target)
            return channels
    image = read_any(path)
    channels = image.GetNumberOfComponentsPerPixel()
    if channels == len(_COLOURS) + 1:
        image = _without_alpha(path, image)
        channels -= 1
    if channels not in (1, len(_COLOURS)) or (channels > 1 and ending != ".png"):
        raise UserError(f"{path} has {channels} values in each voxel; store each channel as a file of its own.")
    write_image(image, target, path)
    return channels


def _without_alpha(path: Path, image: sitk.Image) -> sitk.Image:
    alpha = sitk.GetArrayViewFromImage(image)[..., -1]
    if alpha.min() != alpha.max():
        raise UserError(f"{path} is partly transparent; store it without an alpha channel.")
    return sitk.Compose([sitk.VectorIndexSelectionCast(image, i) for i in range(len(_COLOURS))])


def _label(source: Table | Bids, paths: Sequence[Path], target: Path, ending: str, place: Place) -> float | None:
    """Bring a label map, or make one of several; gives how far raters agree, where there are several."""
    if any(path.name.lower().endswith((".jpg", ".jpeg")) for path in paths):
        raise UserError(f"{paths[0]} is a JPEG file, which does not keep label values; store label maps as PNG.")
    unchanged = len(paths) == 1 and source.merge != "masks" and not source.values and paths[0].name.endswith(ending)
    if unchanged and read_geometry(paths[0]).channels == 1:
        place(paths[0], target)
        return None
    first = read_any(paths[0])
    maps = [renamed(read_label_map(path), source.values) for path in paths]
    for path, one in zip(paths, maps, strict=True):
        if one.shape != maps[0].shape:
            raise UserError(f"{path} has shape {one.shape}, {paths[0]} has {maps[0].shape}; put both on one grid.")
    merged = merge_labels(maps, source.merge) if len(maps) > 1 or source.merge == "masks" else maps[0]
    if merged.min() < 0 or merged.max() > np.iinfo(np.uint16).max:
        raise UserError(f"{paths[0]} holds a label outside 0 to 65,535; replace it with 'values'.")
    image = sitk.GetImageFromArray(np.ascontiguousarray(smallest(merged).transpose()))
    image.CopyInformation(first)
    write_image(image, target, paths[0])
    return raters_dice(maps) if len(maps) > 1 and source.merge in MERGED else None


def read_label_map(path: Path) -> NDArray[np.integer]:
    """The label map of any kind that `read_any` reads, (*shape) of its geometry.

    A picture with a palette holds the palette's numbers; a grey picture that was stored in colour, its grey values.

    Raises:
        UserError: it cannot be read, or its colours are no labels.
    """
    voxels: NDArray[np.integer]
    if path.is_dir():
        voxels = sitk.GetArrayFromImage(read_any(path)).transpose()
    elif not path.name.lower().endswith(PICTURES) or read_geometry(path).channels == 1:
        voxels = read_segmentation(path)
    else:
        voxels = _labels_in_colour(path)
    return voxels


def _labels_in_colour(path: Path) -> NDArray[np.integer]:
    try:
        with readable(path), Image.open(path) as picture:
            if picture.mode == "P":
                return np.asarray(picture).transpose()
    except Image.DecompressionBombError as error:
        raise UserError(f"{path} cannot be read as a label map ({error}); store it without colours.") from None
    colours = read_voxels(path)[..., : len(_COLOURS)]
    if (colours != colours[..., :1]).any():
        raise UserError(f"{path} is a colour picture; store one label per voxel, as grey values or with a palette.")
    grey: NDArray[np.integer] = colours[..., 0]
    return grey


def write_image(image: sitk.Image, target: Path, source: Path) -> None:
    """Write an image, compressed where its format can be.

    Raises:
        UserError: ``source``, which it comes from, cannot be stored as ``target``.
    """
    if target.name.endswith(".png") and image.GetPixelIDValue() not in _PNG:
        raise UserError(
            f"{source} holds {image.GetPixelIDTypeAsString()}s, which PNG cannot keep; store whole numbers from 0 to "
            "65,535."
        )
    try:
        sitk.WriteImage(image, str(target), useCompression=True)
    except RuntimeError as error:
        raise UserError(f"{source} cannot be stored as {target.name} ({str(error).split(':')[-1].strip()}).") from None


_PNG = (sitk.sitkUInt8, sitk.sitkUInt16, sitk.sitkVectorUInt8, sitk.sitkVectorUInt16)


def _size(path: Path) -> tuple[int, ...]:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    with readable(path):
        reader.ReadImageInformation()
    return tuple(reader.GetSize())


def _channels(names: Sequence[str], counts: Sequence[int]) -> list[str]:
    """Names of all channels: a colour picture has three."""
    result: list[str] = []
    for name, count in zip(names, counts, strict=True):
        colours = _COLOURS if len(names) == 1 else tuple(f"{name}_{colour}" for colour in _COLOURS)
        result += [name] if count == 1 else list(colours[:count])
    return result
