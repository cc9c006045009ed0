"""Write docs/performance.md from the results of the benchmarks of losses, precision, memory and conversion.

python benchmarks/performance_page.py
"""

import json
from pathlib import Path
from typing import Any

from nnunet_losses.nnunet.preparation.threads import KEEP_MEMORY

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
HEAD = """# Performance

A loss that is a formula of region sums, or of the probability of the truth at each voxel, reads logits and labels once
forward and once backward, block by block. Region sums need no memory beyond that of the gradient: float32 probabilities
are stored in it until the backward pass, half-precision ones are recomputed, and there is no one-hot reference.
What a loss computes from the probability of each voxel (focal, for example) comes on top; the tables show how much. The
two terms of a compound loss (Dice + cross-entropy, Dice + focal, ...) share one pass and one gradient.

On a GPU a batch is one block as long as it needs at most 128 MB, and with its defaults no loss reads anything back to
the host: nnU-Net goes on queueing operations while the GPU works. Distances come from an operation that torch.compile
fuses at its first use, within seconds; where it fails, a warning says so, and they take about four times as long.

This page is written by `python benchmarks/performance_page.py` from the JSON files in `benchmarks/results`.
"""


def read(name: str) -> dict[str, Any] | None:
    """Results of a benchmark, or None where it has not been run."""
    file = HERE / "results" / name
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None, digits: int = 2) -> str:
    """A number, or nothing."""
    return "" if value is None else f"{value:.{digits}f}"


def ratio(typical: float | None, fastest: float | None) -> str:
    """The ratio of the medians and that of the fastest rounds, or nothing."""
    return "" if typical is None else f"{typical:.2f} ({fastest:.2f})"


def cpu_section(result: dict[str, Any] | None) -> str:
    """Time and memory on the CPU."""
    if result is None:
        return "## CPU\n\nNot measured.\n"
    hardware = result["hardware"]
    text = (
        f"## CPU\n\nForward and backward, batch 2, float32, one thread of {hardware['cpu']} "
        f"({hardware['cores']} cores, load {hardware['load']:.1f} at the start); the median of {result['rounds']} "
        "rounds through all candidates, in random order, with the ratio of the fastest rounds in brackets. *nnU-Net* "
        "is its memory-efficient Dice loss alone, *same loss* that of MONAI, torch or nnU-Net if there is one; below "
        "1 ours is faster. Memory is the extra peak relative to the gradient, which is always needed.\n"
    )
    for problem in dict.fromkeys(row["problem"] for row in result["losses"]):
        rows = [
            [
                row["loss"],
                number(row["ms"], 1),
                ratio(row["ratio_nnunet_dice"], row["ratio_nnunet_dice_fastest"]),
                ratio(row["ratio_other"], row["ratio_other_fastest"]),
                number(row["extra_peak_mb"] / row["gradient_mb"]),
            ]
            for row in result["losses"]
            if row["problem"] == problem
        ]
        text += f"\n### {problem}\n\n"
        text += table(["Loss", "ms", "time / nnU-Net", "time / same loss", "memory / gradient"], rows) + "\n"
    weighting = result["inverse_weighting"]
    text += (
        f"\nInverse weights of {weighting['lesions']} lesions in a 128³ patch: {weighting['total_ms']:.1f} ms, "
        "components included.\n"
    )
    return text


def gpu_section(losses: dict[str, Any] | None, steps: dict[str, Any] | None, check: dict[str, Any] | None) -> str:
    """Values, time and memory on a GPU."""
    text = "## GPU\n\n"
    for result, name in ((check, "gpu_check"), (losses, "losses_gpu"), (steps, "training_step_gpu")):
        if result is None:
            text += f"Not measured: `python benchmarks/{name}.py`.\n\n"
    text += "" if check is None else values_on_gpu(check)
    text += "" if losses is None else kernels(losses)
    return text + ("" if steps is None else training_steps(steps))


def machine(result: dict[str, Any]) -> str:
    """Hardware and versions in words."""
    hardware, found = result["hardware"], result["versions"]
    return f"{hardware['device']}, driver {hardware['driver']}, PyTorch {found['torch']} with CUDA {hardware['cuda']}"


def values_on_gpu(result: dict[str, Any]) -> str:
    """The largest errors against the CPU."""
    rows = []
    for name, (value, gradient) in result["tolerances"].items():
        of_type = [row for row in result["losses"] if row["type"] == name]
        largest = [max(of_type, key=lambda row, what=what: row[what]) for what in ("value", "gradient")]
        shown = [f"{row[what]:.0e} ({row['loss']})" for row, what in zip(largest, ("value", "gradient"), strict=True)]
        rows.append(
            [name, str(sum(row["cells"] for row in of_type)), shown[0], f"{value:g}", shown[1], f"{gradient:g}"]
        )
    head = ["Logits", "cases", "largest error of the value", "allowed", "largest error of the gradient", "allowed"]
    return (
        f"### Values\n\n{machine(result)}: {result['what']}. {len(result['failures'])} of the cases are outside. "
        f"Inverse weights differ by {result['inverse_weights']:g}.\n\n{table(head, rows)}\n\n"
    )


