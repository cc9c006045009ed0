"""Which faults the tests catch: mutants of five rooms, each against the tests that reach the changed line.

    python benchmarks/mutation.py reach ROOM                        # which test reaches which line; first
    python benchmarks/mutation.py run ROOM [--seed 1] [--size 120]  # a random sample; goes on where it stopped
    python benchmarks/mutation.py again ROOM [--seed 1]             # the survivors once more, after new tests
    python benchmarks/mutation.py page                              # docs/mutation.md from the results

Rooms: losses, evaluation, statistics, headline, card, decision, trainer. `--size 0` makes every mutant. Run it from
the root of the repository, with CI=1 so that hypothesis draws the same examples each time.

A mutant runs in a child of a process that has imported the libraries but nothing of nnunet_losses. The child's import
of the one module takes the changed source; no file is written, so several can run at once. It meets the tests that
reach its line, the fastest first, until one fails. Lines that run at import, before any test, meet all tests of the
module, its own first. A mutant that takes more than ten times the processor time of its tests is killed by timeout.

What a survivor means is written by hand in benchmarks/results/mutation_survivors.toml.
"""

import argparse
import contextlib
import gc
import importlib
import importlib.abc
import importlib.util
import json
import os
import resource
import sys
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import NoReturn

import coverage
import pytest
from mutants import Mutant, all_mutants, sample

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "mutation.json"
ARGUMENTS = ROOT / "benchmarks" / "results" / "mutation_survivors.toml"
PAGE = ROOT / "docs" / "mutation.md"
REACH = ROOT / "work" / "mutation"
ROOMS = {
    "losses": ("nnunet_losses/losses", ["tests/losses", "tests/conformance/test_values.py"]),
    "evaluation": ("nnunet_losses/evaluation", ["tests/evaluation"]),
    "statistics": ("nnunet_losses/statistics", ["tests/statistics"]),
    "headline": (
        "nnunet_losses/report/headline.py",
        ["tests/report/test_verdict.py", "tests/report/tables/test_card.py"],
    ),
    "card": ("nnunet_losses/report/tables/card.py", ["tests/report/tables/test_card.py"]),
    "decision": (
        "nnunet_losses/statistics/ranking/decision.py",
        ["tests/statistics/ranking/test_decision.py", "tests/statistics/answer"],
    ),
    "trainer": ("nnunet_losses/nnunet/training", ["tests/nnunet"]),
}
LIBRARIES = [
    "cc3d", "edt", "hypothesis", "hypothesis.extra.numpy", "jinja2", "matplotlib.pyplot", "monai.losses", "nibabel",
    "numpy", "pandas", "pandera.pandas", "pyarrow.parquet", "pydantic", "pykdtree.kdtree", "scipy.ndimage",
    "scipy.optimize", "scipy.stats", "seaborn", "SimpleITK", "statsmodels.api", "statsmodels.formula.api", "torch",
    "typer", "torch.distributed", "nnunetv2.training.nnUNetTrainer.nnUNetTrainer",
]  # fmt: skip
# Plugins that no test needs cost more than most tests; importing them here makes them cheap for all children.
PYTEST_MODULES = ["_hypothesis_pytestplugin", "pytest_timeout", "_pytest._argcomplete", "_pytest.faulthandler"]
PYTEST_MODULES += ["_pytest.helpconfig", "_pytest.setuponly", "_pytest.setupplan", "_pytest.skipping"]
PYTEST_MODULES += ["_pytest.stepwise", "_pytest.tracemalloc", "_pytest.unittest", "_pytest.warnings"]
PYTEST = ["-x", "-q", "-m", "not slow", "--no-header", "--tb=line", "-p", "_hypothesis_pytestplugin"]
PYTEST += ["-p", "pytest_timeout", "-p", "no:cacheprovider", "-p", "no:pastebin", "-p", "no:junitxml"]
PYTEST += ["-p", "no:unraisableexception", "-p", "no:threadexception"]
PATIENCE = 10  # times the processor time that the tests take on the code as it is
IMPORTS_S = 30.0  # processor time on top, for imports and collection
LIMIT_S = 15  # processor seconds of tests a mutant meets
WALL_S = 900.0  # a mutant that waits for ever uses no processor

