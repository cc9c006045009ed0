"""A workflow of two seconds, run by the command that a person types."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SNAKEFILE = """
rule all:
    input: "out/1", "out/2"

rule make:
    output: "out/{n}"
    log: "logs/make/{n}.log"
    shell: "( echo about to make {wildcards.n}; sh make{wildcards.n}.sh; touch {output} ) > {log} 2>&1"
"""
COMMAND = [sys.executable, "-c", "from nnunet_losses.cli import app; app()", "run"]


LIMIT_S = 250
"""Given to a command; on an idle core none needs a fiftieth of it."""


@dataclass(frozen=True)
class Place:
    """A folder with a workflow, whose two jobs are shell scripts."""

    folder: Path

    def start(self, *arguments: str, first: str = "true", second: str = "true") -> subprocess.Popen[str]:
        """Start it, the jobs being these scripts."""
        for n, script in enumerate((first, second), start=1):
            (self.folder / f"make{n}.sh").write_text(script)
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=os.environ | {"COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, first: str = "true", second: str = "true") -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        process = self.start(*arguments, first=first, second=second)
        out, err = process.communicate(timeout=LIMIT_S)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder with the small workflow and a study that is only a name."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("study: small\n")
    return Place(tmp_path)
