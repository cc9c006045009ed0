"""Time and memory of converting published volumes, beside reading and writing the same files with nibabel.

    python benchmarks/conversion.py                      # writes benchmarks/results/conversion.json

20 volumes of 512 x 512 x 200 int16 with their label maps, as LiTS stores them (.nii, slices last, turned by two flips)
and as KiTS19 does (.nii.gz, slices first, so that the axes change places). Both sides write .nii.gz with nibabel's
compression, in one process per core, from the same files. The volumes are done in halves in the order ours, nibabel,
nibabel, ours, so that whatever else the machine does falls on both. Time is that of the processor in all processes, and
of the clock; memory is the peak of one process in volumes, the modules that it imports included.
"""

import argparse
import json
import multiprocessing
import os
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

TARGET, MOST_VOLUMES = 0.8, 3.0
SHAPE = (512, 512, 200)
LABELS = {"background": 0, "organ": 1, "tumour": 2}
AFFINES = {
    "lits": np.diag([-0.75, -0.75, 3.0, 1.0]),
    "kits19": np.array([[0, 0, -0.75, 0], [0, -0.75, 0, 0], [-3.0, 0, 0, 0], [0, 0, 0, 1]]),
}
"""LiTS: to the left and posterior; KiTS19: the first axis runs through the slices."""


def make_volume(shape: tuple[int, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Something like a CT: smooth organs, noise, air around, and a label map of two classes."""
    from scipy.ndimage import gaussian_filter, zoom

    rng = np.random.default_rng(seed)
    coarse = gaussian_filter(rng.normal(size=[n // 16 + 1 for n in shape]), 1.5).astype(np.float32)
    values = zoom(coarse / coarse.std(), [n / m for n, m in zip(shape, coarse.shape, strict=True)], order=1)
    label = (values > 2).astype(np.uint8) + (values > 2.6)
    image = 150 * values - 100 + 12 * rng.standard_normal(shape, dtype=np.float32)
    image[values < -1.5] = -1000
    return image.clip(-1024, 3000).astype(np.int16), label.astype(np.uint8)


def place(layout: str, root: Path, number: int) -> tuple[Path, Path]:
    """Where the layout has a case's image and its label map."""
    if layout == "lits":
        return root / f"volume-{number}.nii", root / f"segmentation-{number}.nii"
    folder = root / f"case_{number:05d}"
    return folder / "imaging.nii.gz", folder / "segmentation.nii.gz"


def publish(layout: str, root: Path, volumes: int, shape: tuple[int, ...]) -> None:
    """Store the volumes as the layout does; a few different ones, again and again."""
    stored = shape if layout == "lits" else shape[::-1]
    for number in range(volumes):
        files = place(layout, root, number)
        if number < 2:
            for path, voxels in zip(files, make_volume(stored, number), strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                nib.save(nib.Nifti1Image(voxels, AFFINES[layout]), path)
        else:
            for path, same in zip(files, place(layout, root, number % 2), strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(same, path)


def copy_case(layout: str, root: Path, out: Path, number: int) -> None:
    """Read a case and write it, all with nibabel."""
    for kind, path in zip(("image", "label"), place(layout, root, number), strict=True):
        image: Any = nib.load(path)
        nib.save(nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine), out / f"{number}_{kind}.nii.gz")


def with_nibabel(layout: str, root: Path, out: Path, numbers: range, processes: int) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        list(pool.map(partial(copy_case, layout, root, out), numbers))


def with_ours(layout: str, root: Path, out: Path, numbers: range, processes: int) -> None:
    # here, so that the processes of the pool, which import this file, do not import all of the package
    from nnunet_losses.data.originals.choose import find_cases
    from nnunet_losses.data.originals.convert import convert_original
    from nnunet_losses.data.originals.options import Original

    original = Original.model_validate({"layout": layout, "path": str(root), "axes": "ras"})
    found = list(find_cases(original, root).values())
    chosen = {found[number].name: found[number] for number in numbers}
    convert_original(original, chosen, out, LABELS, workers=processes)


Side = Callable[[str, Path, Path, range, int], None]


def measured(side: Side, layout: str, root: Path, numbers: range, processes: int) -> dict[str, float]:
    """Seconds of clock and processor, and the largest process in MB, of one side in a process of its own."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(send, side, layout, root, numbers, processes))
    process.start()
    found: dict[str, float] = receive.recv()
    process.join()
    return found


def _report(send: Any, side: Side, layout: str, root: Path, numbers: range, processes: int) -> None:
    with tempfile.TemporaryDirectory(dir=root.parent) as scratch:
        start = time.perf_counter()
        side(layout, root, Path(scratch), numbers, processes)
        wall = time.perf_counter() - start
    children, own = (resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))
    cpu = children.ru_utime + children.ru_stime + own.ru_utime + own.ru_stime
    send.send({"wall_s": wall, "cpu_s": cpu, "peak_mb": children.ru_maxrss / 1024})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=int, default=20)
    parser.add_argument("--shape", type=int, nargs=3, default=SHAPE)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--layouts", nargs="+", choices=AFFINES, default=list(AFFINES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "conversion.json")
    arguments = parser.parse_args()
    megabytes = 2 * float(np.prod(arguments.shape)) / 2**20
    result: dict[str, Any] = {
        "python": platform.python_version(),
        "nibabel": version("nibabel"),
        "cores": os.cpu_count(),
        "load_at_start": os.getloadavg()[0],
        "volumes": arguments.volumes,
        "shape": list(arguments.shape),
        "processes": arguments.processes,
        "target": TARGET,
        "most_volumes_of_memory": MOST_VOLUMES,
        "layouts": {},
    }
    half = arguments.volumes // 2
    sides: dict[str, Side] = {"ours": with_ours, "nibabel": with_nibabel}
    for layout in arguments.layouts:
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch) / "published"
            publish(layout, root, arguments.volumes, tuple(arguments.shape))
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
            order = [("ours", range(half)), ("nibabel", range(half))]
            order += [(name, range(half, arguments.volumes)) for name in ("nibabel", "ours")]
            for name, numbers in order:
                runs[name].append(measured(sides[name], layout, root, numbers, arguments.processes))
        total = {name: {key: sum(run[key] for run in runs[name]) for key in ("wall_s", "cpu_s")} for name in sides}
        peak = max(run["peak_mb"] for run in runs["ours"])
        result["layouts"][layout] = {
            "seconds": total,
            "speed_by_cpu": total["nibabel"]["cpu_s"] / total["ours"]["cpu_s"],
            "speed_by_clock": total["nibabel"]["wall_s"] / total["ours"]["wall_s"],
            "peak_mb_of_a_process": peak,
            "volumes_of_memory": peak / megabytes,
        }
        print(json.dumps({layout: result["layouts"][layout]}, indent=2))
    from nnunet_losses.base.files import write_atomically

    with write_atomically(arguments.out) as temporary:
        temporary.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