HEAD = """# Mutation testing

How many faults do the tests catch? Each row is a random sample of *mutants*: copies of a room's code with one small
change each (an operator, a comparison, a number, a condition, a loop, a decorator, an exception), made by
[cosmic-ray](https://cosmic-ray.readthedocs.io). A mutant is killed when a test fails or runs more than {patience} times
as long as it should; a mutant that all tests accept survives. `benchmarks/mutants.py` says which mutants are not made
and why; `benchmarks/mutation.py` runs them. This page is written by `python benchmarks/mutation.py page`.

{table}

*First*: the tests as they were when the sample was drawn. *Now*: after the tests that the survivors asked for, where
the line still exists. *Equivalent*: survivors that no test can tell from the code as it is, argued below; the score
leaves them out. Each mutant met the tests that reach its line, the fastest first, up to {limit} s of processor
time; tests marked `slow` were left out. The score of 100 mutants has a standard error of about three percentage points.
"""


@dataclass(frozen=True)
class Reach:
    """Which tests reach which line, and the processor seconds that each takes."""

    seconds: dict[str, float]
    lines: dict[str, dict[str, list[str]]]

    def tests(self, mutant: Mutant, limit_s: float) -> list[str]:
        """The tests to run, as many as fit into the limit: the module's own test file, then others, fastest first.

        The whole of its own: a function that caches its results is reached by the first test alone.
        """
        lines = self.lines.get(mutant.path, {})
        reaching = lines.get(str(mutant.line)) or {test for tests in lines.values() for test in tests} or self.seconds
        own = f"/test_{Path(mutant.path).stem.removeprefix('_')}.py::"
        reaching = {test for test in self.seconds if own in test}.union(reaching)
        order = sorted(reaching, key=lambda test: (own not in test, self.seconds[test], test))
        chosen, total = [], 0.0
        for test in order:
            total += self.seconds[test]
            if total > limit_s and chosen:
                break
            chosen.append(test)
        return chosen


class TracingPlugin:
    """Notes for each test and each shared fixture which lines it reaches and how long it takes."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured, self.context = measured, ""
        self.seconds: Counter[str] = Counter()
        self.users: dict[str, list[str]] = defaultdict(list)

    @contextlib.contextmanager
    def _noting(self, context: str) -> Iterator[None]:
        outer, self.context = self.context, context
        start = time.process_time()
        self.measured.switch_context(context)
        try:
            yield
        finally:
            self.context = outer
            self.measured.switch_context(outer)
            self.seconds[context] += time.process_time() - start

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """A context for the test."""
        for name, definitions in getattr(item, "_fixtureinfo").name2fixturedefs.items():  # noqa: B009
            self.users[f"fixture {definitions[-1].baseid} {name}"].append(item.nodeid)
        with self._noting(item.nodeid):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef) -> Iterator[None]:
        """A context for a fixture that tests share."""
        if fixturedef.scope == "function":
            return (yield)
        with self._noting(f"fixture {fixturedef.baseid} {fixturedef.argname}"):
            return (yield)

    def reach(self, package: Path) -> Reach:
        """What was noted: a test reaches what its fixtures reach, and pays for them."""
        data = self.measured.get_data()
        tests = {context: [context] for context in self.seconds if not context.startswith("fixture ")} | self.users
        seconds = {test: self.seconds[test] for test in tests if not test.startswith("fixture ")}
        lines: dict[str, dict[str, list[str]]] = {}
        for file in data.measured_files():
            path = Path(file)
            if path == package or package in path.parents:
                lines[str(path.relative_to(ROOT))] = {
                    str(line): sorted({test for context in contexts if context for test in tests.get(context, [])})
                    for line, contexts in data.contexts_by_lineno(file).items()
                }
        return Reach(seconds, lines)


class ChoosingPlugin:
    """Runs chosen tests in a chosen order and ends the process with the first that fails."""

    def __init__(self, tests: list[str], known: Collection[str], write: int) -> None:
        self.order, self.known = {test: i for i, test in enumerate(tests)}, known
        self.write = write

    def end(self, outcome: str, by: str) -> NoReturn:
        """Tell the parent and leave without any clearing up."""
        os.write(self.write, json.dumps({"outcome": outcome, "by": by}).encode())
        os._exit(int(outcome == "killed"))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Tests that are newer than the map of reach, then the chosen ones in their order."""
        chosen = (item for item in items if item.nodeid in self.order or item.nodeid not in self.known)
        items[:] = sorted(chosen, key=lambda item: self.order.get(item.nodeid, -1))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The first failure."""
        if report.failed:
            self.end("killed", report.nodeid)


class Changed(SourceFileLoader):
    """Loads a module from a changed source."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        """The changed code, never a cached one."""
        return compile(self.source, self.path, "exec", dont_inherit=True)


class ChangedFinder(importlib.abc.MetaPathFinder):
    """Finds the changed module before the file is found."""

    def __init__(self, path: str, source: str) -> None:
        self.name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.file, self.source = str(ROOT / path), source

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        """The changed module's, else none."""
        if fullname != self.name:
            return None
        loader = Changed(fullname, self.file, self.source)
        return importlib.util.spec_from_file_location(fullname, self.file, loader=loader)


