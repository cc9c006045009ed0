"""MSSEG 2016 (Commowick et al. 2018, 10.1038/s41598-018-31911-7): seven raters and their consensus.

``Center_01/Patient_01`` with ``Preprocessed_Data/FLAIR_preprocessed.nii.gz`` and ``Masks/Consensus.nii.gz``. The raw
images of a patient lie on grids of their own, so that nnU-Net cannot take them together.
"""

from nnunet_losses.data.originals.layout import Layout

_CASE = r"(Center_\d\d)/(Patient_\d\d)"
_RATERS = {f"rater{number}": _CASE + rf"/Masks/ManualSegmentation_{number}\.nii(?:\.gz)?" for number in range(1, 8)}
_FILES = {"FLAIR": "FLAIR", "T1": "T1", "T1_Gd": "GADO", "T2": "T2", "PD": "DP"}


MSSEG2016 = Layout(
    channels={name: _CASE + rf"/Preprocessed_Data/{file}_preprocessed\.nii(?:\.gz)?" for name, file in _FILES.items()},
    labels={"consensus": _CASE + r"/Masks/Consensus\.nii(?:\.gz)?", **_RATERS},
    raters=tuple(_RATERS),
    mask=_CASE + r"/Masks/Brain_Mask\.nii(?:\.gz)?",
    facts=lambda name: {"site": name.partition("_Patient")[0]},
)
