"""A running study on a terminal, as a table that is drawn again, or elsewhere as a line now and then."""

import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nnunet_losses.base.terminal import without_controls
from nnunet_losses.progress.status import State, StudyStatus
from nnunet_losses.progress.study import RunningTraining, StudyProgress
from nnunet_losses.progress.trainings import TrainingProgress

MOST_TRAININGS = 12
"""Shown at once; of further ones, the number."""
WIDE = 400
"""Columns of what is written to a file or a pipe."""
SECONDS_BETWEEN_LINES = 60
"""Where there is no terminal: the longest silence."""


class Display:
    """Shows a study while it runs; a context.

    Args:
        study: its name.
        log: Snakemake's log, named to the reader.
        console: where to write.
    """

    def __init__(self, study: str, log: Path, console: Console) -> None:
        self.study = study
        self.log = log
        self.console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._last: tuple[float, object] = (-math.inf, None)

    def __enter__(self) -> "Display":
        """Begin."""
        if self._live is not None:
            self._live.start()
        else:
            self.console.print(f"Snakemake's log: {self.log}", soft_wrap=True, markup=False)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last state on the terminal."""
        if self._live is not None:
            self._live.stop()

    def show(self, progress: StudyProgress, note: str = "") -> None:
        """Show the present state.

        Args:
            progress: of the study.
            note: what else is going on.
        """
        if self._live is not None:
            self._live.update(self._screen(progress, note), refresh=True)
            return
        last_time, last_state = self._last
        state = ([(stage.rule, stage.done, stage.failed) for stage in progress.stages], note)
        now = time.monotonic()
        if (progress.planned and state != last_state) or now - last_time >= SECONDS_BETWEEN_LINES:
            self._last = (now, state)
            self.console.print(
                line(self.study, progress) + (f" · {note}" if note else ""), soft_wrap=True, markup=False
            )

    def _screen(self, progress: StudyProgress, note: str) -> RenderableType:
        # one line of the terminal less for each further training: a live display must not be higher than the screen
        room = max(1, self.console.height - len(progress.stages) - 8)
        parts: list[RenderableType] = [Text(headline(self.study, progress), style="bold"), stages(progress)]
        if progress.trainings:
            parts += [Text(), trainings(progress.trainings, min(MOST_TRAININGS, room))]
        foot = note or "Ctrl-C stops the study; the same command continues it."
        parts += [Text(), Text(f"Snakemake's log: {self.log}\n{foot}", style="dim")]
        return Group(*parts)


def headline(study: str, progress: StudyProgress) -> str:
    """Jobs done, elapsed time, expected end."""
    if not progress.planned:
        return f"{study} · planning · elapsed {_clock(progress.elapsed)}"
    text = f"{study} · {progress.done} of {progress.planned} jobs · elapsed {_clock(progress.elapsed)}"
    if progress.failed:
        text += f" · {len(progress.failed)} failed"
    if math.isnan(progress.seconds_left) or progress.done == progress.planned:
        return text
    return f"{text} · expected end {_end(progress.seconds_left)}"


def line(study: str, progress: StudyProgress) -> str:
    """The state in one line: the stages at work, and what is training."""
    at_work = [s for s in progress.stages if s.running]
    parts = [headline(study, progress), *(f"{s.rule} {s.done} of {s.planned}" for s in at_work)]
    parts += [_told(training) for training in progress.trainings[:2]]
    return " · ".join(parts)


def stages(progress: StudyProgress) -> Table:
    """A row for each stage."""
    table = Table.grid(padding=(0, 2))
    for stage in progress.stages:
        state = f"{stage.running} running" if stage.running else ""
        if stage.failed:
            state = f"[red]{stage.failed} failed[/red]" + (f", {state}" if state else "")
        bar = ProgressBar(total=stage.planned, completed=stage.done, width=24)
        table.add_row(stage.rule, bar, f"{stage.done} of {stage.planned}", state)
    return table


def trainings(running: list[RunningTraining], most: int) -> Table:
    """A row for each running training."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("training", overflow="ellipsis", no_wrap=True)
    for title in ("epoch", "pseudo-Dice", "per epoch", "left"):
        table.add_column(title, justify="right", no_wrap=True, min_width=len(title))
    table.add_column("", style="red", no_wrap=True)
    for training in running[:most]:
        progress = training.progress
        rate, left = _times(progress)
        table.add_row(training.name, _epoch(progress), _number(progress.pseudo_dice), rate, left, progress.alarm or "")
    if len(running) > most:
        table.add_row(f"and {len(running) - most} more")
    return table


