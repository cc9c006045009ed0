"""Write docs/performance.md from the results of losses_cpu.py, losses_gpu.py and conversion.py.

python benchmarks/performance_page.py
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
HEAD = """# Performance

A loss that is a formula of region sums, or of the probability of the truth at each voxel, reads logits and labels once
forward and once backward, block by block. Region sums need no memory beyond that of the gradient: float32 probabilities
are stored in it until the backward pass, half-precision ones are recomputed, and there is no one-hot reference.
What a loss computes from the probability of each voxel (focal, for example) comes on top; the tables show how much. The
two terms of a compound loss (Dice + cross-entropy, Dice + focal, ...) share one pass and one gradient.

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


def gpu_section(result: dict[str, Any] | None) -> str:
    """Time and memory on a GPU."""
    if result is None:
        return "## GPU\n\nNot measured. On a machine with a GPU: `python benchmarks/losses_gpu.py`.\n"
    text = (
        f"## GPU\n\n{result['hardware']['device']}: {result['what']}. The floor is the time to read logits and "
        f"labels twice and to write the gradient once at the measured {result['copy_gb_per_s']:.0f} GB/s.\n\n"
    )
    rows = [
        [
            f"{row['loss']}, {row['mode']}",
            str(row["channels"]),
            number(row.get("ms"), 2),
            number(row["ms"] / row["floor_ms"], 1) if "ms" in row else "failed",
            number(row.get("extra_peak_mb"), 0),
        ]
        for row in result["losses"]
    ]
    text += table(["Loss", "classes", "ms", "time / floor", "extra memory, MB"], rows)
    text += "\n\n### Training steps\n\nA small plain U-Net in mixed precision on random data.\n\n"
    rows = [[row["trainer"], number(row.get("ms"), 1), number(row.get("ratio_nnunet"))] for row in result["training"]]
    return text + table(["Trainer", "ms", "time / nnU-Net's default"], rows) + "\n"


def conversion_section(result: dict[str, Any] | None) -> str:
    """Speed and memory of converting published volumes."""
    if result is None:
        return "## Conversion of data sets\n\nNot measured: `python benchmarks/conversion.py`.\n"
    shape = " x ".join(map(str, result["shape"]))
    text = (
        f"## Conversion of data sets\n\n{result['volumes']} volumes of {shape} int16 with their label maps, in "
        f"{result['processes']} processes, beside reading and writing the same files with nibabel at the same "
        "compression; above 1 ours is faster. The start of the processes is included. Memory is the peak of one "
        f"process in volumes, imported modules included. Load at the start: {result['load_at_start']:.1f} on "
        f"{result['cores']} cores; under such a load the clock says little.\n\n"
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


def main() -> None:
    """Write the page."""
    sections = (
        HEAD,
        cpu_section(read("losses_cpu.json")),
        gpu_section(read("losses_gpu.json")),
        conversion_section(read("conversion.json")),
    )
    PAGE.write_text("\n".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
