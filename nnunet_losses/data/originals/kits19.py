"""KiTS19 (Heller et al. 2019, arXiv 1904.00445): ``case_00000/imaging.nii.gz`` and ``segmentation.nii.gz``.

The first axis of the stored arrays runs through the slices; ``axes: ras`` brings it to the end.
"""

from nnunet_losses.data.originals.layout import Layout

CORRECTED = {
    "case_00015": "fluid collection at the spleen removed from the kidney",
    "case_00023": "place of the tumour",
    "case_00037": "a cyst that is a tumour",
    "case_00125": "place of the tumour",
}
"""Cases whose labels were corrected in December 2019, after the challenge (changelog of the repository)."""


KITS19 = Layout(
    channels={"CT": r"(case_\d{5})/imaging\.nii\.gz"},
    labels={"consensus": r"(case_\d{5})/segmentation\.nii\.gz"},
    facts=lambda name: {"corrected_after_challenge": CORRECTED.get(name, "")},
)
