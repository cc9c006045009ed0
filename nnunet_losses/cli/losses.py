"""Commands about losses and trainers: list, describe, recipes, doctor, env, export."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.terminal import without_controls
from nnunet_losses.cli.app import command, say
from nnunet_losses.cli.plot import draw_curves

if TYPE_CHECKING:
    from nnunet_losses.losses import Loss, Parameter

OURS = "nnunet_losses"


@command("list")
def list_losses(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List every loss with its trainer, its options and its source."""
    from nnunet_losses.losses import CATALOGUE

    rows = [describe_loss(name) for name in sorted(CATALOGUE)]
    if as_json:
        say(json.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        caption="Every trainer also takes iw or iwpos, <n>epochs, <n>iters, seed<n>, and the changes that "
        "`nnunet-losses recipes` lists."
    )
    table.add_column("trainer", no_wrap=True)
    table.add_column("options and defaults")
    table.add_column("source")
    foreign = any(row["package"] != OURS for row in rows)
    if foreign:
        table.add_column("package", no_wrap=True)
    for row in rows:
        options = ", ".join(f"{option['option']} {option['default']}" for option in row["options"])
        cells = [row["trainer"], options, row["reference"], *([row["package"]] if foreign else [])]
        table.add_row(*(escape(without_controls(cell)) for cell in cells))
    Console().print(table)


@command("describe")
def describe(
    name: Annotated[str, typer.Argument(help="A loss (Tversky) or a trainer (TverskyTrainer_fp0.1).")],
) -> None:
    """Describe a loss or trainer (formula, hyper-parameters, source, the paper's letters) and draw it."""
    import inspect

    from nnunet_losses.losses import CATALOGUE
    from nnunet_losses.nnunet.names.grammar import nearest_trainer, parse_trainer_name

    parsed = parse_trainer_name(name if "Trainer" in name else f"{name.removesuffix('Loss')}Trainer")
    if parsed is None:
        nearest = nearest_trainer(name if "Trainer" in name else f"{name}Trainer")
        hint = f"did you mean {nearest}?" if nearest else "`nnunet-losses list` names all."
        raise UserError(f"There is no loss or trainer {name}; {hint}")
    row = describe_loss(parsed.loss)
    say(f"{parsed}: {row['summary']}\n\n  {row['formula']}\n")
    for option in row["options"]:
        value = parsed.parameters.get(option["keyword"], option["default"])
        letter = f", {option['letter']} in the paper" if option["letter"] else ""
        say(f"  {option['option']:<12} {value!s:<8} {option['help']}{letter} ({option['range']})")
        if option["effect"]:
            say(f"  {'':<21} {option['effect']}")
    say(f"  weighting    {parsed.weighting or 'none':<8} none, iw or iwpos")
    say(f"  recipe       {', '.join(parsed.changes) or 'that of nnU-Net'}\n")
    say(inspect.getdoc(CATALOGUE[parsed.loss].functional) or "")
    say()
    for line in picture(CATALOGUE[parsed.loss], dict(parsed.parameters)):
        say(line)


