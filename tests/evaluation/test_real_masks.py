"""Real lesion masks: 17 to 392 lesions a case, down to one voxel."""

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice
from scipy.ndimage import label

SPACING = (1.0, 1.0, 1.0)


def mask(shared_data, patient):
    image = nib.load(shared_data / "ms_lesion_masks" / f"patient{patient}.nii.gz")
    return np.asanyarray(image.dataobj)[20:160, 30:190, 20:160] > 0


@pytest.mark.parametrize(("first", "second"), [("20", "28"), ("02", "29")])
def test_surfaces_of_real_lesions_equal_monai(shared_data, measure, first, second):
    reference = mask(shared_data, first)
    prediction = (reference & (np.arange(reference.shape[0]) % 40 > 12)[:, None, None]) | mask(shared_data, second)
    metrics = measure(reference, prediction, SPACING)
    batch = [torch.tensor(m[None, None].astype(np.float32)) for m in (prediction, reference)]
    options = {"include_background": True, "spacing": SPACING}
    assert metrics["hd95"] == pytest.approx(
        float(compute_hausdorff_distance(*batch, percentile=95, **options)), abs=1e-4
    )
    assd = compute_average_surface_distance(*batch, symmetric=True, **options)
    assert metrics["assd"] == pytest.approx(float(assd), abs=1e-4)
    assert metrics["nsd"] == pytest.approx(float(compute_surface_dice(*batch, [1.0], **options)), abs=1e-5)
    surfels = compute_surface_dice(*batch, [1.0], use_subvoxels=True, **options)
    assert metrics["nsd_surfel"] == pytest.approx(float(surfels), abs=1e-5)


def test_lesion_counts_of_real_masks_equal_scipy(shared_data, measure):
    full = np.ones((3, 3, 3))
    reference, prediction = mask(shared_data, "23"), mask(shared_data, "01")
    ours, n = label(reference, full)
    theirs, m = label(prediction, full)
    found = len(np.unique(ours[reference & prediction]))
    true = len(np.unique(theirs[reference & prediction]))
    metrics = measure(reference, prediction, SPACING)
    assert metrics["lesion_recall"] == pytest.approx(found / n)
    assert metrics["lesion_precision"] == pytest.approx(true / m)
    assert metrics["false_positive_count"] == m - true
