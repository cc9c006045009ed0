"""A logger for Snakemake that writes the events of a run as JSON lines.

Snakemake finds logger plugins by the name of a top-level package; `nnunet_losses.progress.runner` puts this folder on
the path of the Snakemake it starts.
"""

import json
from dataclasses import dataclass, field
from logging import LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

NOTE = "note"
"""What the workflow says to the person who runs it, rather than to a log; marked by `extra={"note": True}`."""
FIELDS: dict[str, tuple[str, ...]] = {
    LogEvent.RULEGRAPH: ("rulegraph",),
    LogEvent.RUN_INFO: ("stats",),
    LogEvent.JOB_INFO: ("jobid", "rule_name", "wildcards", "log"),
    LogEvent.JOB_FINISHED: ("job_id",),
    LogEvent.JOB_ERROR: ("jobid", "rule_name", "log"),
    LogEvent.GROUP_ERROR: ("aux_logs",),
    LogEvent.ERROR: (),
    NOTE: (),
}
"""The events that are written, and what is taken from each besides its time; an error or a note brings its message."""


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """The option ``--logger-nnunet-losses-file``."""

    file: str = field(default="", metadata={"help": "File for the events.", "required": True})


class LogHandler(LogHandlerBase):
    """Writes one line for each event, at once."""

    def __post_init__(self) -> None:
        self._file = Path(self.settings.file).open("a", encoding="utf-8", buffering=1)  # type: ignore[union-attr]  # noqa: SIM115  # see close()

    def emit(self, record: LogRecord) -> None:
        """Write the event; other messages are passed over."""
        event = NOTE if getattr(record, NOTE, False) else getattr(record, "event", None)
        if event not in FIELDS:
            return
        line = {"event": str(event), "time": record.created}
        line |= {name: getattr(record, name, None) for name in FIELDS[event]}
        if event == LogEvent.GROUP_ERROR:
            line["jobids"] = [job["jobid"] for job in record.job_error_info]  # type: ignore[attr-defined]
        if event in (LogEvent.ERROR, NOTE):
            line["message"] = record.getMessage()
        self._file.write(json.dumps(line, default=str) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """No: Snakemake's own handler goes on writing for people."""
        return False

    @property
    def writes_to_file(self) -> bool:
        """No, in Snakemake's sense: this is not the log that it names to people."""
        return False

    @property
    def has_filter(self) -> bool:
        """Yes, so that ``--quiet`` leaves the events alone."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Yes: JSON."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """Yes, for the order of the rules."""
        return True
