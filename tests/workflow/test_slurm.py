"""A study of stubs on a real Slurm, through the profile as it is, and whatever ends a job too early."""

import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from nnunet_losses.study.resources import read_sizes, training_mb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EPOCHS = 8
PROFILE = ["--workflow-profile", "profiles/slurm"]
NAMES = {
    "limit": "DiceTrainer fold_0",
    "scancel": "DiceTrainer fold_1",
    "step": "TverskyTrainer fold_0",
    "node": "TverskyTrainer fold_1",
}
"""Which training is disturbed how."""


@pytest.fixture(scope="module")
def slurm(benchmark_script: Callable[[str], ModuleType]) -> Iterator[Any]:
    """A Slurm of four nodes with a GPU each; where it cannot start, its tests are skipped with the reason."""
    module = benchmark_script("local_slurm")
    folder = Path(tempfile.mkdtemp(prefix="slurm"))  # sockets need a short path
    try:
        with module.local_slurm(folder, nodes=4) as started:
            yield started
    except module.NoSlurmError as error:
        pytest.skip(f"Slurm does not start here: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def study(slurm: Any, tmp_path: Path, benchmark_script: Callable[[str], ModuleType]) -> Iterator[Any]:
    """Two losses on two folds, with GPUs; nothing of it outlives the test."""
    environment = slurm.environment | {"STUB_EPOCHS": str(EPOCHS), "STUB_EPOCH_S": "0.1"}
    yield benchmark_script("stub_study").make_stub_study(tmp_path / "study", {}, environment)
    for process in psutil.process_iter(["cmdline"]):  # what a job step started is no child of anybody here
        if any(str(tmp_path) in part for part in process.info["cmdline"] or ()):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def fold(study: Any, name: str) -> Path:
    trainer, place = NAMES[name].split()
    return study.folder / "work/nnUNet_results/Dataset900_Stub" / f"{trainer}__nnUNetPlans__3d_fullres" / place


def log_of(study: Any, name: str) -> list[str]:
    try:
        return (fold(study, name) / "log").read_text().splitlines()
    except FileNotFoundError:
        return []


def job_of(study: Any, name: str) -> str:
    """The Slurm job of a training's last start."""
    return [line for line in log_of(study, name) if line.startswith("start")][-1].split()[2]


def wait_until(condition: Callable[[], Any], process: subprocess.Popen[bytes], log: Path, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-6000:]
        time.sleep(0.2)


def sizes_in(study: Any) -> tuple[Path, Path]:
    """The files that tell how large the data and the network are."""
    results = study.folder / "results"
    return (
        results / "datasets/Dataset900_Stub/summary.json",
        results / "preprocessed/Dataset900_Stub/nnUNetPlans/3d_fullres.json",
    )


def noticed(log: Path) -> int:
    """Of how many trainings Snakemake said that they had finished."""
    return len(re.findall(r"^Finished jobid: \d+ \(Rule: train\)", log.read_text(), re.MULTILINE))


def weights(epochs: int) -> str:
    """What a training that nobody disturbs ends with."""
    value = "0"
    for epoch in range(epochs):
        done = subprocess.run(["cksum"], input=f"{value} {epoch}\n", capture_output=True, text=True, check=True)
        value = done.stdout.split()[0]
    return value


def end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()


def test_whatever_ends_a_job_the_same_command_finishes_with_the_same_results(slurm: Any, study: Any) -> None:
    for name, hangs in (("limit", 2), ("scancel", 1), ("step", 1), ("node", 2)):
        fold(study, name).mkdir(parents=True)
        (fold(study, name) / "hang").write_text(f"{hangs}\n")
    log = study.folder / "snakemake.log"
    assert study.start("--cores", "2", "data", log=log).wait(timeout=300) == 0, log.read_text()[-6000:]
    process = study.start(*PROFILE, log=log)
    try:
        wait_until(lambda: all("hangs" in log_of(study, name) for name in NAMES), process, log)
        # each job has the GPU that the profile asks for, on another node
        running = {job["id"]: job["node"] for job in slurm.jobs("running")}
        assert set(running.values()) == set(slurm.nodes)
        # and the memory that follows from its data
        asked = slurm.call("squeue", "-h", "-j", ",".join(running), "-o", "%m").split()
        assert asked == [f"{training_mb(read_sizes(*sizes_in(study)), 'cuda', 12)}M"] * 4
        slurm.call("scontrol", "update", f"JobId={job_of(study, 'limit')}", "EndTime=now+1")
        slurm.call("scancel", job_of(study, "scancel"))
        (fold(study, "step") / "wrong").write_text("nnunet-losses: The loss became nan in epoch 2.\n")
        slurm.call("scancel", "--signal=KILL", f"{job_of(study, 'step')}.0")
        lost = running[job_of(study, "node")]
        slurm.call("scontrol", "update", f"NodeName={lost}", "State=DOWN", "Reason=trial")
        with suppress(RuntimeError):  # its daemon may have registered it again already, and it is up
            slurm.call("scontrol", "update", f"NodeName={lost}", "State=RESUME")
        wait_until(lambda: log_of(study, "limit").count("hangs") == 2, process, log)
        wait_until(lambda: log_of(study, "node").count("hangs") == 2, process, log)
        drained = {job["id"]: job["node"] for job in slurm.jobs("running")}[job_of(study, "node")]
        slurm.call("scontrol", "update", f"NodeName={drained}", "State=DRAIN", "Reason=trial")
        slurm.call("scontrol", "update", f"JobId={job_of(study, 'limit')}", "EndTime=now+1")
        # what would fail again in the same way is not submitted again
        wait_until(lambda: noticed(log) == 2 and "is not tried again" in log.read_text(), process, log)
        assert log_of(study, "step").count("wrong") == 1
        (fold(study, "step") / "wrong").unlink()
        left = job_of(study, "node")
        end(process)  # Snakemake is killed; the training on the drained node still hangs
        assert left in [job["id"] for job in slurm.jobs("running")]
        process = study.start(*PROFILE, log=log)
        assert process.wait(timeout=300) == 0, log.read_text()[-6000:]
    finally:
        end(process)
    assert (study.folder / "reports/stub/manifest.json").is_file()
    assert "Cancelled 1 job of an earlier Snakemake, which was killed" in log.read_text()
    assert "fail in the same way: The loss became nan in epoch 2." in log.read_text()
    for name, starts in (("limit", ["0", "2", "4"]), ("scancel", ["0", "2"]), ("step", ["0", "2"])):
        lines = log_of(study, name)
        assert [line.split()[1] for line in lines if line.startswith("start")] == starts, name
        trained = [int(line.split()[1]) for line in lines if line.startswith("epoch")]
        # nothing is trained again but what came after the last checkpoint
        assert sorted(trained) == sorted([*range(EPOCHS), *(int(start) for start in starts[1:])]), name
    for name in NAMES:
        trainer, place = NAMES[name].split()
        model = study.folder / f"results/models/Dataset900_Stub/nnUNetPlans__3d_fullres/{trainer}/{place}"
        assert (model / "checkpoint_final.pth").read_text().strip() == weights(EPOCHS), name
