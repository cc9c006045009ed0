"""Published cases in nnU-Net's raw layout, one volume at a time; files in which nothing changes are linked."""

import logging
import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nnunet_losses.base.dataset import write_dataset_json
from nnunet_losses.base.names import NIFTI
from nnunet_losses.data.case_table import CASES_CSV, write_cases
from nnunet_losses.data.layout import make_folders
from nnunet_losses.data.originals.case import convert_case
from nnunet_losses.data.originals.choose import chosen_channels, chosen_reference
from nnunet_losses.data.originals.layout import OriginalCase
from nnunet_losses.data.originals.options import Original

log = logging.getLogger(__name__)


def convert_original(
    original: Original, cases: Mapping[str, OriginalCase], folder: Path, labels: Mapping[str, Any], *, workers: int
) -> None:
    """Write cases to ``folder``, with ``cases.csv`` and the label maps of all raters.

    Args:
        original: the data set.
        cases: its chosen cases.
        folder: an empty data set.
        labels: of dataset.json.
        workers: processes over cases; the result does not depend on their number.

    Raises:
        UserError: a file cannot be read, or does not fit the others of its case.
        DiskFullError: there is no space for it.
    """
    make_folders(folder)
    convert = partial(convert_case, original, folder, chosen_channels(original), chosen_reference(original))
    bar = partial(tqdm, total=len(cases), desc=folder.name.strip("."), disable=None)
    if workers == 1:
        rows = list(bar(map(convert, cases.values())))
    else:
        # A forked process would inherit the locks of this one's threads.
        with ProcessPoolExecutor(min(workers, len(cases)), multiprocessing.get_context("spawn")) as pool:
            rows = list(bar(pool.map(convert, cases.values())))
    unknown = [row["case"] for row in rows if row.get("geometry") == "unknown"]
    if unknown:
        log.warning(
            "%d cases have no geometry in their headers (1 mm and the identity), so their spacing is unknown: %s. Give "
            "'headers_from' in the data-set file, or exclude them.",
            len(unknown),
            ", ".join(unknown),
        )
    write_cases(folder / CASES_CSV, {row["case"]: row for row in rows})
    write_dataset_json(
        folder,
        {
            "channel_names": {str(number): name for number, name in enumerate(chosen_channels(original))},
            "labels": dict(labels),
            "numTraining": len(cases),
            "file_ending": NIFTI,
        },
    )