def kernels(result: dict[str, Any]) -> str:
    """Time and memory of each loss by itself."""
    types = list(dict.fromkeys(row["logits"] for row in result["losses"]))
    size, channels = result["losses"][0]["size"], result["losses"][0]["channels"]
    by_name = {(row["loss"], row["logits"]): row for row in result["losses"] if row["channels"] == channels}
    same = {row["same_as"]: row["loss"] for row in result["losses"] if row["same_as"]}
    floors = " and ".join(f"{by_name['nnU-Net Dice, again', name]['floor_ms']:.2f} ms for {name}" for name in types)
    names = [row["loss"] for row in by_name.values() if row["logits"] == types[0] and "floor_ms" in row]
    ours = [name for name in names if not name.startswith(("nnU-Net", "MONAI"))]

    def ratio_to(row: dict[str, Any], other: str | None) -> str:
        rival = by_name.get((other, row["logits"]), {}) if other else {}
        return number(row["ms"] / rival["ms"]) if "ms" in row and "ms" in rival else ""

    rows = []
    for name in ours:
        line = [name]
        for kind in types:
            row = by_name[name, kind]
            line += [number(row.get("ms")), ratio_to(row, "nnU-Net Dice, again"), ratio_to(row, same.get(name))]
        rows.append([*line, number(by_name[name, types[-1]].get("extra_peak_mb"), 0)])
    head = ["Loss", *(f"{kind}, {what}" for kind in types for what in ("ms", "/ nnU-Net Dice", "/ MONAI's same loss"))]
    text = (
        f"### Losses by themselves\n\n{machine(result)}: forward and backward, batch 2, {channels} classes, patches of "
        f"{size}³, not compiled, the median of the calls. To read logits and labels twice and to write the gradient "
        f"once would take {floors}, at the measured {result['copy_gb_per_s']:,.0f} GB/s: on such a GPU the host, which "
        "starts one operation after the other, is the limit of all losses but those with distances. In a training it "
        "starts them while the GPU is busy with the network; see the next table. Memory is the extra peak.\n\n"
    )
    return text + table([*head, f"memory, {types[-1]}, MB"], rows) + "\n\n"


def training_steps(result: dict[str, Any]) -> str:
    """Time of nnU-Net's training step with each loss."""
    steps, alone = result["trainers"], result["losses"]
    default, spread = steps["nnUNetTrainer"], result["default_steps"]
    names = sorted({name.removesuffix("_iw") for name in steps} - {"nnUNetTrainer"}, key=lambda n: steps[n]["ratio"])
    rows = []
    for name in names:
        weighted = steps.get(f"{name}_iw", {})
        part = alone[name]
        ratios = [number(steps[name]["ratio"]), number(weighted.get("ratio"))]
        of_part = [
            number(part["ms"], 1),
            number(part["device_ms"], 1),
            str(part["kernels"]),
            str(part["copies_to_host"]),
        ]
        rows.append([name, number(1e3 * steps[name]["seconds"], 1), *ratios, *of_part])
    patch = "×".join(map(str, result["patch"]))
    text = (
        f"### Training steps\n\n{machine(result)}: nnU-Net's 3d_fullres network for patches of {patch}, batch "
        f"{result['batch']}, compiled, mixed precision, deep supervision; {result['steps']} steps with each loss after "
        f"one that is not counted, in {result['rounds']} round{'s' if result['rounds'] > 1 else ''}, with the same "
        f"batches for all. nnU-Net's own trainer takes {1e3 * default['seconds']:.1f} ms; six measurements between the "
        f"others spread from {1e3 * min(spread):.1f} to {1e3 * max(spread):.1f} ms, and a ratio of single measurements "
        "below some 1.1 is noise. The columns on the right are of the loss alone at all levels of deep supervision "
        "(without weighting): its time if nothing else runs, that of its kernels, how many there are, and how often it "
        "has to wait for the GPU. Where a ratio is larger, the host needs longer to start the loss's kernels than the "
        "network's forward pass lasts; on a slower GPU, or with a larger network, less of it is left. A loss of "
        "distances keeps the GPU itself busy.\n\n"
    )
    head = ["Trainer", "ms", "/ nnU-Net's", "with _iw", "loss alone, ms", "kernels, ms", "kernels", "waits"]
    text += table(head, rows) + "\n"
    if result["failed"]:
        text += f"\nNot measured: {', '.join(sorted(result['failed']))}.\n"
    return text