def trace(room: str) -> None:
    """Run the room's tests once and write which lines each reaches."""
    folder, tests = ROOMS[room]
    measured = coverage.Coverage(data_file=None, source=[str(ROOT / "nnunet_losses")])
    plugin = TracingPlugin(measured)
    measured.start()
    pytest.main([option for option in PYTEST if option != "-x"] + tests, plugins=[plugin])
    measured.stop()
    reach = plugin.reach(ROOT / folder)
    REACH.mkdir(parents=True, exist_ok=True)
    (REACH / f"{room}.json").write_text(json.dumps({"seconds": reach.seconds, "lines": reach.lines}))
    print(f"{len(reach.seconds)} tests, {sum(reach.seconds.values()):.0f} s")


def read_mutants(room: str) -> tuple[dict[str, list[list[Mutant]]], dict[str, str]]:
    """All mutants of a room by module and place, and the modules' sources."""
    folder = ROOT / ROOMS[room][0]
    files = [folder] if folder.is_file() else sorted(folder.rglob("*.py"))
    places = {str(file.relative_to(ROOT)): all_mutants(file, ROOT) for file in files}
    places = {path: groups for path, groups in places.items() if groups}
    return places, {path: (ROOT / path).read_text(encoding="utf-8") for path in places}


def run_child(
    mutant: Mutant, source: str, tests: list[str], reach: Reach, folders: list[str], write: int, *, anywhere: bool
) -> None:
    """In the child: the tests on the changed source; what became of it goes through the pipe."""
    cpu = int(PATIENCE * sum(reach.seconds[test] for test in tests) + IMPORTS_S)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.meta_path.insert(0, ChangedFinder(mutant.path, mutant.source(source)))
    plugin = ChoosingPlugin(tests, reach.seconds, write)
    own = [file for folder in folders for file in (ROOT / folder).glob(f"**/test_{Path(mutant.path).stem}.py")]
    files = sorted({test.partition("::")[0] for test in tests} | {str(file.relative_to(ROOT)) for file in own})
    code = pytest.main(PYTEST + (folders if anywhere else files), plugins=[plugin])
    if code == pytest.ExitCode.OK:
        plugin.end("survived", "")
    plugin.end("killed", "import")


def _check_new_tests(room: str, reach: Reach) -> None:
    """Tests newer than the map of reach must pass on the code as it is: one that fails would kill every mutant."""
    child = os.fork()
    if child == 0:
        code = pytest.main(PYTEST + ROOMS[room][1], plugins=[ChoosingPlugin([], reach.seconds, os.open(os.devnull, 1))])
        os._exit(code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED))
    if os.waitpid(child, 0)[1]:
        raise SystemExit("new tests fail on the code as it is")