def status_table(study: StudyStatus, *, waiting: bool = False, most: int | None = None) -> RenderableType:
    """A headline, and a line for each training.

    Args:
        study: its trainings.
        waiting: whether also for those that wait for their turn.
        most: lines at most; None for all.
    """
    counts = [f"{n} {state}" for state in State if (n := study.count(state))]
    parts = [study.study, f"{len(study.trainings) + study.more} trainings: {', '.join(counts)}"]
    if study.flagged:
        parts.append(f"{study.flagged} to look at")
    if not math.isnan(study.seconds_left):
        parts.append(f"expected end {_end(study.seconds_left)}")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("training", overflow="ellipsis", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for title in ("epoch", "per epoch", "left", "pseudo-Dice"):
        table.add_column(title, justify="right", no_wrap=True, min_width=len(title))
    table.add_column("host", no_wrap=True)
    table.add_column("remark", overflow="ellipsis", no_wrap=True)
    shown = [t for t in study.trainings if waiting or t.state != State.WAITING or t.remark]
    for training in shown[:most]:
        progress = training.progress
        rate, left = _times(progress) if training.state != State.FINISHED else ("", "")
        epoch = "" if progress.epochs is None else f"{progress.epoch} of {progress.epochs}"
        remark = Text(without_controls(training.remark), style="red")
        dice = _number(progress.pseudo_dice)
        table.add_row(training.name, training.state, epoch, rate, left, dice, Text(progress.host), remark)
    if most is not None and len(shown) > most:
        table.add_row(f"and {len(shown) - most} more")
    return Group(Text(" · ".join(parts), style="bold"), *([table] if shown else []))


def show_status(read: Callable[[], StudyStatus], *, waiting: bool, every: float | None) -> None:
    """Show what has become of the trainings of a study.

    Args:
        read: reads it.
        waiting: whether to list also those that wait for their turn.
        every: seconds after which it is read and shown again, until nothing is left to train; None for once.
    """
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(highlight=False, width=WIDE)  # a line a training, wherever it goes
    if every is None:
        console.print(status_table(read(), waiting=waiting))
        return
    study = read()
    with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
        while True:
            live.update(status_table(study, waiting=waiting, most=max(1, console.height - 4)), refresh=True)
            if study.count(State.FINISHED) == len(study.trainings) + study.more:
                break
            time.sleep(every)
            study = read()
    console.print(status_table(study, waiting=waiting))


def _told(training: RunningTraining) -> str:
    text = f"{training.name}: epoch {_epoch(training.progress)}"
    if not math.isnan(training.progress.pseudo_dice):
        text += f", pseudo-Dice {_number(training.progress.pseudo_dice)}"
    if training.progress.alarm:
        text += f", {training.progress.alarm}"
    return text


def _epoch(progress: TrainingProgress) -> str:
    if progress.epochs is None:
        return "starting"
    return "validating" if progress.validating else f"{progress.epoch} of {progress.epochs}"


def _times(progress: TrainingProgress) -> tuple[str, str]:
    if math.isnan(progress.seconds_per_epoch):
        return "", ""
    left = progress.seconds_left
    return f"{progress.seconds_per_epoch:.1f} s", "" if math.isnan(left) or progress.validating else _clock(left)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _end(left: float) -> str:
    """The time of day of the expected end, with the day if that is not today."""
    end = datetime.now().astimezone() + timedelta(seconds=left)
    return f"{end:%H:%M}" if end.date() == datetime.now().astimezone().date() else f"{end:%a %d %b, %H:%M}"
