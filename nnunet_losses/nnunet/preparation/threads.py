"""How many cores a training may use."""


def parallel_environment(device: str, threads: int) -> str:
    """Shell assignments that keep nnU-Net within ``threads`` cores.

    On a CPU the network is most of the work, so it gets the threads, and augmentation and export run in its process. On
    a GPU the worker processes are most of the work, so each gets a thread.
    """
    if device == "cpu":
        values = {"nnUNet_n_proc_DA": 0, "nnUNet_def_n_proc": 1, "OMP_NUM_THREADS": threads}
    else:
        values = {
            "nnUNet_n_proc_DA": max(1, threads - 1),
            "nnUNet_def_n_proc": max(1, threads // 4),
            "OMP_NUM_THREADS": 1,
        }
    return " ".join(f"{name}={value}" for name, value in values.items())
