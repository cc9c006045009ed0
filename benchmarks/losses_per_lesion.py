"""Cost of the losses per lesion, relative to nnU-Net's default loss, by one pass and by one evaluation a lesion.

    python benchmarks/losses_per_lesion.py                # writes benchmarks/results/losses_per_lesion.json

Forward and backward of one sample, two classes at 64³ with cubic lesions, component numbers given as in a training, one
thread. Rounds go through all candidates in turn, so that whatever else the machine does falls on all of them; times are
CPU time of the process, the fastest round.
"""

import json
import time
from pathlib import Path

import torch

from nnunet_losses.base.files import write_atomically
from nnunet_losses.losses import CATALOGUE, DiceCrossEntropyLoss, Loss, label_components
from nnunet_losses.nnunet.training.job import hardware

SIDE, ROUNDS = 64, 2
RESULT = Path(__file__).parent / "results" / "losses_per_lesion.json"


def lesions(count: int) -> torch.Tensor:
    """Labels (1, 1, *S) with so many cubes of 3³ on a grid."""
    labels = torch.zeros(1, 1, SIDE, SIDE, SIDE, dtype=torch.int16)
    for n in range(count):
        z, y, x = (6 + 12 * k for k in (n % 5, n // 5 % 5, n // 25))
        labels[..., z : z + 3, y : y + 3, x : x + 3] = 1
    return labels


def seconds(loss: Loss, logits: torch.Tensor, labels: torch.Tensor, ids: torch.Tensor) -> float:
    """CPU time of one step."""
    leaf = logits.clone().requires_grad_()
    start = time.process_time()
    loss(leaf, labels, instances=ids).backward()
    return time.process_time() - start


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    logits = torch.randn(1, 2, SIDE, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    results = {}
    for count in (5, 25):
        labels = lesions(count)
        ids = torch.from_numpy(label_components(labels[0, 0].numpy()))[None, None]
        times: dict[str, float] = {}
        for _ in range(ROUNDS):
            for name in ("DiceCrossEntropy", "Blob", "ConnectedComponent"):
                for one_pass in (True, False):
                    DiceCrossEntropyLoss.of_sums = one_pass
                    key = name if one_pass else f"{name}, an evaluation a lesion"
                    if name != "DiceCrossEntropy" or one_pass:
                        spent = seconds(CATALOGUE[name](), logits, labels, ids)
                        times[key] = min(times.get(key, spent), spent)
        unit = times["DiceCrossEntropy"]
        results[f"{count} lesions"] = {key: round(value / unit, 2) for key, value in times.items()} | {
            "seconds of DiceCrossEntropy": round(unit, 4)
        }
    print(json.dumps(results, indent=2))
    text = json.dumps({"machine": hardware(torch.device("cpu")), "torch": torch.__version__} | results)
    with write_atomically(RESULT) as temporary:
        Path(temporary).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
