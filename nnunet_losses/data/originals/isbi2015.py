"""The longitudinal MS lesion challenge of ISBI 2015 (Carass et al. 2017, 10.1016/j.neuroimage.2016.12.064).

``training01/preprocessed/training01_01_flair_pp.nii`` and ``training01/masks/training01_01_mask1.nii``: patient, time
point, and two raters without a consensus.
"""

from nnunet_losses.data.originals.layout import Layout

_CASE = r"(training\d\d_\d\d)"
_RATERS = {f"rater{number}": _CASE + rf"_mask{number}\.nii(?:\.gz)?" for number in (1, 2)}


ISBI2015 = Layout(
    channels={
        name: _CASE + rf"_{file}_pp\.nii(?:\.gz)?"
        for name, file in {"FLAIR": "flair", "T1": "mprage", "T2": "t2", "PD": "pd"}.items()
    },
    labels=_RATERS,
    raters=tuple(_RATERS),
    patient=lambda name: name.rpartition("_")[0],
    facts=lambda name: {"time_point": name.rpartition("_")[2]},
)
