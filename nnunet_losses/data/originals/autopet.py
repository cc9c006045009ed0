"""FDG-PET-CT-Lesions, the data of autoPET (Gatidis et al. 2022, 10.1038/s41597-022-01718-3), as NIfTI files.

``PETCT_<patient>/<date>-NA-<description>-<number>/{SUV,CTres,CT,PET,SEG}.nii.gz`` and ``fdg_metadata.csv``. ``SUV`` is
the PET image in standardised uptake values, ``CTres`` the CT on its grid. A patient may have several studies.
"""

import csv
import re
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.originals.layout import Facts, Layout

_STUDY = r"(PETCT_[0-9a-f]+)/(\d\d-\d\d-\d{4})[^/]*-(\d+)/"
_FACTS = {"diagnosis": "diagnosis", "sex": "sex", "age": "age"}


def _of_the_studies(root: Path) -> dict[str, Facts]:
    """Diagnosis, sex and age by case, from the table of the studies, if that is there.

    Raises:
        UserError: it is another table.
    """
    tables = sorted(root.rglob("fdg_metadata.csv"))
    found: dict[str, Facts] = {}
    if not tables:
        return found
    try:
        with tables[0].open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                if match := re.search(_STUDY, row["File Location"] + "/"):
                    facts = {name: row[column] for name, column in _FACTS.items() if row.get(column)}
                    found.setdefault("_".join(match.groups()), facts)
    except (KeyError, OSError, TypeError, ValueError, csv.Error) as error:
        raise UserError(
            f"{tables[0]} cannot be read as autoPET's table of studies ({error}); download it again, or remove it."
        ) from error
    return found


AUTOPET = Layout(
    channels={"CT": _STUDY + r"CTres\.nii\.gz", "PET": _STUDY + r"SUV\.nii\.gz"},
    labels={"expert": _STUDY + r"SEG\.nii\.gz"},
    patient=lambda name: "_".join(name.split("_")[:2]),
    table=_of_the_studies,
)
