"""From a `Comparison` (tables and statistics) to figures and one HTML page: `write_report`."""

from nnunet_losses.report.comparison import Comparison, Decision
from nnunet_losses.report.papers import parse_formats
from nnunet_losses.report.write import write_report

__all__ = ["Comparison", "Decision", "parse_formats", "write_report"]
