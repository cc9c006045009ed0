"""The pages in a browser: their content security policy stops nothing of their own, and everything of others."""

import base64
import dataclasses
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from nnunet_losses.report import Comparison, write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")]


def opened(page: Path, folder: Path) -> tuple[str, str]:
    """The page's elements after its scripts ran, and what the browser said."""
    command = [
        str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--enable-logging=stderr", f"--user-data-dir={folder}", "--virtual-time-budget=20000", "--dump-dom",
        page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if ":CONSOLE" in line)


@pytest.fixture(scope="module")
def written(comparison: Comparison, gallery: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    statistics = {
        name: table[table["metric"].isin(["dice", "hd95"])] if "metric" in table else table
        for name, table in comparison.statistics.items()
    }
    folder = tmp_path_factory.mktemp("browser")
    return write_report(folder, dataclasses.replace(comparison, statistics=statistics, gallery=gallery), viewer=True)


READER = """
(async () => {
  const rest = () => new Promise((done) => setTimeout(done, 200));
  await rest();
  const table = document.querySelector("table.short:not(.card)");
  const first = () => table.querySelector("tbody th").textContent;
  const seen = new Set([first()]);
  for (let i = 0; i < 3; i++) {
    table.querySelector("thead th:nth-child(2)").click();
    await rest();
    seen.add(first());
  }
  const folded = () => document.querySelectorAll("main details:not([open])").length;
  const before = folded();
  dispatchEvent(new Event("beforeprint"));
  const printed = folded();
  dispatchEvent(new Event("afterprint"));
  const link = document.querySelector("a.data").getAttribute("href");
  document.title = `${seen.size > 1} ${before > 0} ${printed} ${folded() === before} ${link.endsWith(".csv")}`;
})();
"""


def test_tables_are_sorted_and_print_shows_what_is_folded(written: Path, tmp_path: Path) -> None:
    digest = base64.b64encode(hashlib.sha256(READER.encode()).digest()).decode()
    page = written.read_text(encoding="utf-8").replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    (tmp_path / "page.html").write_text(page.replace("</body>", f"<script>{READER}</script></body>"))
    shown, said = opened(tmp_path / "page.html", tmp_path / "profile")
    assert re.search("<title>(.*?)</title>", shown)[1] == "true true 0 true true", said


def test_the_policy_stops_nothing_of_the_report_s_own(written: Path, tmp_path: Path) -> None:
    shown, said = opened(written, tmp_path)
    assert said == ""
    tables = shown.count("<table") - shown.count('class="short card')
    assert tables >= 5 and shown.count("dt-column-order") >= tables, "sorting is offered in every table but the card"
    assert "dt-search" in shown or 'class="long' not in shown


def test_a_row_of_the_card_that_is_one_cell_stops_nothing(written: Path, tmp_path: Path) -> None:
    page = written.read_text(encoding="utf-8")
    card = re.search(r'<table class="short card".*?</table>', page, re.DOTALL)[0]
    columns = card.partition("</thead>")[0].count("<th ")
    row = f'<tr><th scope="row" class="words">All alike</th><td colspan="{columns - 1}">both equivalent</td></tr>'
    (tmp_path / "page.html").write_text(page.replace(card, card.replace("</tbody>", f"{row}</tbody>")))
    shown, said = opened(tmp_path / "page.html", tmp_path / "profile")
    assert "both equivalent" in shown and "dt-column-order" in shown, said


def test_the_policy_stops_nothing_of_the_viewer_s_own(written: Path, tmp_path: Path) -> None:
    shown, said = opened(written.with_name("viewer.html"), tmp_path)
    assert said == ""
    assert re.search(r'<p id="words"[^>]*>Slice \d+ of \d+.*: \d+ voxels found', shown)
    assert re.search(r'<canvas id="slice" [^>]*style="aspect-ratio: ', shown)


def test_what_were_smuggled_in_would_not_run(written: Path, tmp_path: Path) -> None:
    smuggled = (
        "<script>document.title = 'taken'</script><img src='x.png' onerror=\"document.title = 'taken'\">"
        "<style>body { display: none }</style><p style='position: fixed'>x</p><base href='https://example.org/'>"
        "<object data='x.svg'></object>"
    )
    page = tmp_path / "page.html"
    page.write_text(written.read_text(encoding="utf-8").replace("<main>", f"<main>{smuggled}"))
    shown, said = opened(page, tmp_path / "profile")
    assert "<title>taken" not in shown
    for directive in ("script-src", "style-src", "img-src", "base-uri"):
        assert f"{directive} " in said, said
