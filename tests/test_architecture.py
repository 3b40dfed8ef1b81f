"""The floors: a package imports from lower ones only, through their public names, and never in a circle."""

from __future__ import annotations

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "syneg_cli"
FLOORS = {
    "core": 1,
    "data": 2,
    "llm": 2,
    "encoding": 3,
    "generation": 3,
    "mixing": 3,
    "mining": 4,
    "evaluation": 4,
    "verification": 4,
    "training": 5,
    "round_trip": 5,
    "studies": 5,
    "forecast": 5,
    "report": 6,
    "stages": 7,
    "library": 8,
    "cli": 8,
    "__main__": 9,
}
"""Package (or module at the top) -> floor. syneg_cli/__init__.py only names what the library has."""

AT_THE_DOOR = ("syneg_cli", "syneg_cli.__main__", "syneg_cli.cli.app")
"""May name single modules: `syneg --help` and `import syneg_cli` have to be quick."""

LONGEST_FILE, LONGEST_FUNCTION = 350, 60


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file of every module."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def imports(module: str) -> Iterator[tuple[str, int]]:
    """(imported module of syneg, line): at the top, inside functions and under TYPE_CHECKING alike."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative imports hide where they lead"
            if (node.module or "").split(".")[0] == "syneg_cli":
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield (
                        (inner if inner in modules() and not shadowed(inner) else str(node.module)),
                        node.lineno,
                    )
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "syneg_cli":
                    yield alias.name, node.lineno


def shadowed(module: str) -> bool:
    """Whether a package's face has a function with the name of one of its modules."""
    package, _, name = module.rpartition(".")
    names = {
        alias.asname or alias.name: node.module
        for node in ast.walk(tree(package))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return names.get(name) == module


def package_of(module: str) -> str:
    return [*module.split("."), ""][1]


def test_every_package_has_a_floor() -> None:
    assert {package_of(module) for module in modules()} - {""} == set(FLOORS)


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_lead_down(module: str) -> None:
    own = package_of(module)
    for imported, line in imports(module):
        other = package_of(imported)
        if own and other and own != other:
            assert FLOORS[other] < FLOORS[own], f"{module}:{line} imports {imported}, which is not below it"


@pytest.mark.parametrize("module", sorted(modules()))
def test_nobody_reaches_past_a_package(module: str) -> None:
    """What a package is for others is in its __init__.py."""
    if module in AT_THE_DOOR:
        return
    for node in ast.walk(tree(module)):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("syneg_cli."):
            continue
        own, other = package_of(module), package_of(str(node.module))
        if own != other and not (other == "core" and node.module == "syneg_cli.core.version"):
            assert node.module == f"syneg_cli.{other}", f"{module}:{node.lineno} reaches into {node.module}"


def test_there_is_no_circle_between_files() -> None:
    edges = {module: {imported for imported, _ in imports(module)} - {module} for module in modules()}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for imported in sorted(edges.get(module, ())):
                visit(imported, (*path, module))
            done.add(module)

    for module in sorted(modules()):
        visit(module, ())


@pytest.mark.parametrize("package", sorted(name for name in FLOORS if (PACKAGE / name).is_dir()))
def test_a_package_says_what_it_is_for_and_lists_its_names(package: str) -> None:
    module = f"syneg_cli.{package}"
    lines = (ast.get_docstring(tree(module)) or "").splitlines()
    assert len(lines[0] if lines else "") > 20, f"{module} does not say what it is for"
    if package == "cli":
        return  # nothing is above it
    face = importlib.import_module(module)
    assert len(face.__all__) == len(set(face.__all__)) > 1
    for name in face.__all__:
        assert hasattr(face, name), f"{module} has no {name}"


def test_a_name_at_the_door_is_asked_for_there() -> None:
    """By another package, a test or a script: what only its own package uses is nobody else's business."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for folder in ("syneg_cli", "tests", "benchmarks", "docs"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                inside = isinstance(node, ast.ImportFrom) and str(node.module).replace(".", "/") in str(path)
                if isinstance(node, ast.ImportFrom) and not inside:
                    wanted[str(node.module)] |= {alias.name for alias in node.names}
    for package in sorted(set(FLOORS) - {"cli", "library", "__main__"}):
        face = importlib.import_module(f"syneg_cli.{package}")
        assert not set(face.__all__) - wanted[f"syneg_cli.{package}"], f"syneg_cli.{package}"


@pytest.mark.parametrize("module", sorted(modules()))
def test_every_module_says_what_it_is_for(module: str) -> None:
    assert len(ast.get_docstring(tree(module)) or "") > 20 or module == "syneg_cli.__main__"


def test_commands_do_not_import_one_another() -> None:
    commands = [module for module in modules() if module.startswith("syneg_cli.cli.commands.")]
    assert len(commands) > 10
    for module in commands:
        assert not {imported for imported, _ in imports(module)} & set(commands)


@pytest.mark.parametrize("folder", ["syneg_cli", "tests", "benchmarks"])
def test_files_and_functions_are_short(folder: str) -> None:
    paths = sorted((ROOT / folder).rglob("*.py"))
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") < LONGEST_FILE, f"{path} has {text.count(chr(10))} lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length < LONGEST_FUNCTION, f"{path}:{node.lineno}: {node.name} has {length} lines"


def test_commands_are_thin() -> None:
    lines: dict[str, int] = defaultdict(int)
    for path in (PACKAGE / "cli").rglob("*.py"):
        lines["commands" if path.parent.name == "commands" else "rest"] += len(path.read_text().splitlines())
    assert lines["commands"] < 1500
