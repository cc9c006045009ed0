"""How fast one case of CT size is measured, beside MONAI and beside a loop over lesions.

    python benchmarks/evaluation.py --data shared/data [--repeats 5]

The cases: two real multiple-sclerosis masks (about 250 and 390 lesions), upsampled to 192x512x512; the prediction drops
a quarter of the lesions, dilates a quarter, shifts a quarter, and adds lesions of another patient. In the second case
the largest lesion is among the missed ones. Each method runs in a process of its own: best of the repeats, and the
peak of memory above the loaded inputs. Processor time of one thread is what counts on a machine that others use too,
and where every core has a case of its own; the two trainers take turns, for their ratio and for the processor time of a
case over a study of many trainers, and once more with two threads, as for one case alone on two cores.
Writes benchmarks/results/evaluation.json (hardware named).
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cc3d
import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, zoom
from threadpoolctl import threadpool_limits

from nnunet_losses.evaluation import EvaluationSettings, Reference, evaluate_case
from nnunet_losses.evaluation.lesions import Matching
from nnunet_losses.evaluation.structure import Grid, Structure
from nnunet_losses.evaluation.surface import surface_metrics
from nnunet_losses.nnunet.training.job import hardware

RESULTS = Path(__file__).parent / "results" / "evaluation.json"
SHAPE, SPACING = (192, 512, 512), (0.8, 0.469, 0.469)
LABELS = {"background": 0, "lesion": 1}
STUDY = (1, 2, 3, 10)  # trainers
ONE_TOLERANCE = EvaluationSettings(tolerances_mm=(1.0,))

Case = dict[str, NDArray[Any]]


def upsampled(data: Path, patient: str) -> NDArray[np.bool_]:
    """One lesion mask at CT size."""
    image = nib.Nifti1Image.from_filename(data / "ms_lesion_masks" / f"patient{patient}.nii.gz")
    mask = np.asanyarray(image.dataobj).T > 0
    factors = [new / old for new, old in zip(SHAPE, mask.shape, strict=True)]
    return zoom(mask.astype(np.uint8), factors, order=0) > 0


def make_case(data: Path, patient: str) -> Case:
    """Reference, prediction and softmax probabilities."""
    reference, other = upsampled(data, patient), upsampled(data, "29")
    components = cc3d.connected_components(reference, connectivity=26)
    fate = np.random.default_rng(0).integers(0, 4, int(components.max()) + 1)
    fate[0] = -1
    prediction = other | (fate[components] == 0) | binary_dilation(fate[components] == 1)
    prediction |= np.roll(fate[components] == 2, (1, 2, 3), (0, 1, 2))
    noise = np.random.default_rng(1).random(SHAPE, np.float32) * 0.4
    near = binary_dilation(prediction, iterations=3)
    foreground = np.where(prediction, 1 - noise, np.where(near, noise, noise / 1000)).astype(np.float32)
    return {
        "reference": reference.astype(np.uint8),
        "prediction": prediction.astype(np.uint8),
        "probabilities": np.stack([1 - foreground, foreground]),
    }


def first_trainer(case: Case) -> Callable[[], object]:
    """All metrics of segmentations, nothing prepared."""
    return lambda: evaluate_case(Reference(case["reference"], SPACING, LABELS), case["prediction"])


def second_trainer(case: Case) -> Callable[[], object]:
    """The same with a reference that has served before."""
    reference = Reference(case["reference"], SPACING, LABELS)
    evaluate_case(reference, case["prediction"])
    return lambda: evaluate_case(reference, case["prediction"])


def first_trainer_with_probabilities(case: Case) -> Callable[[], object]:
    """All metrics with candidate scores, thresholds and calibration, nothing prepared."""
    return lambda: evaluate_case(
        Reference(case["reference"], SPACING, LABELS), case["prediction"], case["probabilities"]
    )


def second_trainer_with_probabilities(case: Case) -> Callable[[], object]:
    """The same with a reference that has served before."""
    reference = Reference(case["reference"], SPACING, LABELS)
    evaluate_case(reference, case["prediction"], case["probabilities"])
    return lambda: evaluate_case(reference, case["prediction"], case["probabilities"])


def structures(case: Case) -> list[Structure]:
    """Both sides, nothing computed yet."""
    grid = Grid(SHAPE, SPACING, float(np.prod(SPACING)))
    return [Structure(case[side] == 1, grid) for side in ("reference", "prediction")]


def surfaces(case: Case) -> Callable[[], object]:
    """HD95, ASSD, NSD and surfel NSD (and HD, MASD, which come with them)."""

    def run() -> dict[str, float]:
        true, predicted = structures(case)
        return surface_metrics((true.border, predicted.border), (true.surfels, predicted.surfels), ONE_TOLERANCE)

    return run


def surfaces_monai(case: Case) -> Callable[[], object]:
    """HD95, ASSD, NSD and surfel NSD as MONAI's functions give them."""
    import torch
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

    torch.set_num_threads(1)
    pair = [torch.from_numpy(case[side])[None, None].bool() for side in ("prediction", "reference")]
    options = {"include_background": True, "spacing": SPACING}
    return lambda: {
        "hd95": float(compute_hausdorff_distance(*pair, percentile=95, **options)),
        "assd": float(compute_average_surface_distance(*pair, symmetric=True, **options)),
        "nsd": float(compute_surface_dice(*pair, [1.0], **options)),
        "nsd_surfel": float(compute_surface_dice(*pair, [1.0], use_subvoxels=True, **options)),
    }


