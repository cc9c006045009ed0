"""Published data sets in miniature: their folders, names and headers, with voxels that tell where they lie.

Every image has the value of a function of the place in mm (to the right, anterior, superior), and every label map that
of another one, so that a conversion is right if this still holds for each voxel by its new header.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813 - the library's own habit

OUTER_MM = 4.5


def places(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """The place of each voxel in mm, (*shape, 3)."""
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    return index @ affine[:3, :3].T + affine[:3, 3]


def image_value(mm: np.ndarray, channel: int = 0) -> np.ndarray:
    """What the image holds there."""
    return np.rint(mm @ [3.0, 50.0, 700.0]).astype(np.int32) + 7 * channel


def label_value(mm: np.ndarray, largest: int = 1, shift: float = 0) -> np.ndarray:
    """What the label map holds there: boxes in boxes, each half as large as the one around it."""
    distance = np.abs(mm - [shift, 0, 0]).max(-1)
    return sum((distance < OUTER_MM / 2**value).astype(np.uint8) for value in range(largest))


def write(path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels, affine), path)


def centred(linear: list[list[float]], shape: tuple[int, ...]) -> np.ndarray:
    """An affine whose origin lies in the middle of the image."""
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) // 2)
    return affine


@dataclass(frozen=True)
class Replica:
    """A miniature.

    build: writes it to a folder.
    source: the keys of ``original`` beside ``layout``.
    labels: of the data-set file.
    images: the channel numbers of `image_value`, in the order of the converted ones.
    label: what a converted label map holds at places.
    cases: names of the cases.
    empty: those without a lesion.
    """

    build: Callable[[Path], None]
    source: dict[str, Any]
    labels: dict[str, Any]
    cases: list[str]
    images: tuple[int, ...] = (0,)
    label: Callable[[np.ndarray], np.ndarray] = label_value
    further: dict[str, Any] = field(default_factory=dict)
    empty: tuple[str, ...] = ()


def _kits19(root: Path) -> None:
    shape = (6, 16, 14)
    affine = centred([[0, 0, -0.75], [0, -0.75, 0], [-3, 0, 0]], shape)  # slices first
    mm = places(shape, affine)
    for number in (0, 15, 210):
        folder = root / f"data/case_{number:05d}"
        write(folder / "imaging.nii.gz", image_value(mm).astype(np.float32), affine)
        if number < 210:
            write(folder / "segmentation.nii.gz", label_value(mm, 2), affine)
    (root / "data/kits.json").write_text("[]")


def _brats20(root: Path) -> None:
    shape = (10, 12, 8)
    affine = centred([[-1, 0, 0], [0, -1, 0], [0, 0, 1]], shape)
    mm = places(shape, affine)
    label = np.array([0, 1, 2, 4], np.uint8)[label_value(mm, 3)]
    training = root / "MICCAI_BraTS2020_TrainingData"
    for case in ("BraTS20_Training_001", "BraTS20_Training_355"):
        for channel, name in enumerate(("t1", "t1ce", "t2", "flair")):
            write(training / case / f"{case}_{name}.nii.gz", image_value(mm, channel).astype(np.int16), affine)
    write(training / "BraTS20_Training_001/BraTS20_Training_001_seg.nii.gz", label, affine)
    write(training / "BraTS20_Training_355/W39_1998.09.19_Segm.nii", label, affine)
    with (training / "name_mapping.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Grade", "BraTS_2019_subject_ID", "BraTS_2020_subject_ID"])
        rows.writerow(["HGG", "BraTS19_CBICA_AAB_1", "BraTS20_Training_001"])
        rows.writerow(["LGG", "NA", "BraTS20_Training_355"])


def _lits(root: Path) -> None:
    shape = (14, 12, 7)
    for number, linear in ((0, np.diag([-0.8, -0.8, 2.0])), (28, np.diag([0.8, -0.8, 2.5]))):
        affine = centred(linear.tolist(), shape)
        mm = places(shape, affine)
        folder = root / f"Training Batch {1 if number < 28 else 2}"
        write(folder / f"volume-{number}.nii", image_value(mm).astype(np.int16), affine)
        write(folder / f"segmentation-{number}.nii", label_value(mm, 2), affine)


def _msseg2016(root: Path) -> None:
    shape = (8, 14, 16)
    affine = centred([[0, 0, 1], [-1, 0, 0], [0, 1, 0]], shape)  # sagittal slices
    mm = places(shape, affine)
    for centre, patient in (("Center_01", "Patient_01"), ("Center_07", "Patient_01")):
        folder = root / "MSSEG-Training/Training" / centre / patient
        for channel, name in enumerate(("FLAIR", "T1", "GADO", "T2", "DP")):
            file = folder / f"Preprocessed_Data/{name}_preprocessed.nii.gz"
            write(file, image_value(mm, channel).astype(np.float32), affine)
        write(folder / "Raw_Data/FLAIR.nii.gz", np.zeros((3, 3, 3), np.float32), np.eye(4))
        write(folder / "Masks/Brain_Mask.nii.gz", np.ones(shape, np.uint8), affine)
        write(folder / "Masks/Consensus.nii.gz", label_value(mm), affine)
        for rater in range(1, 8):
            label = label_value(mm, shift=rater - 4)
            write(folder / f"Masks/ManualSegmentation_{rater}.nii.gz", label, affine)


def _isbi2015(root: Path) -> None:
    shape = (9, 11, 8)
    affine = centred(np.eye(3).tolist(), shape)
    mm = places(shape, affine)
    for case in ("training01_01", "training01_02", "training02_01"):
        folder = root / "training" / case[:10]
        for channel, name in enumerate(("flair", "mprage", "t2", "pd")):
            image = image_value(mm, channel).astype(np.float32)
            write(folder / f"preprocessed/{case}_{name}_pp.nii", image, affine)
            write(folder / f"orig/{case}_{name}.nii.gz", np.zeros((3, 3, 3), np.float32), np.eye(4))
        for rater in (1, 2):
            write(folder / f"masks/{case}_mask{rater}.nii", label_value(mm, shift=rater - 1), affine)


def _openms(root: Path) -> None:
    shape = (5, 14, 14)
    affine = centred([[1.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]], shape)
    mm = places(shape, affine)
    for patient in ("patient01", "patient02"):
        folder = root / "cross_sectional/coregistered" / patient
        for channel, name in enumerate(("FLAIR", "T1W", "T1WKS", "T2W")):
            write(folder / f"{name}.nii.gz", image_value(mm, channel).astype(np.int16), affine)
        write(folder / "brainmask.nii.gz", (np.abs(mm).max(-1) < 3.2).astype(np.uint8), affine)
        write(folder / "consensus_gt.nii.gz", (np.abs(mm).max(-1) < 2).astype(np.uint8), affine)


SERIES = "1.3.6.1.4.1.14519.5.2.1.6279.6001."
NODULE_MM = np.array([3.0, -2.0, 2.0])
LUNA_SHAPE = (30, 28, 6)


def nodule(mm: np.ndarray, half_mm: float = 2) -> np.ndarray:
    """The box of a nodule."""
    return (np.abs(mm - NODULE_MM) <= half_mm + 0.1).all(-1)


def _write_mhd(path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(voxels.transpose(2, 1, 0))
    turned = np.diag([-1.0, -1.0, 1.0]) @ affine[:3]  # to the left and posterior
    spacing = np.linalg.norm(turned[:, :3], axis=0)
    image.SetOrigin(turned[:, 3].tolist())
    image.SetSpacing(spacing.tolist())
    image.SetDirection((turned[:, :3] / spacing).ravel().tolist())
    sitk.WriteImage(image, str(path))


def _rois(mask: np.ndarray, affine: np.ndarray, hole: bool = False) -> str:
    """The contours of a box, slice by slice."""
    text = ""
    for z in np.flatnonzero(mask.any((0, 1))):
        x, y = np.nonzero(mask[..., z])
        corners = [(x.min(), y.min()), (x.max(), y.min()), (x.max(), y.max()), (x.min(), y.max()), (x.min(), y.min())]
        edges = "".join(f"<edgeMap><xCoord>{a}</xCoord><yCoord>{b}</yCoord></edgeMap>" for a, b in corners)
        height = affine[2, 3] + z * affine[2, 2]
        text += (
            f"<roi><imageZposition>{height:.2f}</imageZposition><imageSOP_UID>1.2</imageSOP_UID>"
            f"<inclusion>{'FALSE' if hole else 'TRUE'}</inclusion>{edges}</roi>"
        )
    return text


def _luna16(root: Path) -> None:
    straight = centred([[-1, 0, 0], [0, -1, 0], [0, 0, 2]], LUNA_SHAPE)
    mirrored = centred([[1, 0, 0], [0, 1, 0], [0, 0, 2]], LUNA_SHAPE)  # what the header says of some scans
    rows = []
    for number, (series, affine) in enumerate(
        (("111", straight), ("222", mirrored), ("282512043257574309474415322775", straight))
    ):
        name = SERIES + series
        mm = places(LUNA_SHAPE, affine)
        _write_mhd(root / f"subset{number}/{name}.mhd", image_value(mm).astype(np.int16), affine)
        lungs = np.where(mm[..., 0] < 0, 3, 4) * (np.abs(mm[..., :2]) < 9).all(-1)
        lungs[0, 0] = 5
        _write_mhd(root / f"seg-lungs-LUNA16/{name}.mhd", lungs.astype(np.uint8), affine)
        centre = NODULE_MM * [-1, -1, 1]
        if number == 2:
            origin = affine[:3, 3] * [-1, -1, 1]
            centre = np.append(2 * origin[:2] - centre[:2], centre[2])
        rows.append([name, *centre, 5.0])
        seen = _rois(nodule(mm), affine)
        wide = _rois(nodule(mm, 3), affine) + _rois(nodule(mm, 0), affine, hole=True)
        far = _rois((np.abs(mm - [-11, 10, 0]) < 2).all(-1), affine)  # not in the table, 18 voxels away
        sessions = "".join(
            f"<readingSession><unblindedReadNodule><noduleID>1</noduleID>{rois}</unblindedReadNodule>"
            f"<unblindedReadNodule><noduleID>2</noduleID>{far}</unblindedReadNodule></readingSession>"
            for rois in (seen, seen, wide)
        )
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?><LidcReadMessage xmlns="http://www.nih.gov"><ResponseHeader>'
            f"<SeriesInstanceUid>{name}</SeriesInstanceUid></ResponseHeader>{sessions}</LidcReadMessage>"
        )
        (root / "tcia-lidc-xml/157").mkdir(parents=True, exist_ok=True)
        (root / f"tcia-lidc-xml/157/{number + 158}.xml").write_text(xml)
    with (root / "annotations.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["seriesuid", "coordX", "coordY", "coordZ", "diameter_mm"], *rows])


FLAIR_GRID = centred([[0.8, 0, 0], [0, -0.9, 0], [0, 0, 1.1]], (20, 18, 12))


def _isles22(root: Path) -> None:
    shape = (12, 12, 7)
    affine = centred([[-1, 0, 0], [0, 1, 0], [0, 0, 1.5]], shape)
    mm = places(shape, affine)
    for number in (1, 250):
        subject, session = f"sub-strokecase{number:04d}", "ses-0001"
        stem, folder = f"{subject}_{session}", root / "ISLES-2022" / subject / session
        write(folder / f"dwi/{stem}_dwi.nii.gz", image_value(mm).astype(np.float32), affine)
        write(folder / f"dwi/{stem}_adc.nii.gz", image_value(mm, 1).astype(np.float32), affine)
        (folder / f"dwi/{stem}_dwi.json").write_text("{}")
        flair = image_value(places((20, 18, 12), FLAIR_GRID), 2).astype(np.float32)
        write(folder / f"anat/{stem}_FLAIR.nii.gz", flair, FLAIR_GRID)
        mask = root / "ISLES-2022/derivatives" / subject / session / f"{stem}_msk.nii.gz"
        write(mask, label_value(mm).astype(np.float64), affine)
    (root / "ISLES-2022/dataset_description.json").write_text('{"Name": "ISLES-2022", "BIDSVersion": "1.7.0"}')


STUDIES = {
    "PETCT_0011f3deaf/03-23-2003-NA-PET-CT Ganzkoerper  primaer mit KM-44505": "MELANOMA",
    "PETCT_0011f3deaf/11-02-2004-NA-PET-CT Ganzkoerper  primaer mit KM-09140": "MELANOMA",
    "PETCT_01140d52d8/08-13-2005-NA-PET-CT Ganzkoerper nativ-56839": "NEGATIVE",
}


def _autopet(root: Path) -> None:
    shape = (12, 11, 9)
    affine = centred([[-2, 0, 0], [0, -2, 0], [0, 0, 3]], shape)
    mm = places(shape, affine)
    rows = []
    for number, (study, diagnosis) in enumerate(STUDIES.items()):
        folder = root / "FDG-PET-CT-Lesions" / study
        write(folder / "CTres.nii.gz", image_value(mm).astype(np.float32), affine)
        write(folder / "SUV.nii.gz", image_value(mm, 1).astype(np.float32), affine)
        write(folder / "CT.nii.gz", np.zeros((5, 5, 5), np.int16), np.eye(4))
        write(folder / "PET.nii.gz", np.zeros(shape, np.float32), affine)
        lesion = label_value(mm) if diagnosis != "NEGATIVE" else np.zeros(shape, np.uint8)
        write(folder / "SEG.nii.gz", lesion, affine)
        for series in ("CT", "PET"):
            location = f"./FDG-PET-CT-Lesions/{study}/{number}.000000-{series}-12345"
            rows.append([study[:16], "Siemens", location, diagnosis, "F", "061Y"])
    table = root / "home/somebody/fdg_metadata.csv"
    table.parent.mkdir(parents=True)
    with table.open("w", newline="") as file:
        head = ["Subject ID", "Manufacturer", "File Location", "diagnosis", "sex", "age"]
        csv.writer(file).writerows([head, *rows])


LESION = {"background": 0, "lesion": 1}
REPLICAS = {
    "kits19": Replica(
        _kits19,
        {"cases": 2, "axes": "ras"},
        {"background": 0, "kidney": [1, 2], "tumour": 2},
        ["case_00000", "case_00015"],
        label=lambda mm: label_value(mm, 2),
        further={"regions_class_order": [1, 2]},
    ),
    "brats20": Replica(
        _brats20,
        {"cases": 2, "values": {4: 3}},
        {"background": 0, "whole": [1, 2, 3], "core": [1, 3], "enhancing": 3},
        ["BraTS20_Training_001", "BraTS20_Training_355"],
        images=(0, 1, 2, 3),
        label=lambda mm: label_value(mm, 3),
        further={"regions_class_order": [2, 1, 3]},
    ),
    "lits": Replica(
        _lits,
        {"cases": 2, "axes": "ras"},
        {"background": 0, "liver": 1, "tumour": 2},
        ["volume-0", "volume-28"],
        label=lambda mm: label_value(mm, 2),
        further={"paper_folds": [{"train": ["volume-{28..28}"], "val": ["volume-{0..0}"]}]},
    ),
    "msseg2016": Replica(
        _msseg2016,
        {"cases": 2, "channels": ["T2", "FLAIR"]},
        LESION,
        ["Center_01_Patient_01", "Center_07_Patient_01"],
        images=(3, 0),
    ),
    "isbi2015": Replica(
        _isbi2015,
        {"cases": 3, "reference": "union"},
        LESION,
        ["training01_01", "training01_02", "training02_01"],
        images=(0, 1, 2, 3),
        label=lambda mm: label_value(mm) | label_value(mm, shift=1),
    ),
    "openms": Replica(
        _openms,
        {"cases": 2, "channels": ["FLAIR", "T1"]},
        LESION,
        ["patient01", "patient02"],
        images=(0, 1),
        label=lambda mm: np.abs(mm).max(-1) < 2,
    ),
    "luna16": Replica(
        _luna16,
        {"cases": 3},
        {"background": 0, "nodule": 1},
        [SERIES + number for number in ("111", "222", "282512043257574309474415322775")],
        label=nodule,
    ),
    "isles22": Replica(
        _isles22,
        {"cases": 2, "channels": ["DWI", "ADC"]},
        LESION,
        ["sub-strokecase0001", "sub-strokecase0250"],
        images=(0, 1),
    ),
    "autopet": Replica(
        _autopet,
        {"cases": 3},
        LESION,
        [
            "PETCT_0011f3deaf_03-23-2003_44505",
            "PETCT_0011f3deaf_11-02-2004_09140",
            "PETCT_01140d52d8_08-13-2005_56839",
        ],
        images=(0, 1),
        empty=("PETCT_01140d52d8_08-13-2005_56839",),
    ),
}
