import pytest

from nnunet_losses.nnunet.preparation.threads import parallel_environment


@pytest.mark.parametrize(
    ("device", "threads", "expected"),
    [
        ("cpu", 2, "nnUNet_n_proc_DA=0 nnUNet_def_n_proc=1 OMP_NUM_THREADS=2"),
        ("cuda", 12, "nnUNet_n_proc_DA=11 nnUNet_def_n_proc=3 OMP_NUM_THREADS=1"),
        ("cuda", 1, "nnUNet_n_proc_DA=1 nnUNet_def_n_proc=1 OMP_NUM_THREADS=1"),
    ],
)
def test_a_training_never_gets_more_workers_than_threads(device: str, threads: int, expected: str) -> None:
    assert parallel_environment(device, threads) == expected
