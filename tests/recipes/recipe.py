"""Follow a recipe of the documentation to the letter, in a scratch copy of this checkout.

A recipe is one section of a Markdown page. Its fenced blocks are carried out in their order; the prose between them is
for people. What a block means is said by its language and its title, which the documentation shows above the block:

- ```` ```python title="FILE" ```` (any language but those below): FILE, which must not exist yet, with this text.
- ```` ```python title="FILE, at the end" ````: the text is added to the end of FILE, Python after two empty lines.
- ```` ```diff title="FILE" ````: lines with ``+`` are added and lines with ``-`` removed, beside the lines with a
  blank, which must stand in FILE exactly once.
- ```` ```bash ````: the commands are run one by one; each must succeed.

A block of another language without a title (an excerpt, the output of a command) is passed over.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
AT_THE_END = ", at the end"
LINES_OF_A_PAGE = 100
"""A recipe longer than this is no page any more."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a recipe."""

    language: str
    title: str
    text: str

    @property
    def file(self) -> str:
        """The file that the block writes or changes, relative to the repository."""
        return self.title.removesuffix(AT_THE_END)


class Scratch:
    """A copy of this checkout, as it is now, in which a recipe is followed.

    Attributes:
        root: the copy's folder.
        environment: variables that commands get beside those of this process.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
        for name in checkout_files():
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        (root / ".venv").symlink_to(sys.prefix)  # recipes say .venv/bin/python

    def follow(self, blocks: list[Block]) -> None:
        """Carry out every block of a recipe."""
        for block in blocks:
            if block.language == "bash":
                for command in block.text.strip().splitlines():
                    self.run(command)
            elif block.title:
                self.write(block)

    def write(self, block: Block) -> None:
        """Write or change the file that a block names."""
        path = self.root / block.file
        if block.language == "diff":
            path.write_text(patched(path.read_text(), block))
        elif block.title.endswith(AT_THE_END):
            between = "\n\n" if block.language == "python" else ""
            path.write_text(path.read_text() + between + block.text)
        else:
            assert not path.exists(), f"{block.file} exists already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)

    def run(self, command: str, environment: Mapping[str, str] | None = None) -> str:
        """Give what a command prints; it must succeed."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "NNUNET_LOSSES_"))}
        ran = subprocess.run(
            command,
            shell=True,
            executable="/bin/bash",
            cwd=self.root,
            env=inherited | self.environment | dict(environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=280,
        )
        assert ran.returncode == 0, f"`{command}` failed:\n{ran.stdout[-6000:]}"
        return ran.stdout


def checkout_files() -> list[str]:
    """Every file of the checkout that git does not ignore, changes not yet committed included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def read_recipe(page: str, heading: str) -> list[Block]:
    """Give the blocks under a heading of a page, up to the next heading of its level or above.

    Args:
        page: Markdown file, relative to the repository.
        heading: its text, without the number signs.
    """
    return blocks_of(section(page, heading))


def section(page: str, heading: str) -> str:
    """The text under a heading of a page."""
    inside, level, lines, fenced = False, 0, [], False
    for line in (ROOT / page).read_text().splitlines():
        fenced ^= line.startswith("```")
        signs = re.match(r"(#+) (.*)", line)
        if signs and not fenced:
            if inside and len(signs[1]) <= level:
                break
            if signs[2] == heading:
                inside, level = True, len(signs[1])
                continue
        if inside:
            lines.append(line)
    assert inside, f"{page} has no heading {heading!r}"
    return "\n".join(lines) + "\n"


def blocks_of(text: str) -> list[Block]:
    """The fenced blocks of a Markdown text."""
    fences = re.findall(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$', text, re.DOTALL | re.MULTILINE)
    return [Block(*fence) for fence in fences]


def patched(text: str, block: Block) -> str:
    """The text of a file after a block of the language ``diff``."""
    lines = block.text.splitlines(keepends=True)
    assert all(line[0] in " +-\n" for line in lines), f"the lines for {block.file} begin with a blank, + or -"
    before = "".join(line[1:] or "\n" for line in lines if line[0] != "+")
    after = "".join(line[1:] or "\n" for line in lines if line[0] != "-")
    assert text.count(before) == 1, f"{block.file} does not have these lines exactly once:\n{before}"
    return text.replace(before, after)
