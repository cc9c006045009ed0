"""A study in which every command is a stub of some milliseconds: the workflow itself is tried, at any size.

The stubs take the place of `nnunet-losses` and nnU-Net's commands: Snakemake runs by a Python that lies in their
folder, and the workflow looks for commands beside its Python first. A stub of a training counts epochs, saves a
checkpoint every second epoch, resumes from it, and says in a log what it did; its weights are a checksum of all epochs
in their order. With the number n in a file `hang` in its folder, its first n starts hang after three epochs, until that
file is removed. While there is a file `wrong`, it fails with the sentence in it.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
_OPTION = """\
option() { wanted=$1; shift; while [ $# -gt 1 ]; do [ "$1" = "$wanted" ] && { echo "$2"; return; }; shift; done; }
"""
_NNUNET_LOSSES = (
    "#!/bin/sh\nset -e\n"
    + _OPTION
    + """\
verb=$1; shift
out=$(option --out "$@")
touched() { folder=$1; shift; mkdir -p "$folder"; for name in "$@"; do echo "$verb" > "$folder/$name"; done; }
case $verb in
    call) exec "$@" ;;
    on-node) while [ "$1" != -- ]; do shift; done; shift; exec "$@" ;;
    prepare)
        for file in "$@"; do :; done
        mkdir -p "$nnUNet_raw/$(sed -n 's/^name: //p' "$file")"
        cp "$STUB_SIZES/summary.json" "$(option --summary "$@")" ;;
    split) echo '{}' > "$out" ;;
    configure) cp "$STUB_SIZES/configuration.json" "$out" ;;
    publish)
        touched "$out" training.parquet jobs.parquet
        cp "$nnUNet_results/$1/$(option -tr "$@")__$(option -p "$@")__$2/fold_$3/final" "$out/checkpoint_final.pth" ;;
    predict) touched "$(option --segmentations "$@")" case; touched "$(option --probabilities "$@")" case ;;
    evaluate)
        touched "$out" cases.parquet lesions.parquet thresholds.parquet calibration.parquet log_odds.parquet ;;
    compare) touched "$(option --tables "$@")" cases.parquet; touched "$out" ranking.parquet pairwise.parquet ;;
    study-report) touched "$out" report.html ;;
    *) echo "no stub of $verb" >&2; exit 2 ;;
esac
"""
)
_PLAN = """\
#!/bin/sh
for folder in "$nnUNet_raw"/Dataset*; do
    mkdir -p "$nnUNet_preprocessed/${folder##*/}"
    echo '{}' > "$nnUNet_preprocessed/${folder##*/}/nnUNetPlans.json"
done
"""
_TRAIN = (
    "#!/bin/sh\nset -e\n"
    + _OPTION
    + """\
folder="$nnUNet_results/$1/$(option -tr "$@")__$(option -p "$@")__$2/fold_$3"
mkdir -p "$folder"
cd "$folder"
[ -e wrong ] && { echo wrong >> log; cat wrong >&2; exit 1; }
epoch=0 weights=0
[ -e checkpoint ] && read -r epoch weights < checkpoint
echo "start $epoch ${SLURM_JOB_ID:-0} ${CUDA_VISIBLE_DEVICES:--}" >> log
here=0
while [ "$epoch" -lt "${STUB_EPOCHS:-1}" ]; do
    [ "${STUB_EPOCH_S:-0}" = 0 ] || sleep "$STUB_EPOCH_S"
    if [ $here = 3 ] && [ -e hang ] && [ "$(grep -c start log)" -le "$(cat hang)" ]; then
        echo hangs >> log
        while [ -e hang ]; do sleep 0.2; done
    fi
    here=$((here + 1))
    weights=$(echo "$weights $epoch" | cksum | cut -d' ' -f1)
    echo "epoch $epoch" >> log
    epoch=$((epoch + 1))
    [ $((epoch % 2)) = 0 ] && echo "$epoch $weights" > checkpoint.new && mv checkpoint.new checkpoint
