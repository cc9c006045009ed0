"""How close phantom lesions are to real ones: the numbers that config/datasets/phantom.yaml quotes.

python benchmarks/phantom_statistics.py --real SHARED_DATA   (a folder with ms_lesion_masks and Dataset030_MSLesions)
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from nnunet_losses.base.components import connected_components
from nnunet_losses.base.images import read_voxels
from nnunet_losses.base.names import IMAGES_FOLDER, LABELS_FOLDER, NIFTI, image_file
from nnunet_losses.data.raw import prepare_raw

WHOLE_HEADS = {"cases": 8, "shape": [160, 192, 160], "lesions": [15, 300]}


def cases(folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Mask and FLAIR of every case of an nnU-Net raw folder, or the masks alone of a folder of masks."""
    raw = (folder / IMAGES_FOLDER).is_dir()
    for label in sorted((folder / LABELS_FOLDER if raw else folder).glob(f"*{NIFTI}")):
        image = image_file(folder, label.name.removesuffix(NIFTI), 0, NIFTI)
        yield read_voxels(label) > 0, read_voxels(image).astype(float) if raw else None


def statistics(folders: list[Path]) -> dict[str, str]:
    """The rows of the table."""
    foreground, counts, volumes, share = [], [], [], []
    brightness: dict[str, list[float]] = {"below 5 voxels": [], "20 to 99 voxels": [], "from 100 voxels": []}
    for mask, image in (case for folder in folders for case in cases(folder)):
        ids, _ = connected_components(mask)
        sizes = np.bincount(ids.ravel())[1:]
        foreground.append(100 * mask.mean())
        counts.append(len(sizes))
        volumes += sizes.tolist()
        share.append(sizes.max() / sizes.sum())
        if image is None:
            continue
        inside = image > 0.2 * np.quantile(image, 0.99)  # the air around the head is dark
        tissue = image[inside & ~mask]
        median = np.median(tissue)
        spread = 1.4826 * np.median(np.abs(tissue - median))
        means = np.bincount(ids.ravel(), image.ravel())[1:] / sizes
        for name, chosen in zip(brightness, (sizes < 5, (sizes >= 20) & (sizes < 100), sizes >= 100), strict=True):
            brightness[name] += ((means[chosen] - median) / spread).tolist()
    rows = {
        "foreground, % of the voxels": f"{min(foreground):.3g}-{max(foreground):.3g}, "
        f"median {np.median(foreground):.2g}",
        "lesions per case": f"{min(counts)}-{max(counts)}, median {np.median(counts):.0f}",
    }
    for quantile in (10, 25, 50, 75, 90, 95):
        rows[f"volume in voxels, {quantile} % quantile"] = f"{np.percentile(volumes, quantile):.0f}"
    rows["volume, largest"] = str(max(volumes))
    rows["ln(volume), mean and SD"] = f"{np.log(volumes).mean():.2f}, {np.log(volumes).std():.2f}"
    rows["share of the largest lesion, median"] = f"{np.median(share):.2f}"
    for name, values in brightness.items():
        rows[f"brightness, {name}"] = f"{np.mean(values):.1f}" if values else "-"
    return rows


def phantom(folder: str, name: str, options: dict[str, Any]) -> Path:
    """A phantom data set in ``folder``."""
    return prepare_raw({"name": name, "source": {"phantom": options}}, folder, progress=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, required=True)
    real = parser.parse_args().real
    file = Path(__file__).parents[1] / "config/datasets/phantom.yaml"
    demo: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["source"]["phantom"]
    with tempfile.TemporaryDirectory() as folder:
        columns = {
            "real": statistics([real / "ms_lesion_masks", real / "Dataset030_MSLesions"]),
            "demo": statistics([phantom(folder, "Dataset900_Phantom", demo)]),
            "whole heads": statistics([phantom(folder, "Dataset901_Heads", WHOLE_HEADS)]),
        }
    for row in columns["real"]:
        print(f"#   {row:<36}" + "".join(f"{column[row]:<28}" for column in columns.values()).rstrip())


if __name__ == "__main__":
    main()
