"""What the piece `bfloat16` saves on this CPU: a training step and a window of a prediction, with and without it.

    python benchmarks/bfloat16_cpu.py Dataset032_PaintedMS/3d_small Dataset801_HEIMEDExudates/2d_small

writes benchmarks/results/bfloat16_cpu.json. The data sets are preprocessed already, such as by the studies
`which-loss-*` (nnUNet_raw, nnUNet_preprocessed and nnUNet_results say where). One thread; CPU time of the process, the
median of rounds through all candidates; images are noise, on which the time does not depend. ONEDNN_MAX_CPU_ISA=AVX2
before the command shows a processor without instructions for bfloat16; its rows are kept beside the others.
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from losses_cpu import hardware

from nnunet_losses.base.files import read_record, write_json

RESULTS = Path(__file__).parent / "results" / "bfloat16_cpu.json"
TRAINERS = {"float32": "DiceCrossEntropyTrainer", "bfloat16": "DiceCrossEntropyTrainer_bfloat16"}
INSTRUCTIONS = ("avx512_bf16", "amx_bf16")


def steps_of(trainer: str, dataset: str, configuration: str) -> dict[str, Callable[[], Any]]:
    """A training step, and the logits of one window and of two at once, of a trainer."""
    from nnunetv2.run.run_training import get_trainer_from_args

    with contextlib.redirect_stdout(io.StringIO()):
        made = get_trainer_from_args(dataset, configuration, 0, trainer, "nnUNetPlans", device=torch.device("cpu"))
        made.initialize()
    shape = (made.batch_size, made.num_input_channels, *made.configuration_manager.patch_size)
    torch.manual_seed(0)
    images = torch.randn(shape)
    scales = made._get_deep_supervision_scales() or [[1] * (len(shape) - 2)]
    sizes = [[round(side * share) for side, share in zip(shape[2:], scale, strict=True)] for scale in scales]
    targets = [(torch.rand(shape[0], 1, *size) < 0.05).float() for size in sizes]
    batch = {"data": images, "target": targets if made.enable_deep_supervision else targets[0]}

    def predict(windows: int) -> None:
        made.network.eval()
        with torch.inference_mode():
            made.network(images[:windows])
        made.network.train()

    return {
        "training step": lambda: made.train_step(batch),
        "window": partial(predict, 1),
        "2 windows": partial(predict, 2),
    }


def measure(dataset: str, configuration: str, rounds: int) -> list[dict[str, Any]]:
    """A row for each of them."""
    candidates = {precision: steps_of(trainer, dataset, configuration) for precision, trainer in TRAINERS.items()}
    rows = []
    for kind in next(iter(candidates.values())):
        times: dict[str, list[float]] = {precision: [] for precision in candidates}
        for number in range(rounds + 2):
            for precision, steps in candidates.items():
                began = time.process_time()
                steps[kind]()
                if number >= 2:  # the first ones prepare kernels
                    times[precision].append(1000 * (time.process_time() - began))
        ms = {precision: round(statistics.median(found), 1) for precision, found in times.items()}
        ratio = round(ms["bfloat16"] / ms["float32"], 2)
        rows.append({"dataset": dataset, "configuration": configuration, "what": kind, "ms": ms, "ratio": ratio})
    return rows


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configurations", nargs="+", help="data set/configuration")
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    torch.set_num_threads(1)
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    content = {
        "hardware": hardware() | {"instructions": [name for name in INSTRUCTIONS if f" {name} " in cpuinfo]},
        "torch": version("torch"),
        "rounds": given.rounds,
        "rows": [row for one in given.configurations for row in measure(*one.split("/"), given.rounds)],
    }
    held_to = os.environ.get("ONEDNN_MAX_CPU_ISA", "all")
    write_json(RESULTS, read_record(RESULTS) | {held_to: content})
    print(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
