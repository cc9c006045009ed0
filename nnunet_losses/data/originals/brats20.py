"""BraTS 2020: ``BraTS20_Training_001/BraTS20_Training_001_{t1,t1ce,t2,flair,seg}.nii.gz``, and tables of the patients.

Some copies have ``.nii`` files. The label map of case 355 may be called ``W39_1998.09.19_Segm.nii``; it is taken where
the case has no other.
"""

import csv
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.originals.layout import Facts, Layout

_CASE = r"(BraTS20_Training_\d{3})/BraTS20_Training_\d{3}"


def _grades(root: Path) -> dict[str, Facts]:
    """The grade of each tumour, from ``name_mapping.csv``, if that is there."""
    tables = sorted(root.rglob("name_mapping.csv"))
    if not tables:
        return {}
    try:
        with tables[0].open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        return {row["BraTS_2020_subject_ID"]: {"grade": row["Grade"]} for row in rows}
    except (KeyError, OSError, ValueError, csv.Error) as error:
        raise UserError(
            f"{tables[0]} cannot be read as the table of BraTS 2020 ({error}); download it again, or remove it."
        ) from error


BRATS20 = Layout(
    channels={
        "T1": _CASE + r"_t1\.nii(?:\.gz)?",
        "T1ce": _CASE + r"_t1ce\.nii(?:\.gz)?",
        "T2": _CASE + r"_t2\.nii(?:\.gz)?",
        "FLAIR": _CASE + r"_flair\.nii(?:\.gz)?",
    },
    labels={"consensus": _CASE + r"_seg\.nii(?:\.gz)?"},
    alternatives={"consensus": r"(BraTS20_Training_355)/W39_1998\.09\.19_Segm\.nii(?:\.gz)?"},
    table=_grades,
)