def run_mutants(
    mutants: list[Mutant], room: str, workers: int, limit_s: float, sources: dict[str, str], *, anywhere: bool = False
) -> Iterator[dict]:
    """Each mutant with its outcome, as soon as it is known; ``anywhere``: tests newer than the map from all files."""
    reach = Reach(**json.loads((REACH / f"{room}.json").read_text(encoding="utf-8")))
    for library in LIBRARIES + PYTEST_MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    assert not any(name.startswith("nnunet_losses.") for name in sys.modules)
    gc.collect()
    gc.freeze()  # children then neither scan nor copy what is here
    _check_new_tests(room, reach)
    waiting, running = mutants[::-1], {}
    while waiting or running:
        while waiting and len(running) < workers:
            mutant = waiting.pop()
            tests = reach.tests(mutant, limit_s)
            if not tests:
                yield _row(mutant, sources, {"outcome": "survived", "by": "no test reaches it"}, 0)
                continue
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                with contextlib.suppress(BaseException):
                    run_child(mutant, sources[mutant.path], tests, reach, ROOMS[room][1], write, anywhere=anywhere)
                os._exit(0)
            os.close(write)
            running[child] = (mutant, read, time.monotonic(), len(tests))
        for child, (mutant, read, start, count) in list(running.items()):
            done, _ = os.waitpid(child, os.WNOHANG)
            if not done and time.monotonic() - start > WALL_S:
                os.kill(child, 9)
                done, _ = os.waitpid(child, 0)
            if done:
                text = os.read(read, 10_000)
                os.close(read)
                del running[child]
                yield _row(mutant, sources, json.loads(text or '{"outcome": "timeout", "by": ""}'), count)
        time.sleep(0.05)


def _row(mutant: Mutant, sources: dict[str, str], outcome: dict[str, str], tests: int) -> dict:
    before, after = mutant.diff(sources[mutant.path])
    operator = mutant.operator.removeprefix("core/")
    row = {"module": mutant.path, "line": mutant.line, "operator": operator, "before": before, "after": after}
    return row | {"tests": tests} | outcome


def _key(row: dict) -> tuple[str, str, str, str]:
    return row["module"], row["operator"], row["before"], row["after"]


def run(room: str, seed: int, size: int, workers: int, limit_s: float) -> None:
    """A sample of mutants; those with an outcome in the results are not run again."""
    places, sources = read_mutants(room)
    total = sum(len(groups) for groups in places.values())
    mutants = sample(places, size or 10 * total, seed, sources)
    stored = _stored(room, seed)
    known = {_key(row) for row in stored}
    todo = [mutant for mutant in mutants if _key(_row(mutant, sources, {}, 0)) not in known]
    print(f"{room}: {total} places, {len(mutants)} mutants, {len(todo)} to run")
    for row in run_mutants(todo, room, workers, limit_s, sources):
        stored.append(row)
        _write(room, seed, stored, total)
        print(row["outcome"], f"{row['module']}:{row['line']}", row["after"], row["by"], sep=" | ", flush=True)


def again(room: str, seed: int, workers: int, limit_s: float) -> None:
    """The survivors without an argument once more, against the code and tests of now; where the line changed, gone."""
    places, sources = read_mutants(room)
    stored = _stored(room, seed)
    argued = _arguments()
    left = {_key(row) for row in stored if row["outcome"] == "survived" and _argument_key(row) not in argued}
    modules = {key[0] for key in left}
    now = {
        _key(_row(mutant, sources, {}, 0)): mutant
        for path in modules & places.keys()
        for group in places[path]
        for mutant in group
        if (path, mutant.operator.removeprefix("core/")) in {key[:2] for key in left}
    }
    for row in stored:
        if _key(row) in left - now.keys():
            row |= {"outcome": "gone", "by": "the line was changed"}
    todo = [now[key] for key in sorted(left & now.keys())]
    print(f"{room}: {len(todo)} survivors to run, {len(left) - len(todo)} gone")
    for new in run_mutants(todo, room, workers, limit_s, sources, anywhere=True):
        next(row for row in stored if _key(row) == _key(new) and row["outcome"] == "survived").update(
            new | {"outcome": "survived" if new["outcome"] == "survived" else f"{new['outcome']} since"}
        )
        _write(room, seed, stored, sum(len(groups) for groups in places.values()))
        print(new["outcome"], f"{new['module']}:{new['line']}", new["after"], new["by"], sep=" | ", flush=True)


