"""How many cores a training may use, and how it treats memory."""

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": 32 * 2**20, "MALLOC_TRIM_THRESHOLD_": 2**30}
"""Settings of glibc by which a process keeps the memory of freed tensors for those of the next step.

Tensors of up to 32 MiB come from the heap, of which up to 1 GiB is kept free at its end. By default it goes back to the
system, which clears and maps each page again. Many versions of glibc refuse a threshold above
32 MiB (malloc.c, HEAP_MAX_SIZE / 2); other C libraries ignore both. docs/performance.md says what they save.
"""


def parallel_environment(device: str, threads: int) -> str:
    """Shell assignments that keep nnU-Net within ``threads`` cores.

    On a CPU the network is most of the work, so it gets the threads, and augmentation and export run in its process. On
    a GPU the worker processes are most of the work, so each gets a thread.
    """
    if device == "cpu":
        values = {"nnUNet_n_proc_DA": 0, "nnUNet_def_n_proc": 1, "OMP_NUM_THREADS": threads} | KEEP_MEMORY
    else:
        values = {
            "nnUNet_n_proc_DA": max(1, threads - 1),
            "nnUNet_def_n_proc": max(1, threads // 4),
            "OMP_NUM_THREADS": 1,
        }
    return " ".join(f"{name}={value}" for name, value in values.items())
