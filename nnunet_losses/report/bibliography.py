"""References of the losses compared, as a list with links and as BibTeX."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from nnunet_losses.report.comparison import Comparison

ALWAYS = ("Isensee et al. 2021, doi:10.1038/s41592-020-01008-z",)  # nnU-Net itself
_ARXIV = re.compile(r"arXiv:\s*(\d{4}\.\d{4,5})", re.IGNORECASE)
_DOI = re.compile(r"doi:\s*(10\.\d{4,9}/[^\s;,\"<>{}\\]+)", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_ENTRY = re.compile(r"^@\w+\{.*?^\}", re.MULTILINE | re.DOTALL)


METHODS = {
    "intervals of means": "Chen, Variyath, Abraham 2008, doi:10.1198/106186008X321068",
    "Hodges-Lehmann estimate": "Hodges, Lehmann 1963, doi:10.1214/aoms/1177704172",
    "signed-rank test": "Wilcoxon 1945, doi:10.2307/3001968",
    "correction for several tests": "Holm 1979, Scandinavian Journal of Statistics 6, 65-70",
}
"""What every report's statistics rest on."""
SCALING = "Guo, Pleiss, Sun, Weinberger 2017, arXiv:1706.04599"


def references(losses: Mapping[str, Any]) -> list[str]:
    """The references of the losses, nnU-Net's first, each once, in the order of the trainers."""
    unique: dict[str, str] = {}
    for text in (*ALWAYS, *(_reference_of(loss) for loss in losses.values())):
        for part in _parts(text):
            unique.setdefault(_work(part), part)
    return list(unique.values())


def sources(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """What a report rests on (nnU-Net, the losses, the statistics), each with its references, as in `of`."""
    losses = comparison.provenance.get("losses") or {}
    first = {_work(reference): reference for reference in references(losses)}
    cited: dict[str, list[str]] = {}  # losses that have the same source, by its text
    for trainer, loss in losses.items():
        if text := _reference_of(loss):
            cited.setdefault(text, []).append(comparison.name(trainer))
    said = [("nnU-Net", text) for text in ALWAYS] + [(", ".join(names), text) for text, names in cited.items()]
    said += list(METHODS.items())
    if "temperature_scaling" in comparison.statistics:
        said.append(("temperature scaling", SCALING))
    found = [(what, [first.setdefault(_work(part), part) for part in _parts(text)]) for what, text in said]
    return [(what, parts) for what, parts in found if parts]


def of(comparison: Comparison) -> list[str]:
    """All references of a report, each once."""
    return list(dict.fromkeys(reference for _, found in sources(comparison) for reference in found))


def _reference_of(loss: Any) -> str:
    return str((loss or {}).get("reference") or "")


def _parts(text: str) -> list[str]:
    """The works that the reference of a loss names."""
    # "squared: Milletari et al. ..." cites Milletari
    parts = (re.sub(r"^[a-z ]+:\s+(?=[A-ZÀ-Þ])", "", part.strip()) for part in text.split(";"))
    return [part for part in parts if part]


def _work(reference: str) -> str:
    """What two references to one work have in common."""
    return "|".join(identifiers(reference)) or reference


def identifiers(reference: str) -> list[str]:
    """ArXiv numbers and DOIs named in a reference."""
    return [*_ARXIV.findall(reference), *_DOI.findall(reference)]


def linked(reference: str) -> Markup:
    """The reference as HTML, its arXiv number and DOI as plain links."""
    html = Markup.escape(reference)
    for number in _ARXIV.findall(reference):
        html = html.replace(
            f"arXiv:{number}", Markup('<a href="https://arxiv.org/abs/{0}">arXiv:{0}</a>').format(number)
        )
    for doi in _DOI.findall(reference):
        html = html.replace(f"doi:{doi}", Markup('<a href="https://doi.org/{0}">doi:{0}</a>').format(doi))
    return html


@dataclass(frozen=True)
class Entry:
    """An entry of BibTeX, and the key that it is cited by."""

    key: str
    text: str


def entries(references: Iterable[str]) -> dict[str, Entry]:
    """The BibTeX entry of each reference: complete where we know it, what the reference says where we do not."""
    found: dict[str, Entry] = {}
    for reference in references:
        names = identifiers(reference)
        known = next((entry for entry in _known() if any(f"{{{name}}}" in entry for name in names)), None)
        text = known or _made(reference)
        key, taken = _key(text), {entry.key for entry in found.values() if entry.text != text}
        while key in taken:  # two works of one author and year
            key += "x"
        found[reference] = Entry(key, text.replace(f"{{{_key(text)},", f"{{{key},", 1))
    return found


def bibtex(references: Iterable[str]) -> str:
    """BibTeX of the references, each work once."""
    return "\n\n".join(dict.fromkeys(entry.text for entry in entries(references).values())) + "\n"


def _key(entry: str) -> str:
    return entry.partition("{")[2].partition(",")[0]


@cache
def _known() -> tuple[str, ...]:
    text = files("nnunet_losses.report").joinpath("references.bib").read_text(encoding="utf-8")
    return tuple(_ENTRY.findall(text))


def _made(reference: str) -> str:
    year = _YEAR.search(reference)
    before = reference[: year.start()] if year else reference.split(",")[0]
    authors = [name.strip() for name in before.replace(" et al.", ", others").split(",") if name.strip()]
    key = re.sub(r"\W", "", (authors or ["reference"])[0].split()[-1].lower(), flags=re.ASCII) or "reference"
    fields = {"author": " and ".join(authors), "year": year.group() if year else ""}
    if arxiv := _ARXIV.search(reference):
        fields |= {"eprint": arxiv.group(1), "archivePrefix": "arXiv"}
    if doi := _DOI.search(reference):
        fields["doi"] = doi.group(1)
    fields["note"] = re.sub(r"[{}\\]", "", reference)
    lines = [f"  {name} = {{{re.sub(r'[{}]', '', value)}}}" for name, value in fields.items() if value]
    return f"@misc{{{key}{fields['year']},\n" + ",\n".join(lines) + "\n}"
