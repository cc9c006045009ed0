"""Write the key reference in config/README.md from the config models: ``make reference``."""

from pathlib import Path

from nnunet_losses.base.config import key_tables
from nnunet_losses.base.files import write_atomically
from nnunet_losses.data.description import DatasetDescription
from nnunet_losses.study.config import StudyConfig

README = Path(__file__).parents[1] / "config" / "README.md"
MARK = "<!-- From here on made by `make reference` from the models in nnunet_losses; do not edit. -->"


def with_reference(text: str) -> str:
    """The README with everything after the mark made anew."""
    introduction, mark, _ = text.partition(MARK)
    assert mark, f"{README} has lost the line {MARK}"
    tables = [
        key_tables(StudyConfig, title="Keys of a study's file"),
        key_tables(DatasetDescription, title="Keys of a data-set file"),
    ]
    return "\n\n".join([f"{introduction}{mark}", *tables]) + "\n"


if __name__ == "__main__":
    with write_atomically(README) as temporary:
        temporary.write_text(with_reference(README.read_text(encoding="utf-8")), encoding="utf-8")
