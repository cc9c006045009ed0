"""LiTS (Bilic et al. 2023, 10.1016/j.media.2022.102680), the challenge's own files.

``volume-0.nii`` and ``segmentation-0.nii``, in one folder a batch. The headers of 20 volumes (28 to 47) hold no
geometry but 1 mm and the identity; the key ``headers_from`` takes it from the Decathlon's copy of the same scans.
"""

from nnunet_losses.data.originals.layout import Layout

LITS = Layout(
    channels={"CT": r"volume-(\d{1,3})\.nii(?:\.gz)?"},
    labels={"consensus": r"segmentation-(\d{1,3})\.nii(?:\.gz)?"},
    name="volume-{}",
)