@command("recipes")
def recipes(
    name: Annotated[str | None, typer.Argument(help="A recipe or piece, such as salehi2017.")] = None,
) -> None:
    """List the papers' recipes and their pieces, or every choice of one and where it was read."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from nnunet_losses.nnunet.names.changes import CHANGES

    if name is None:
        table = Table("word", "changes", "what", "epochs x iterations", caption="Add the word to a trainer's name.")
        for change in CHANGES.values():
            kind = "everything" if change.kind == "recipe" else change.kind
            table.add_row(change.word, kind, escape(change.help), f"{change.epochs} x {change.iterations}")
    elif name in CHANGES:
        from nnunet_losses.nnunet.training.changes import choices_of

        table = Table("what", "choice", "known from", "source or reason", "set by", title=CHANGES[name].help)
        for choice in choices_of(name):
            table.add_row(*map(escape, (choice.what, choice.value, choice.mark, choice.source, choice.by)))
    else:
        raise UserError(f"There is no recipe {name}; there are {', '.join(CHANGES)}.")
    Console().print(table)


@command("doctor")
def doctor() -> None:
    """Search for the trainers as nnU-Net does, and explain what fails."""
    from nnunet_losses.nnunet.doctor import diagnose

    checks = diagnose()
    for check in checks:
        say(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.message}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


@command("env")
def env() -> None:
    """Print a shell line that lets nnU-Net find the trainers without the start-up hook."""
    from nnunet_losses.nnunet.doctor import environment_line

    say(environment_line())


@command("export")
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of one of our trainers.")],
    out: Annotated[Path, typer.Argument(help="A .pth file, or a model folder for nnUNetv2_predict_from_modelfolder.")],
    operating_point: Annotated[
        str | None,
        typer.Option(help="Also store thresholds for `segment`: dice, recall@K, recall=R or precision=P."),
    ] = None,
    tables: Annotated[
        Path | None, typer.Option(help="Folder of the study's tables, which the thresholds are chosen on.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="Covariate of the cases, such as patient, of which the values and not cases are independent."
        ),
    ] = None,
) -> None:
    """Make a checkpoint for prediction with nnU-Net where this package is not installed."""
    from nnunet_losses.base.tables.storage import read_folder
    from nnunet_losses.nnunet.results.export import export_checkpoint

    if operating_point is not None and tables is None:
        raise UserError(
            "An operating point is chosen on the tables of a study; name their folder: --tables, such as "
            "results/studies/NAME/tables or reports/NAME/data."
        )
    found = None if tables is None or operating_point is None else read_folder(tables)
    say(str(export_checkpoint(checkpoint, out, goal=operating_point, tables=found, cluster=cluster)))


def describe_loss(name: str) -> dict[str, Any]:
    """What the catalogue says of a loss, as plain data."""
    from nnunet_losses.losses import CATALOGUE
    from nnunet_losses.losses.catalogue import package_of

    loss = CATALOGUE[name]
    defaults = loss.defaults()
    return {
        "loss": name,
        "trainer": f"{name}Trainer",
        "summary": (loss.__doc__ or "").strip().splitlines()[0],
        "formula": loss.formula,
        "reference": loss.reference,
        "package": package_of(loss),
        "options": [
            {
                "option": parameter.option,
                "keyword": parameter.keyword,
                "default": defaults[parameter.keyword],
                "range": parameter.range,
                "help": parameter.help,
                "letter": parameter.letter,
                "effect": _effect(parameter),
            }
            for parameter in loss.hyper_parameters
        ],
    }


def _effect(parameter: "Parameter") -> str:
    """What a larger value of a hyper-parameter does, or the switch, or each choice."""
    if not parameter.effect or parameter.choices:
        return parameter.effect
    return f"{'on' if parameter.type is bool else 'larger'}: {parameter.effect}"


def picture(loss: "type[Loss]", settings: dict[str, Any]) -> list[str]:
    """Lines that draw the loss's value over p at one voxel, a missed and an added one."""
    from nnunet_losses.losses.catalogue.curve import curve

    try:
        made = loss(**settings)
    except ValueError:  # it takes no labels
        made = loss(**settings, regions=True)
    p, missed, added = curve(made)
    title = "  Value over the probability p of the truth at one voxel, all others being right (8 × 8, lesion 3 × 3):"
    axis = f"{'':>10} └{'─' * len(p)}\n{'p':>10}  {p[0]:<.2g}{p[-1]:>{len(p) - 4}.2g}"
    if missed.allclose(added, rtol=1e-3, atol=1e-6):
        return [title, *draw_curves({"█": missed.tolist()}), axis, "  █ a voxel of the lesion or of the background"]
    lines = draw_curves({"█": missed.tolist(), "░": added.tolist()})
    return [title, *lines, axis, "  █ of the lesion (missed as p falls)   ░ of the background (added as p falls)"]