def matching(case: Case) -> Callable[[], object]:
    """Components of both sides and every pair of them that overlaps."""

    def run() -> dict[str, float]:
        found = Matching(*structures(case))
        return {
            "lesion_recall": float(np.mean(found.reference.matches > 0)),
            "lesion_dice": float(np.mean(found.reference.dice)),
        }

    return run


def matching_by_loop(case: Case) -> Callable[[], object]:
    """The same from one pass over the volume for each lesion."""

    def run() -> dict[str, float]:
        ours, theirs = (cc3d.connected_components(case[s], connectivity=26) for s in ("reference", "prediction"))
        sizes = np.bincount(theirs.ravel())
        dice = []
        for lesion in range(1, int(ours.max()) + 1):
            mask = ours == lesion
            hit, shared = np.unique(theirs[mask], return_counts=True)
            shared, hit = shared[hit > 0], hit[hit > 0]
            dice.append(max(2 * shared / (sizes[hit] + mask.sum()), default=0.0))
        return {"lesion_recall": float(np.mean(np.array(dice) > 0)), "lesion_dice": float(np.mean(dice))}

    return run


METHODS = {
    method.__name__: method
    for method in (
        first_trainer,
        second_trainer,
        first_trainer_with_probabilities,
        second_trainer_with_probabilities,
        surfaces,
        surfaces_monai,
        matching,
        matching_by_loop,
    )
}


def measure(name: str, files: dict[str, Path], repeats: int) -> dict[str, Any]:
    """Best wall and processor time, and peak memory above the inputs, of one method; runs in a process of its own."""
    case = {side: np.load(file) for side, file in files.items()}
    run = METHODS[name](case)
    threadpool_limits(1)
    if name.startswith("second"):
        memory = None  # the reference is prepared already: what is added says little
    else:
        before = resident_mb("VmRSS")
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # resets the peak
        run()
        memory = round(resident_mb("VmHWM") - before)
    times = []
    for _ in range(1 if name.endswith("loop") else repeats):
        wall, processor = time.perf_counter(), time.process_time()
        values = run()
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    result: dict[str, Any] = {
        "wall_seconds": round(min(wall for wall, _ in times), 3),
        "cpu_seconds": round(min(processor for _, processor in times), 3),
        "extra_memory_mb": memory,
    }
    if all(isinstance(value, float) for value in values.values()):
        result["values"] = {key: round(value, 4) for key, value in values.items()}
    return result


def measure_interleaved(names: tuple[str, str], files: dict[str, Path], repeats: int, threads: int) -> list[float]:
    """Time of two methods in turns, so that load hits both alike: processor time of one thread, wall time of more."""
    clock = time.process_time if threads == 1 else time.perf_counter
    case = {side: np.load(file) for side, file in files.items()}
    runs = [METHODS[name](case) for name in names]
    best = [float("inf"), float("inf")]
    with threadpool_limits(threads):
        for _ in range(repeats):
            for position, run in enumerate(runs):
                start = clock()
                run()
                best[position] = min(best[position], clock() - start)
    return best


def resident_mb(field: str) -> float:
    """A line of the kernel's account of this process."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


def benchmark(data: Path, patient: str, repeats: int) -> dict[str, Any]:
    """All methods on one case."""
    case = make_case(data, patient)
    true, predicted = structures(case)
    described = {
        "reference_lesions": len(true.components),
        "predicted_components": len(predicted.components),
        "reference_voxels": true.size,
        "predicted_voxels": predicted.size,
    }
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        files = {side: Path(folder) / f"{side}.npy" for side in case}
        for side, file in files.items():
            np.save(file, case[side])
        del case, true, predicted
        for name in METHODS:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                results[name] = pool.apply(measure, (name, files, repeats))
            print(patient, name, results[name], flush=True)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            plain, with_probabilities, two_threads = (
                pool.apply(
                    measure_interleaved, ((f"first_trainer{how}", f"second_trainer{how}"), files, 3 * repeats, threads)
                )
                for how, threads in (("", 1), ("_with_probabilities", 1), ("", 2))
            )

    def ratio(slow: str, fast: str) -> float:
        return round(results[slow]["cpu_seconds"] / results[fast]["cpu_seconds"], 2)

    ratios = {
        "monai / ours, same surface metrics": ratio("surfaces_monai", "surfaces"),
        "loop over lesions / ours, matching": ratio("matching_by_loop", "matching"),
        "second trainer / first": round(plain[1] / plain[0], 2),
        "second trainer / first, with probabilities": round(with_probabilities[1] / with_probabilities[0], 2),
    }
    wall = {
        "first trainer": round(two_threads[0], 3),
        "second trainer": round(two_threads[1], 3),
        "second trainer / first": round(two_threads[1] / two_threads[0], 2),
    }
    study = {trainers: round(plain[0] + (trainers - 1) * plain[1], 2) for trainers in STUDY}
    print(patient, ratios, wall, study)
    return {
        "case": described,
        "results": results,
        "ratios_of_cpu_seconds": ratios,
        "wall_seconds_with_two_threads": wall,
        "cpu_seconds_of_a_study_by_trainers": study,
    }


def main() -> None:
    """Run every method on every case, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--patients", nargs="+", default=["01", "06"])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "2"  # what `threadpool_limits` can go down from
    report = {
        "hardware": f"{hardware(torch.device('cpu'))}, {os.cpu_count()} cores, one thread used unless said",
        "load_average_before": round(os.getloadavg()[0], 1),
        "versions": {name: version(name) for name in ("numpy", "scipy", "connected-components-3d", "monai", "torch")},
        "shape": SHAPE,
        "spacing_mm": SPACING,
        "patients": {patient: benchmark(arguments.data, patient, arguments.repeats) for patient in arguments.patients},
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