done
echo "$weights" > final.new && mv final.new final
echo end >> log
"""
)


_SUMMARY = {
    "cases": [{"shape": [512, 512, 300], "spacing_mm": [0.5, 0.5, 1.0]}] * 4,
    "channel_names": ["CT"],
    "labels": {"background": 0, "lesion": 1},
}
_CONFIGURATION = {
    "patch_size": [128, 128, 128],
    "batch_size": 2,
    "spacing": [1.0, 0.5, 0.5],
    "median_image_size_in_voxels": [300, 512, 512],
    "architecture": {
        "arch_kwargs": {
            "features_per_stage": [32, 64, 128, 256, 320, 320],
            "strides": [[1, 1, 1], *[[2, 2, 2]] * 5],
            "n_conv_per_stage": [2] * 6,
            "n_conv_per_stage_decoder": [2] * 5,
        }
    },
}


@dataclass(frozen=True)
class StubStudy:
    """A folder with a copy of the workflow, a study, and the stubs.

    folder: where Snakemake runs.
    environment: of Snakemake and its jobs.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        """Snakemake's command line."""
        return [str(self.folder / "stubs/bin/python"), "-m", "snakemake", "--configfile", "study.yaml", *arguments]

    def start(self, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start Snakemake; what it prints is added to ``log``."""
        with log.open("ab") as file:
            return subprocess.Popen(
                self.command(*arguments), cwd=self.folder, env=self.environment, stdout=file, stderr=file
            )

    def trainings(self) -> list[Path]:
        """The folders of the trainings in work/, in the order of their names."""
        return sorted((self.folder / "work/nnUNet_results").glob("*/*/fold_*"))


def make_stub_study(folder: Path, config: dict[str, Any], environment: dict[str, str] | None = None) -> StubStudy:
    """Make a study of stubs in an empty folder.

    Args:
        folder: for all of it; a name that a shell may read.
        config: keys of the study that differ from a small one.
        environment: variables beside those of this process.
    """
    for part in ("workflow", "profiles", "config"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "Snakefile", folder)
    stubs = folder / "stubs" / "bin"
    stubs.mkdir(parents=True)
    for name, text in {
        "nnunet-losses": _NNUNET_LOSSES,
        "nnUNetv2_plan_and_preprocess": _PLAN,
        "nnUNetv2_preprocess": "#!/bin/sh\n",
        "nnUNetv2_train": _TRAIN,
    }.items():
        (stubs / name).write_text(text)
        (stubs / name).chmod(0o755)
    sizes = folder / "stubs" / "sizes"
    sizes.mkdir()
    (sizes / "summary.json").write_text(json.dumps(_SUMMARY))
    (sizes / "configuration.json").write_text(json.dumps({"configuration": _CONFIGURATION}))
    # a virtual environment with the packages of this one, but without its commands
    version = f"python{sysconfig.get_python_version()}"
    (stubs / "python").symlink_to(Path(sys.base_prefix, "bin", version).resolve())
    (stubs.parent / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix, 'bin')}\n")
    (stubs.parent / "lib" / version).mkdir(parents=True)
    (stubs.parent / "lib" / version / "site-packages").symlink_to(sysconfig.get_path("purelib"))
    dataset = {"name": "Dataset900_Stub", "source": {"phantom": {"cases": 4, "shape": [32, 32, 32], "lesions": [1, 2]}}}
    (folder / "stub.yaml").write_text(yaml.safe_dump(dataset))
    study = {
        "study": "stub",
        "datasets": [str(folder / "stub.yaml")],
        "configurations": ["3d_fullres"],
        "trainers": ["DiceTrainer", "TverskyTrainer"],
        "folds": {"number": 2},
        "report": {"gallery": False},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study | config))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("nnUNet_", "SLURM_"))}
    return StubStudy(folder, inherited | {"PYTHONPATH": str(ROOT), "STUB_SIZES": str(sizes)} | (environment or {}))