def conversion_section(result: dict[str, Any] | None) -> str:
    """Speed and memory of converting published volumes."""
    if result is None:
        return "## Conversion of data sets\n\nNot measured: `python benchmarks/conversion.py`.\n"
    shape = " x ".join(map(str, result["shape"]))
    busy = result["load_at_start"] > result["cores"] / 2
    text = (
        f"## Conversion of data sets\n\n{result['volumes']} volumes of {shape} int16 with their label maps, in "
        f"{result['processes']} processes, beside reading and writing the same files with nibabel at the same "
        "compression; above 1 ours is faster. The start of the processes is included. Memory is the peak of one "
        f"process in volumes, imported modules included. Load at the start: {result['load_at_start']:.1f} on "
        f"{result['cores']} cores{'; under such a load the clock says little' if busy else ''}.\n\n"
    )
    names = {"lits": "LiTS: two flips", "kits19": "KiTS19: axes change places"}
    rows = [
        [
            names[layout],
            number(row["speed_by_cpu"]),
            number(row["speed_by_clock"]),
            number(row["volumes_of_memory"], 1),
        ]
        for layout, row in result["layouts"].items()
    ]
    head = ["Layout", "speed / nibabel (CPU time)", "speed / nibabel (clock)", "memory, volumes"]
    return text + table(head, rows) + "\n"


def bfloat16_section(result: dict[str, Any] | None) -> str:
    """What the piece `bfloat16` saves on a CPU."""
    text = "## bfloat16 on a CPU\n\n"
    if result is None:
        return text + "Not measured.\n"
    held, result = result.get("AVX2", {"rows": [], "rounds": 0}), result["all"]
    hardware = result["hardware"]
    text += (
        "nnU-Net computes in float32 on a CPU. With `TverskyTrainer_bfloat16` the network computes in bfloat16: one "
        f"thread of {hardware['cpu']} ({hardware['cores']} cores, load {hardware['load']:.1f} at the start), which has "
        f"{' and '.join(hardware['instructions']) or 'no instructions for it'}; CPU time, the median of "
        f"{result['rounds']} rounds. A window is one forward pass of a prediction, of which nnU-Net makes four (2D) or "
        "eight (3D) at each place. For a single small 3D window in float32, PyTorch "
        f"{result['torch']} does not use oneDNN; for two at once it does. The last column is the ratio with oneDNN "
        f"held to AVX2 ({held['rounds']} rounds), as on a processor that has to emulate bfloat16.\n\n"
    )
    emulated = {(row["dataset"], row["what"]): row["ratio"] for row in held["rows"]}
    rows = [
        [
            f"{row['dataset']}, {row['configuration']}: {row['what']}",
            number(row["ms"]["float32"], 1),
            number(row["ms"]["bfloat16"], 1),
            number(row["ratio"]),
            number(emulated.get((row["dataset"], row["what"])), 1),
        ]
        for row in result["rows"]
    ]
    return text + table(["network", "float32, ms", "bfloat16, ms", "ratio", "emulated"], rows) + "\n"


def memory_section(result: dict[str, Any] | None) -> str:
    """What keeping freed memory saves on a CPU."""
    text = "## Kept memory on a CPU\n\n"
    if result is None:
        return text + "Not measured.\n"
    hardware = result["hardware"]
    text += (
        "glibc returns the memory of large freed tensors to the system, which has to clear and map each page again in "
        "the next step. A study that trains on a CPU keeps up to 1 GiB of it for each training; a training of your own "
        f"does so after `export {' '.join(f'{name}={value}' for name, value in KEEP_MEMORY.items())}`. Tensors of more "
        "than 32 MiB, as those of nnU-Net's own 3D networks, are returned as before; nothing was measured with those. "
        "A training step of the Dice and cross-entropy loss, one thread of "
        f"{hardware['cpu']} ({hardware['cores']} cores, {result['libc']}, PyTorch {result['torch']}); CPU time, the "
        f"median of {result['rounds']} processes for each setting, in turn, of {result['steps']} steps.\n\n"
    )
    rows = []
    for row in result["rows"]:
        default, kept = row["candidates"]["defaults"], row["candidates"]["kept"]
        rows.append(
            [
                f"{row['dataset']}, {row['configuration']}, {row['precision']}",
                number(default["ms"], 1),
                number(kept["ms"], 1),
                number(kept["ms"] / default["ms"]),
                f"{default['faults']:,.0f}",
                f"{kept['faults']:,.0f}",
                number(kept["peak_mb"] / default["peak_mb"]),
            ]
        )
    head = ["network", "default, ms", "kept, ms", "ratio", "page faults, default", "kept", "peak memory, ratio"]
    return text + table(head, rows) + "\n"


def main() -> None:
    """Write the page."""
    sections = (
        HEAD,
        cpu_section(read("losses_cpu.json")),
        bfloat16_section(read("bfloat16_cpu.json")),
        memory_section(read("allocator_cpu.json")),
        gpu_section(read("losses_gpu.json"), read("training_step_gpu.json"), read("gpu_check.json")),
        conversion_section(read("conversion.json")),
    )
    PAGE.write_text("\n".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
