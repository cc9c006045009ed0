"""ISLES 2022 (Hernandez Petzsche et al. 2022, 10.1038/s41597-022-01875-5), a BIDS folder.

``sub-strokecase0001/ses-0001/dwi/sub-strokecase0001_ses-0001_{dwi,adc}.nii.gz``, ``.../anat/..._FLAIR.nii.gz`` and
``derivatives/sub-strokecase0001/ses-0001/sub-strokecase0001_ses-0001_msk.nii.gz``. DWI, ADC and lesion mask of a case
share a grid; FLAIR has its own and is not registered to it.
"""

from nnunet_losses.data.originals.layout import Layout

_CASE = r"(sub-strokecase\d{4})/ses-\d+/(?:dwi/|anat/)?sub-strokecase\d{4}_ses-\d+_"

ISLES22 = Layout(
    channels={
        "DWI": _CASE + r"dwi\.nii(?:\.gz)?",
        "ADC": _CASE + r"adc\.nii(?:\.gz)?",
        "FLAIR": _CASE + r"(?:FLAIR|flair)\.nii(?:\.gz)?",
    },
    labels={"expert": r"derivatives/" + _CASE + r"msk\.nii(?:\.gz)?"},
)
