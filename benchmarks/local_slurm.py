"""A real Slurm on this machine, for trials: its own controller, nodes and keys in one folder, no root, nothing in /etc.

It needs the binaries of Debian's packages slurm-wlm and munge. Each node pretends to have one GPU.

As a script it starts Slurm, prints what to add to PATH, and ends with Ctrl-C: python benchmarks/local_slurm.py FOLDER
"""

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

BINARIES = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
STARTS_IN_S = 30
_DAEMONS = ("/usr/sbin", "/usr/local/sbin")
_CLIENTS = ("sbatch", "srun", "squeue", "sinfo", "scancel", "scontrol", "sacct", "sacctmgr", "sshare")
_CONFIG = """\
ClusterName=trial
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=5,sched_min_interval=100000
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
KillWait=2
OverTimeLimit=0
SlurmdParameters=config_overrides
GresTypes=gpu
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class NoSlurmError(Exception):
    """Slurm cannot be started here; the message says why."""


@dataclass(frozen=True)
class LocalSlurm:
    """A running Slurm.

    folder: of its configuration, logs and keys.
    nodes: their names.
    """

    folder: Path
    nodes: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to find it."""
        return {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"], *_DAEMONS]),
        }

    def call(self, *command: str) -> str:
        """Run a command of Slurm and give its output."""
        done = subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def jobs(self, *states: str) -> list[dict[str, str]]:
        """Jobs in these states (or all that Slurm remembers), oldest first: id, state, comment, submit, start, end."""
        columns = ("id", "state", "comment", "node", "submit", "start", "end")
        lines = self.call(
            "squeue", "-h", "-S", "i", "-t", ",".join(states) or "all", "-o", "%A|%T|%k|%N|%V|%S|%e"
        ).splitlines()
        return [dict(zip(columns, line.split("|"), strict=True)) for line in lines]


@contextmanager
def local_slurm(folder: Path, *, nodes: int = 2, cpus: int = 16) -> Iterator[LocalSlurm]:
    """Start a Slurm in an empty folder, and stop it at the end together with all its jobs.

    Args:
        folder: for all that it writes; a short path, as it holds sockets.
        nodes: how many it pretends to have, all on this machine.
        cpus: that each pretends to have, with 4 GB of memory for each.

    Raises:
        NoSlurmError: programs are missing, or do not start.
    """
    search = os.pathsep.join([os.environ["PATH"], *_DAEMONS])
    if missing := [name for name in BINARIES if shutil.which(name, path=search) is None]:
        raise NoSlurmError(f"{', '.join(missing)} not found; install Debian's packages slurm-wlm and munge")
    names = tuple(f"node{number}" for number in range(nodes))
    ports = _free_ports(1 + nodes)
    lines = [
        f"NodeName={name} NodeHostname={socket.gethostname().split('.')[0]} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} "
        f"RealMemory={4000 * cpus} Gres=gpu:1 State=UNKNOWN"
        for name, port in zip(names, ports[1:], strict=True)
    ]
    (folder / "state").mkdir(parents=True)
    for name in names:
        (folder / "spool" / name).mkdir(parents=True)
    config = _CONFIG.format(
        host=socket.gethostname().split(".")[0],
        controller=ports[0],
        user=getpass.getuser(),
        folder=folder,
        nodes="\n".join(lines),
    )
    (folder / "slurm.conf").write_text(config)
    (folder / "gres.conf").write_text("".join(f"NodeName={name} Name=gpu File=/dev/null\n" for name in names))
    (folder / "bin").mkdir()
    for name in _CLIENTS:  # Snakemake's plugin takes all variables SLURM_* from its jobs, SLURM_CONF as well
        if (program := shutil.which(name)) is not None:
            client = folder / "bin" / name
            client.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {program} "$@"\n')
            client.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    slurm = LocalSlurm(folder, names)
    environment = {**os.environ, **slurm.environment}
    with ExitStack() as running:

        def start(name: str, *command: str) -> None:
            log = running.enter_context((folder / f"{name}.out").open("wb"))
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
            running.callback(_stop, process)

        files = {"key": key, "pid": folder / "munged.pid", "log": folder / "munged.log", "seed": folder / "munged.seed"}
        named = [f"--{name}-file={file}" for name, file in files.items()]
        start("munged", "munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *named)
        _wait_for((folder / "munge.socket").exists, folder)
        start("slurmctld", "slurmctld", "-D")
        for name in names:
            start(name, "slurmd", "-D", "-N", name)
        _wait_for(lambda: _idle(slurm) == nodes, folder)
        try:
            yield slurm
        finally:
            with suppress(RuntimeError):
                slurm.call("scancel", "-u", getpass.getuser())
                _wait_for(lambda: not slurm.jobs("running", "completing"), folder)


def _idle(slurm: LocalSlurm) -> int:
    try:
        return slurm.call("sinfo", "-h", "-N", "-o", "%T").split().count("idle")
    except RuntimeError:
        return 0


def _wait_for(condition: object, folder: Path) -> None:
    deadline = time.monotonic() + STARTS_IN_S
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            logs = [path.read_text(errors="replace")[-1000:] for path in sorted(folder.glob("*.log"))]
            raise NoSlurmError("it does not start:\n" + "\n".join(logs))
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_ports(number: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="slurm"))
    with local_slurm(place.absolute()) as started:
        print(f"export PATH={started.folder}/bin:$PATH", flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()
