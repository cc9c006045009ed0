"""Write what documents show of the losses: ``python docs/generate.py`` after a loss was added or changed.

The pictures of the loss pages, and the table of losses in the README. (Tables inside the pages are made by `hooks.py`
when the pages are built.)
"""

import re
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from nnunet_losses.losses import CATALOGUE, Loss
from nnunet_losses.losses.catalogue import package_of
from nnunet_losses.losses.catalogue.curve import curve

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
COLUMNS = 4
MISSED, ADDED = "#0072b2", "#d55e00"


def losses_of(page: Path) -> list[str]:
    """Names in the catalogue of the losses that a page documents, in its order."""
    functions = re.findall(r"^::: nnunet_losses\.losses\.(\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    names = {loss.functional.__name__: name for name, loss in CATALOGUE.items()}
    return [names[function] for function in functions]


def families() -> dict[str, list[str]]:
    """Losses of each page."""
    pages = sorted((HERE / "losses").glob("*.md"))
    return {page.stem: losses_of(page) for page in pages if page.stem != "index"}


def draw(names: list[str], file: Path) -> None:
    """One small plot a loss, value over p."""
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.5 * columns, 2.1 * rows), squeeze=False, layout="constrained")
    for place, name in zip(axes.flat, names, strict=False):
        p, missed, added = curve(make(CATALOGUE[name]))
        place.plot(p, missed, color=MISSED, label="of the lesion")
        place.plot(p, added, color=ADDED, linestyle="--", label="of the background")
        place.set_title(name, fontsize=9)
        place.tick_params(labelsize=7)
        place.set_xlim(0, 1)
        place.spines[["top", "right"]].set_visible(False)
    for place in axes.flat[len(names) :]:
        place.set_axis_off()
    figure.supxlabel("p, probability of the truth at one voxel", fontsize=9)
    figure.legend(
        *axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8, frameon=False
    )
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    plt.close(figure)


def table_of_losses() -> str:
    """The README's table: every loss of this package, in the order of the alphabet."""
    ours = sorted(name for name, loss in CATALOGUE.items() if package_of(loss) == "nnunet_losses")
    rows = [f"| `{name}Trainer` | {CATALOGUE[name].formula} | {CATALOGUE[name].reference} |" for name in ours]
    return "\n".join(["| trainer | formula | source |", "|---|---|---|", *rows, ""])


def with_table_of_losses(readme: str) -> str:
    """The README with this table in the place of the one it has."""
    return re.sub(r"\| trainer \| formula \| source \|\n(\|.*\n)+", lambda _: table_of_losses(), readme)


def make(loss: type[Loss]) -> Loss:
    """The loss with its defaults, for labels if it takes them."""
    try:
        return loss()
    except ValueError:
        return loss(regions=True)


if __name__ == "__main__":
    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "nnunet-losses", "svg.fonttype": "none", "axes.facecolor": "white"}
    for stem, names in families().items():
        draw(names, HERE / "images" / "losses" / f"{stem}.svg")
    README.write_text(with_table_of_losses(README.read_text(encoding="utf-8")))