def _arguments() -> dict[tuple[str, str, str], str]:
    return {_argument_key(one): one["why"] for one in tomllib.loads(ARGUMENTS.read_text(encoding="utf-8"))["survivor"]}


def _argument_key(row: dict) -> tuple[str, str, str]:
    return row["module"], row["before"], row["after"]


def _read() -> dict:
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def _stored(room: str, seed: int) -> list[dict]:
    return _read().get(room, {}).get("seeds", {}).get(str(seed), [])


def _write(room: str, seed: int, rows: list[dict], places: int) -> None:
    results = _read()
    entry = results.setdefault(room, {"places": places, "seeds": {}})
    entry["places"] = places
    entry["seeds"][str(seed)] = sorted(
        rows, key=lambda row: (row["module"], row["line"], row["operator"], row["after"])
    )
    new = RESULTS.with_suffix(".new")
    new.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    os.replace(new, RESULTS)


def page() -> None:
    """docs/mutation.md: the score of each room, and why each survivor may live."""
    results, reasons = _read(), _arguments()
    table = [
        "| Room | Places | Seed | Mutants | Killed, first | By timeout | Killed, now | Equivalent | Score |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    survivors = []
    for room, entry in results.items():
        for seed, rows in entry["seeds"].items():
            count = Counter(row["outcome"] for row in rows)
            timeouts = count["timeout"] + count["timeout since"]
            first = count["killed"] + count["timeout"]
            now, still = len(rows) - count["survived"] - count["gone"], len(rows) - count["gone"]
            reasons_left = [reasons.get(_argument_key(row), "") for row in rows if row["outcome"] == "survived"]
            same = sum(reason.startswith("equivalent") for reason in reasons_left)
            table.append(
                f"| {room} | {entry['places']} | {seed} | {len(rows)} | {first} ({first / len(rows):.0%}) | {timeouts} "
                f"| {now} of {still} ({now / still:.0%}) | {same} | {now / (still - same):.0%} |"
            )
        left = {_key(row): row for rows in entry["seeds"].values() for row in rows if row["outcome"] == "survived"}
        if left:
            survivors += [
                f"\n## Survivors: {room}\n",
                "| Where | Was | Mutant | Why it may live |",
                "|---|---|---|---|",
            ]
        for row in sorted(left.values(), key=lambda row: (row["module"], row["line"])):
            reason = reasons.get(_argument_key(row), "**not argued**")
            where = f"{row['module'].removeprefix('nnunet_losses/')}:{row['line']}"
            survivors.append(f"| {where} | {_code(row['before'])} | {_code(row['after'])} | {reason} |")
    text = HEAD.format(patience=PATIENCE, limit=LIMIT_S, table="\n".join(table))
    PAGE.write_text(text + "\n".join(survivors) + "\n")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else "(removed)"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["reach", "run", "again", "page"])
    parser.add_argument("room", nargs="?", choices=ROOMS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=120, help="mutants in the sample; 0: all")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="processor seconds of tests per mutant")
    chosen = parser.parse_args()
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.path.insert(0, str(ROOT))
    if chosen.command == "reach":
        trace(chosen.room)
    elif chosen.command == "run":
        run(chosen.room, chosen.seed, chosen.size, chosen.workers, chosen.limit)
    elif chosen.command == "again":
        again(chosen.room, chosen.seed, chosen.workers, chosen.limit)
    else:
        page()
