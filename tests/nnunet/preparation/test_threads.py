import os
import platform
import subprocess
import sys

import pytest

from nnunet_losses.nnunet.preparation.threads import KEEP_MEMORY, parallel_environment


@pytest.mark.parametrize(
    ("device", "threads", "expected"),
    [
        (
            "cpu",
            2,
            "nnUNet_n_proc_DA=0 nnUNet_def_n_proc=1 OMP_NUM_THREADS=2"
            " MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=1073741824",
        ),
        ("cuda", 12, "nnUNet_n_proc_DA=11 nnUNet_def_n_proc=3 OMP_NUM_THREADS=1"),
        ("cuda", 1, "nnUNet_n_proc_DA=1 nnUNet_def_n_proc=1 OMP_NUM_THREADS=1"),
    ],
)
def test_a_training_never_gets_more_workers_than_threads(device: str, threads: int, expected: str) -> None:
    assert parallel_environment(device, threads) == expected


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="settings of glibc")
def test_on_a_cpu_freed_memory_is_kept_for_the_next_step() -> None:
    script = """
import resource, numpy
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
step = lambda: len([numpy.ones(2**18) for _ in range(100)])
for _ in range(5):
    step()
before = faults()
for _ in range(3):
    step()
print(faults() - before)
"""
    kept = os.environ | {name: str(value) for name, value in KEEP_MEMORY.items()} | {"OMP_NUM_THREADS": "1"}
    ran = subprocess.run([sys.executable, "-c", script], env=kept, check=True, stdout=subprocess.PIPE)
    assert int(ran.stdout) < 0.01 * 3 * 100 * 2**21 / os.sysconf("SC_PAGE_SIZE")
