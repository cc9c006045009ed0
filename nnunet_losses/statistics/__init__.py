"""Statistics: tables in, tables out; no files, no figures.

`compare(cases, baseline=...)` returns every table by name; `TABLES` holds their schemas, from which the page of tables
in the documentation is made. Inside, rows of results become panels once (`panels`), arrays of a panel go through
`estimators`, and `ranking` and `detection` make the tables (`tables`) of them.
"""

from nnunet_losses.statistics.compare import compare
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.panels.policy import Policy
from nnunet_losses.statistics.panels.results import Results
from nnunet_losses.statistics.tables import TABLES

__all__ = ["TABLES", "Panel", "Policy", "Results", "compare"]
