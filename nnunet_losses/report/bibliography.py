"""References of the losses compared, as a list with links and as BibTeX."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

ALWAYS = ("Isensee et al. 2021, doi:10.1038/s41592-020-01008-z",)  # nnU-Net itself
_ARXIV = re.compile(r"arXiv:\s*(\d{4}\.\d{4,5})", re.IGNORECASE)
_DOI = re.compile(r"doi:\s*(10\.\d{4,9}/[^\s;,\"<>{}\\]+)", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_ENTRY = re.compile(r"^@\w+\{.*?^\}", re.MULTILINE | re.DOTALL)


def references(losses: Mapping[str, Any]) -> list[str]:
    """The references of the losses, nnU-Net's first, each once, in the order of the trainers."""
    texts = [part.strip() for loss in losses.values() for part in str((loss or {}).get("reference") or "").split(";")]
    unique: dict[str, str] = {}
    for text in [*ALWAYS, *texts]:
        text = re.sub(r"^[a-z ]+:\s+(?=[A-ZÀ-Þ])", "", text)  # "squared: Milletari et al. ..." cites Milletari
        if text:
            unique.setdefault("|".join(identifiers(text)) or text, text)
    return list(unique.values())


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


def bibtex(references: Iterable[str]) -> str:
    """BibTeX of the references: complete entries where we know them, what the reference says where we do not."""
    entries: dict[str, str] = {}
    for reference in references:
        names = identifiers(reference)
        found = next((entry for entry in _known() if any(f"{{{name}}}" in entry for name in names)), None)
        entries.setdefault(found or reference, found or _made(reference))
    return "\n\n".join(entries.values()) + "\n"


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
