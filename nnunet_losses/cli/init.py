"""The command that makes a study from a folder: init."""

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from nnunet_losses.base.errors import UserError
from nnunet_losses.cli.app import command, say

_FOLLOWED = 40
"""Cases whose lesions are followed into the network's grid; enough to see what becomes of them."""


@command("init")
def init(
    path: Annotated[
        Path,
        typer.Argument(help="nnU-Net's raw folder, a Decathlon task, a BIDS folder, or a table of paths (CSV)."),
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the data set and its studies; that of the path if absent.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for datasets/ and studies/.")] = Path("config"),
    raw: Annotated[
        Path, typer.Option(help="Where data that are not in nnU-Net's raw layout are prepared, as a study would.")
    ] = Path("work/nnUNet_raw"),
    not_finite: Annotated[
        float | None, typer.Option(help="Number that takes the place of NaN and infinity in images, such as 0.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; what this machine has if absent.")] = None,
    workers: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Look at data and write what a study of them needs: the data-set file, a pilot and a full study, with reasons."""
    from nnunet_losses.base.dataset import read_dataset_json
    from nnunet_losses.base.labels import LabelSet
    from nnunet_losses.cli.look import in_grid, plans_for
    from nnunet_losses.data.imbalance import sentences
    from nnunet_losses.data.inspection import inspect_dataset, list_files
    from nnunet_losses.data.raw import prepare_raw
    from nnunet_losses.study.start.begin import Places, begin, nnunet_name, numbers_taken, places_for
    from nnunet_losses.study.start.recognise import free_number, recognise
    from nnunet_losses.study.start.shape import typical_length

    if device not in (None, "cpu", "cuda"):
        raise UserError(f"--device must be cpu or cuda, got {device}.")
    if not_finite is not None and not math.isfinite(not_finite):
        raise UserError(f"--not-finite must be a finite number, got {not_finite}.")
    recognised = replace(recognise(path), not_finite=not_finite)
    if name is None:
        stem, places = places_for(out, recognised.stem, recognised.source)
    else:
        stem, places = name, Places.below(out, name)
    short = nnunet_name(stem, 0).partition("_")[2]
    dataset = nnunet_name(stem, free_number(numbers_taken(out, raw, short), recognised.number))
    say(f"{path} is {recognised.what}.")
    if recognised.raw and not_finite is None:
        folder = path.absolute()
    else:
        raw.mkdir(parents=True, exist_ok=True)
        folder = prepare_raw(recognised.described(dataset), raw, workers=workers, progress=sys.stderr.isatty())
        say(f"Prepared in {folder}; the studies use it.")
    summary = inspect_dataset(folder, workers=workers, progress=sys.stderr.isatty())
    plans, parent = plans_for(summary)
    say(f"Following lesions of up to {_FOLLOWED} cases into nnU-Net's grid, and timing a training step.", err=True)
    seen = in_grid(summary, plans, parent, workers=workers, most=_FOLLOWED)
    content = read_dataset_json(folder)
    files, _ = list_files(folder, content)
    begun = begin(
        recognised,
        dataset,
        summary,
        seen.facts,
        seen.warnings,
        plans,
        parent,
        typical_length({case: of.label for case, of in files.items()}, LabelSet.parse(summary.label_table)),
        places,
        device=device or _device(),
        raw_bytes=sum(file.stat().st_size for of in files.values() for file in (*of.images.values(), of.label)),
    )
    for line in (str(summary), *sentences(seen.facts), *(f"Warning: {warning}" for warning in seen.warnings)):
        say(line)
    say("\nLosses to compare (* also in the pilot):")
    for proposal in begun.proposals:
        say(f"{'*' if proposal.pilot else ' '} {proposal.trainer}: {proposal}")
    for remark in begun.remarks:
        say(remark)
    say("\nCosts:")
    for line in begun.costs.told():
        say(line)
    say(f"\n{len(begun.questions)} questions, also as comments in the files:")
    for question in begun.questions:
        say(f"- {question}")
    say(f"\nWritten: {places.dataset}, {places.pilot}, {places.full}")
    say(f"Next: nnunet-losses run --configfile {places.pilot}")


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
