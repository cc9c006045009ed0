"""open_ms_data, cross-sectional (Lesjak et al. 2018, 10.1007/s12021-017-9348-7).

``coregistered/patient01/{FLAIR,T1W,T1WKS,T2W,brainmask,consensus_gt}.nii.gz``; T1WKS is T1 with contrast agent.
"""

from nnunet_losses.data.originals.layout import Layout

_CASE = r"{variant}/(patient\d\d)"

OPENMS = Layout(
    channels={
        name: _CASE + rf"/{file}\.nii\.gz"
        for name, file in {"FLAIR": "FLAIR", "T1": "T1W", "T1_Gd": "T1WKS", "T2": "T2W"}.items()
    },
    labels={"consensus": _CASE + r"/consensus_gt\.nii\.gz"},
    mask=_CASE + r"/brainmask\.nii\.gz",
    variants={"coregistered": "coregistered", "coregistered_resampled": "coregistered_resampled"},
)
