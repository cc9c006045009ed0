"""Patches by lesion, as in Shirokikh et al. 2020 (arXiv 2007.10033): a case by its lesions, then the centre."""

from pathlib import Path
from typing import Any

from typing_extensions import override

from nnunet_losses.nnunet.training.changes.choices import Choice
from nnunet_losses.nnunet.training.lesion_patches import CasesByLesion, prepare_lesions
from nnunet_losses.nnunet.training.reproducible import ReproducibleTrainer

CHOICES = (
    Choice("case", "drawn in proportion to its number of lesions", "code", "tumor_sampling.config"),
    Choice("centre", "half of the time a random voxel of a random lesion, else any place", "code", "iw/batch_iter.py"),
    Choice("border", "at the lower border of an axis, nnU-Net moves the patch into the image", "assumed",
           "as in nnU-Net; the paper's patch ends outside of the image"),
    Choice("lesion", "26-connected component of a label or region; at most 10,000 voxels of each to draw from", "code",
           "full connectivity; the limit is ours"),
    Choice("validation patches", "nnU-Net's, half of them on a voxel of a class; they decide nothing", "assumed",
           "as in nnU-Net"),
)  # fmt: skip


class LesionSamplingTrainer(ReproducibleTrainer):
    """Draws every lesion equally often as the centre of a patch."""

    @override
    def change_settings(self) -> None:
        super().change_settings()
        self.oversample_foreground_percent = 0.5
        self.probabilistic_oversampling = True

    @override
    def get_tr_and_val_datasets(self) -> tuple[Any, Any]:
        train, val = super().get_tr_and_val_datasets()
        folder = Path(f"{self.preprocessed_dataset_folder}_lesions")
        plain = self.dataset_class(self.preprocessed_dataset_folder, list(train.identifiers))
        counts = prepare_lesions(folder, plain, self.label_manager)
        annotated = (-1, *self.label_manager.all_labels)
        kept = [annotated] if self.label_manager.has_ignore_label else []
        return CasesByLesion(train, folder, counts, kept), val

    @override
    def describe_changes(self) -> dict[str, Any]:
        return super().describe_changes() | {"patches": "by lesion, half of them on one"}


CHANGE = LesionSamplingTrainer
