"""From data of each kind to a study that Snakemake accepts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk  # noqa: N813
from typer.testing import CliRunner

from nnunet_losses.base.config import read_yaml
from nnunet_losses.cli import app
from nnunet_losses.data.description import load_dataset_description
from nnunet_losses.study.study import load_study

ROOT = Path(__file__).parents[1]
SHAPE = (24, 26, 22)


def begun(path: Path, place: Path, *options: str) -> tuple[str, dict[str, Path]]:
    """What `init` says, and its files by their names."""
    arguments = ["init", str(path), "--out", str(place / "config"), "--raw", str(place / "work/nnUNet_raw"), *options]
    result = CliRunner().invoke(app, [*arguments, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    files = {f"{file.parent.name}/{file.stem}": file for file in (place / "config").rglob("*.yaml")}
    return result.output, files


def dry_run(study: Path, place: Path) -> None:
    """Let Snakemake plan the study."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("nnUNet_")}
    command = [sys.executable, "-m", "snakemake", "-n", "-q", "-s", str(ROOT / "Snakefile"), "--cores", "1"]
    done = subprocess.run(
        [*command, "--directory", str(place), "--configfile", str(study)],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def save(path: Path, voxels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), path)


def volume(seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def lesions(seed: int) -> np.ndarray:
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[4:9, 5:10, 6:11] = 1
    for n in range(4 + seed % 3):
        voxels[14 + 2 * n % 8, 3 + 4 * n, 15 + seed % 5] = 1
    return voxels


@pytest.mark.slow
def test_a_table_of_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(6):
        case = f"eye{number}"
        picture = sitk.GetImageFromArray(rng.integers(0, 255, (40, 48, 3), np.uint8), isVector=True)
        mask = np.zeros((40, 48), np.uint8)
        mask[5:20, 6 + number : 20] = 255
        sitk.WriteImage(picture, str(tmp_path / f"{case}.png"))
        sitk.WriteImage(sitk.GetImageFromArray(mask), str(tmp_path / f"{case}_mask.png"))
        rows.append(
            {
                "case": case,
                "image": f"{case}.png",
                "label": f"{case}_mask.png",
                "patient": f"p{number // 2}",
                "site": "AB"[number % 2],
            }
        )
    pd.DataFrame(rows).to_csv(tmp_path / "retina.csv", index=False)
    told, files = begun(tmp_path / "retina.csv", tmp_path)
    description = load_dataset_description(files["datasets/retina"])
    assert description.source.table is not None
    assert description.source.table.values == {255: 1}
    assert "Label maps hold [255]; they are numbered anew from 1. Is that right?" in told
    assert "What are the labels called?" in told
    assert "Shall each site be predicted by models that have not seen it? Then, instead of all other keys" in told
    pilot = read_yaml(files["studies/retina-pilot"])
    assert pilot["configurations"][0]["inherits_from"] == "2d"
    assert pilot["folds"] == {"number": 3, "group": "patient", "run": [0, 1]}
    dry_run(files["studies/retina-pilot"], tmp_path)


@pytest.mark.slow
def test_a_bids_folder(tmp_path: Path) -> None:
    root = tmp_path / "ms_study"
    for number in range(4):
        case = f"sub-0{number}"
        for end in ("FLAIR", "T1w"):
            save(root / f"{case}/anat/{case}_{end}.nii.gz", volume(10 * number + len(end)))
        save(root / f"derivatives/raters/{case}/anat/{case}_space-orig_label-lesion_mask.nii.gz", lesions(number))
    (root / "participants.tsv").write_text("participant_id\tsite\n" + "".join(f"sub-0{n}\tX\n" for n in range(4)))
    told, files = begun(root, tmp_path)
    content = read_yaml(files["datasets/ms-study"])
    assert content["source"]["bids"] == {
        "folder": str(root), "channels": {"FLAIR": "FLAIR", "T1": "T1w"}, "derivatives": "raters",
        "label": ["label-lesion_mask"],
    }  # fmt: skip
    assert content["labels"] == {"background": 0, "lesion": 1}
    assert "Are these the channels to train on? FLAIR, T1" in told
    load_study(read_yaml(files["studies/ms-study-pilot"]))
    study = load_study(read_yaml(files["studies/ms-study"]))
    assert {"DiceCrossEntropyTrainer", "DiceTrainer_iw", "ConnectedComponentTrainer"} <= set(study.trainers)


@pytest.mark.slow
def test_nan_outside_of_the_brain_is_refused_or_replaced(tmp_path: Path) -> None:
    root = tmp_path / "Dataset042_Masked"
    for number in range(3):
        masked = volume(number)
        masked[:3] = np.nan
        save(root / f"imagesTr/m_{number}_0000.nii.gz", masked)
        save(root / f"labelsTr/m_{number}.nii.gz", lesions(number))
    content = {"channel_names": {"0": "FLAIR"}, "labels": {"background": 0, "lesion": 1}, "numTraining": 3}
    (root / "dataset.json").write_text(json.dumps({**content, "file_ending": ".nii.gz"}))
    refused = CliRunner().invoke(app, ["init", str(root), "--out", str(tmp_path / "config")])
    assert refused.exit_code == 1
    assert "--not-finite 0" in " ".join(refused.output.split())
    _, files = begun(root, tmp_path, "--not-finite", "0")
    described = read_yaml(files["datasets/masked"])
    assert (described["source"], described["not_finite"]) == ({"path": str(root)}, 0)
    dry_run(files["studies/masked-pilot"], tmp_path)


@pytest.mark.slow
def test_a_decathlon_task_keeps_its_number_and_its_labels(tmp_path: Path) -> None:
    root = tmp_path / "Task07_Toy"
    for number in range(3):
        save(root / f"imagesTr/toy_{number}.nii.gz", 400 * volume(number, (*SHAPE, 2)))
        save(root / f"labelsTr/toy_{number}.nii.gz", lesions(number))
    content = {
        "name": "Toy",
        "modality": {"0": "scan", "1": "CT"},
        "labels": {"0": "background", "1": "tumour"},
        "numTraining": 3,
        "licence": "CC-BY-SA 4.0",
        "reference": "Somebody 2020",
        "training": [{"image": f"./imagesTr/toy_{n}.nii.gz"} for n in range(3)],
    }
    (root / "dataset.json").write_text(json.dumps(content))
    told, files = begun(root, tmp_path)
    described = read_yaml(files["datasets/toy"])
    assert described["name"] == "Dataset007_Toy"
    assert (described["licence"], described["citation"]) == ("CC-BY-SA 4.0", "Somebody 2020")
    assert "Under which licence" not in told
    assert "Does the licence (CC-BY-SA 4.0) allow pictures of cases in a report?" in told
    assert "3 cases are too few for a verdict" in told
    load_study(read_yaml(files["studies/toy-pilot"]))
    assert "tumour: foreground" in told
    assert "% of the patches have no foreground" in told
    assert "Is 'scan' CT? Its values reach down to -" in told
    assert "Is 'CT' CT?" not in told
    again = CliRunner().invoke(app, ["init", str(root), "--out", str(tmp_path / "config")])
    assert again.exit_code == 1
    assert "exists already; remove it, or choose another --name or --out" in again.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("Dataset004_Hippocampus", {"DiceHausdorffTrainer", "CrossEntropyTrainer"}),
        ("Dataset802_DSB2018Nuclei", {"DiceTrainer_iw", "ConnectedComponentTrainer"}),
    ],
)
def test_real_data(shared_data: Path, tmp_path: Path, name: str, proposed: set[str]) -> None:
    told, files = begun(shared_data / name, tmp_path)
    studies = [load_study(read_yaml(file)) for file in files.values() if file.parent.name == "studies"]
    assert len(studies) == 2
    for study in studies:
        assert study.baseline.startswith("DiceCrossEntropyTrainer")
        (description,) = [load_dataset_description(file) for file in study.config.datasets]
        assert description.name == name
    assert proposed <= {trainer.partition("_10epochs")[0] for study in studies for trainer in study.trainers}
    assert "Warning" not in told
    # each question is printed, and a comment in a file
    texts = " ".join(" ".join(file.read_text().split()) for file in (tmp_path / "config").rglob("*.yaml"))
    printed = [line.removeprefix("- ") for line in told.splitlines() if line.startswith("- ")]
    assert printed
    for question in printed:
        assert question in texts.replace(" # ", " ")


def test_what_is_none_of_them_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "Task04.tar").write_bytes(bytes(1024))
    for path, sentence in (
        (tmp_path / "absent", "There is no"),
        (tmp_path / "data", "write a CSV file with the columns case, image and label, and give its path to init."),
        (tmp_path / "Task04.tar", "Task04.tar is no table of paths; unpack an archive first"),
    ):
        result = CliRunner().invoke(app, ["init", str(path), "--out", str(tmp_path / "config")])
        assert result.exit_code == 1
        assert sentence in " ".join(result.output.split())
    assert not (tmp_path / "config").exists()
    (tmp_path / "data/cases.csv").write_text("id,picture\na,a.png\n")
    result = CliRunner().invoke(app, ["init", str(tmp_path / "data/cases.csv"), "--out", str(tmp_path / "config")])
    assert "has the columns id, picture; a table of paths has 'case'" in " ".join(result.output.split())
