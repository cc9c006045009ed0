"""Every mutant of a module: one small change of its code each, made by the operators of cosmic-ray.

Some changes cannot alter what the code does, or only what no test should hold. They are left out by these rules, never
one by one:

- annotations and names for types: nothing runs there;
- the text of an error or a warning, `__repr__` and `__str__`;
- the decorators `overload`, `override`, `final` and `abstractmethod`, and the switches `frozen`, `slots`, `kw_only` and
  `strict` (of `zip`), which only stop programming errors; so do assertions;
- `==` for `is` and the reverse;
- arithmetic replaced by bit operators and the reverse: it raises for nearly every operand, which would only flatter;
- the markers `*` and `/` in a signature;
- what does not compile.
"""

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ARITHMETIC = {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"}
TYPING_ONLY = {"overload", "override", "final", "abstractmethod"}
GUARDS = {"frozen", "slots", "kw_only", "strict"}

Position = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """One change: the `occurrence`-th place in the file at which the operator can act."""

    path: str
    operator: str
    occurrence: int
    line: int
    column: int

    def source(self, original: str) -> str:
        """The module's text with the change."""
        changed = mutate_code(original, get_operator(self.operator)(), self.occurrence)
        assert changed is not None
        return changed

    def diff(self, original: str) -> tuple[str, str]:
        """The lines that differ, before and after, stripped."""
        before, after = original.splitlines(), self.source(original).splitlines()
        start = next((i for i, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), len(before))
        end = next(
            (i for i, pair in enumerate(zip(before[::-1], after[::-1], strict=False)) if pair[0] != pair[1]),
            min(len(before), len(after)),
        )
        end = min(end, len(before) - start, len(after) - start)
        old, new = before[start : len(before) - end], after[start : len(after) - end]
        return " ".join(line.strip() for line in old), " ".join(line.strip() for line in new)


def all_mutants(path: Path, root: Path) -> list[list[Mutant]]:
    """The mutants of a module that the rules leave, grouped by place in the code."""
    source = path.read_text(encoding="utf-8")
    left_out = _left_out(ast.parse(source))
    places: dict[Position, list[Mutant]] = {}
    for name, occurrence, node, (start, _end) in _occurrences(source):
        inside = any(first <= start < last for first, last in left_out)
        if inside or not _worth_making(name, node):
            continue
        places.setdefault(start, []).append(Mutant(str(path.relative_to(root)), name, occurrence, *start))
    return [places[key] for key in sorted(places)]


def sample(places: dict[str, list[list[Mutant]]], size: int, seed: int, sources: dict[str, str]) -> list[Mutant]:
    """A random place each, and one of its mutants: modules in proportion to their places, each at least once."""
    total = sum(len(groups) for groups in places.values())
    chosen = []
    for path, groups in places.items():
        generator = random.Random(f"{seed} {path}")
        order = generator.sample(groups, len(groups))
        share = size * len(groups) / total
        count = int(share) + (generator.random() < share % 1)
        made = (
            mutant
            for group in order
            for mutant in [generator.choice(group)]
            if _differs(sources[path], mutant.source(sources[path]))
        )
        chosen += [mutant for mutant, _ in zip(made, range(max(1, count)), strict=False)]
    return random.Random(seed).sample(chosen, len(chosen))  # so that a run that is stopped is a random sample too


def _occurrences(source: str) -> Iterator[tuple[str, int, parso.tree.NodeOrLeaf, tuple[Position, Position]]]:
    operators = {name: get_operator(name)() for name in operator_names() if not name.startswith("core/Variable")}
    seen = dict.fromkeys(operators, 0)
    for node in ast_nodes(get_ast(source)):
        if node.type in ("name", "string", "newline", "endmarker"):
            continue
        for name, operator in operators.items():
            for position in operator.mutation_positions(node):
                yield name, seen[name], node, position
                seen[name] += 1


def _worth_making(name: str, node: parso.tree.NodeOrLeaf) -> bool:
    kind, _, words = name.removeprefix("core/").partition("Operator_")
    if kind == "ReplaceBinary":
        old, new = words.split("_")
        return (old in ARITHMETIC) == (new in ARITHMETIC) and node.parent.type not in ("parameters", "typedargslist")
    if kind == "ReplaceComparison":
        return words not in ("Eq_Is", "Is_Eq", "NotEq_IsNot", "IsNot_NotEq")
    if name == "core/RemoveDecorator":
        return node.children[1].get_code().rpartition(".")[2] not in TYPING_ONLY
    return True


def _left_out(tree: ast.Module) -> list[tuple[Position, Position]]:
    spans = [_span(statement) for statement in tree.body if _is_type_alias(statement)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if node.name in ("__repr__", "__str__"):
                spans.append(_span(node))
            spans += [_span(node.returns)] if node.returns else []
        elif isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation:
            spans.append(_span(node.annotation))
        elif isinstance(node, (ast.Raise, ast.Assert)) or (isinstance(node, ast.Call) and _called(node) == "warn"):
            spans.append(_span(node))
        elif isinstance(node, ast.keyword) and node.arg in GUARDS:
            spans.append(_span(node.value))
    return spans


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _span(node: ast.expr | ast.stmt) -> tuple[Position, Position]:
    return (node.lineno, node.col_offset), (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)


def _is_type_alias(statement: ast.stmt) -> bool:
    """`Name = A | B[C]` at the top of a module."""
    allowed = (
        ast.Name, ast.Attribute, ast.Subscript, ast.BinOp, ast.BitOr, ast.Load, ast.Tuple, ast.List, ast.Constant,
    )  # fmt: skip
    return (
        isinstance(statement, ast.Assign)
        and isinstance(statement.value, (ast.Subscript, ast.BinOp))
        and all(isinstance(part, allowed) for part in ast.walk(statement.value))
        and not any(
            isinstance(part, ast.Constant) and isinstance(part.value, (int, float))
            for part in ast.walk(statement.value)
        )
    )


def _differs(original: str, changed: str) -> bool:
    try:
        return ast.dump(ast.parse(changed)) != ast.dump(ast.parse(original))
    except SyntaxError:
        return False
