"""What B-spline soft voting costs beside nnU-Net's fusion: ``python benchmarks/fusion.py``.

Both predict the same image with the same network; without a network, the fusion alone is timed. Writes
``benchmarks/results/fusion.json``.
"""

import contextlib
import io
import json
import time
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

from nnunet_losses.nnunet.training.changes import bspline
from nnunet_losses.nnunet.training.fusion import FusionPredictor
from nnunet_losses.nnunet.training.job import hardware

RESULT = Path(__file__).parent / "results" / "fusion.json"
PATCH, IMAGE, REPEATS = [32, 32, 32], (1, 48, 64, 64), 5
KWARGS = {
    "n_stages": 4,
    "features_per_stage": [16, 32, 64, 128],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "kernel_sizes": [[3, 3, 3]] * 4,
    "strides": [[1, 1, 1], *[[2, 2, 2]] * 3],
    "n_conv_per_stage": [2] * 4,
    "n_conv_per_stage_decoder": [2] * 3,
    "conv_bias": True,
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}
ARCHITECTURE = {
    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": KWARGS,
    "_kw_requires_import": ["conv_op", "norm_op", "nonlin"],
}


def predictor(fused: bool, network: torch.nn.Module, device: torch.device) -> nnUNetPredictor:
    settings = {"device": device, "perform_everything_on_device": device.type == "cuda", "allow_tqdm": False}
    with contextlib.redirect_stdout(io.StringIO()):
        made = FusionPredictor(bspline.CHANGE.fusion, **settings) if fused else nnUNetPredictor(**settings)
    made.network = network
    made.configuration_manager = ConfigurationManager({"patch_size": PATCH, "architecture": ARCHITECTURE})
    made.label_manager = SimpleNamespace(num_segmentation_heads=2, has_regions=False)
    return made


def seconds(made: nnUNetPredictor, image: torch.Tensor) -> float:
    start = time.perf_counter()
    made.predict_sliding_window_return_logits(image)
    if made.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure() -> dict[str, object]:
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    unet = get_network_from_plans(
        ARCHITECTURE["network_class_name"], KWARGS, ARCHITECTURE["_kw_requires_import"], 1, 2, deep_supervision=False
    )
    networks = {"with the network": unet, "fusion alone": torch.nn.Conv3d(1, 2, 1)}
    image, result = torch.randn(IMAGE), {}
    for name, network in networks.items():
        both = [predictor(fused, network, device) for fused in (False, True)]
        times = [[seconds(one, image) for one in both] for _ in range(REPEATS + 1)][1:]
        stock, ours = (median(column) for column in zip(*times, strict=True))
        result[name] = {"nnunet_s": stock, "bspline_s": ours, "ratio": ours / stock}
    return {"image": IMAGE, "patch": PATCH, "hardware": hardware(device), "threads": torch.get_num_threads(), **result}


if __name__ == "__main__":
    RESULT.write_text(json.dumps(measure(), indent=1) + "\n")
    print(RESULT.read_text())
