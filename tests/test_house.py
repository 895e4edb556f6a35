"""The rules of the house that a machine can hold: who imports whom, what is loaded when."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import rollcast

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "rollcast"
FILES = sorted(SOURCE.rglob("*.py"))
NAMES = [str(file.relative_to(SOURCE)) for file in FILES]

# Left to right, as ARCHITECTURE.md draws them; rooms of one step do not know each other.
ORDER = (
    {"errors", "atomic"},
    {"choice"},
    {"engine"},
    {"data", "nn"},
    {"score"},
    {"model"},
    {"train"},
    {"forecast"},
    {"plots"},
    {"recipes"},
    {"interop"},
    {"apps"},
)
STEP = {room: step for step, rooms in enumerate(ORDER) for room in rooms}

# Everything that costs more to import than `import rollcast` may; only NumPy is free.
HEAVY = {"polars", "narwhals", "plotly", "typer", "rich", "scipy", "safetensors", "holidays"}
GUESTS = {
    "torch",
    "pandas",
    "pyarrow",
    "sklearn",
    "sktime",
    "onnx",
    "onnxruntime",
    "ray",
    "optuna",
    "fastapi",
}

# A forecast goes back in the kind of table that came in; then the library is loaded already.
TABLES = {"pandas", "pyarrow"}


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def imported(node: ast.AST, file: Path) -> list[str]:
    """The absolute dotted names that an import statement names, or none for another node."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        package = ["rollcast", *file.relative_to(SOURCE).parts[:-1]]
        package = package[: len(package) - (node.level - 1)]
        base = ".".join([*package, base]) if base else ".".join(package)
    return [f"{base}.{alias.name}" for alias in node.names]


def run_at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported, without those for type checkers."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting.extend(node.orelse)
            continue
        yield node
        waiting.extend(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt))


def room_of(file: Path) -> str:
    room = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    return "apps" if room == "__main__" else room


@pytest.mark.parametrize("name", NAMES)
def test_imports_point_one_way(name: str) -> None:
    file = SOURCE / name
    room = room_of(file)
    if room == "__init__":
        pytest.skip("the public list may name every room")
    assert room in STEP, f"{name} is in no room of the house"
    for node in ast.walk(tree_of(file)):
        for target in imported(node, file):
            parts = target.split(".")
            if parts[0] != "rollcast" or len(parts) == 1 or parts[1] == room:
                continue
            if parts[1] == "_native":
                assert room == "engine", f"{name}: only engine imports the native module"
            elif parts[1] in STEP:
                assert STEP[parts[1]] < STEP[room], f"{name} imports {target}: wrong way"
            else:
                public = STEP[room] >= STEP["recipes"] or parts[1] == "__version__"
                assert public, f"{name} imports {target} from the public list"


@pytest.mark.parametrize("name", NAMES)
def test_no_module_outside_apps_imports_a_heavy_library_before_it_is_needed(name: str) -> None:
    file = SOURCE / name
    if room_of(file) == "apps":
        pytest.skip("the command line is imported by nothing else")
    # A module of interop is imported by those who have its guest.
    slow = HEAVY if room_of(file) == "interop" else HEAVY | GUESTS
    for node in run_at_import(tree_of(file)):
        for target in imported(node, file):
            assert target.split(".")[0] not in slow, f"{name} imports {target} at once"


@pytest.mark.parametrize("name", NAMES)
def test_guests_stay_in_interop_and_pickle_stays_outside(name: str) -> None:
    file = SOURCE / name
    forbidden = {"pickle", "joblib", "shelve", "marshal", "dill"}
    if room_of(file) != "interop":
        forbidden |= GUESTS
    if room_of(file) == "data":
        forbidden -= TABLES
    for node in ast.walk(tree_of(file)):
        for target in imported(node, file):
            assert target.split(".")[0] not in forbidden, f"{name} imports {target}"
            slow = target.startswith(("scipy.stats", "scipy.optimize"))
            assert not slow, f"{name} imports {target}: half a second"


def test_importing_rollcast_loads_nothing_heavy() -> None:
    code = "import sys, rollcast; print(*{name.split('.')[0] for name in sys.modules})"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(seen.stdout.split()) & (HEAVY | GUESTS)


def test_the_version_is_said_once_and_has_an_entry_in_the_changelog() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert rollcast.__version__ == project["version"]
    assert rollcast.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def undocumented(tree: ast.Module) -> Iterator[str]:
    if tree.body and not ast.get_docstring(tree):
        yield "the module"
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            yield node.name


@pytest.mark.parametrize("name", NAMES)
def test_every_module_and_every_public_name_in_it_says_what_it_is(name: str) -> None:
    assert list(undocumented(tree_of(SOURCE / name))) == []


def test_every_name_of_the_public_list_exists_and_every_public_method_is_documented() -> None:
    for public in rollcast.__all__:
        thing = getattr(rollcast, public)
        assert getattr(thing, "__doc__", None), public
        if not isinstance(thing, type) or issubclass(thing, BaseException):
            continue
        for name, member in vars(thing).items():
            if not name.startswith("_") and callable(member):
                assert member.__doc__, f"{public}.{name}"


@pytest.mark.parametrize("name", NAMES)
def test_python_files_can_be_read_in_one_sitting(name: str) -> None:
    lines = (SOURCE / name).read_text(encoding="utf-8").count("\n")
    assert lines <= 300, f"{name} has {lines} lines: it holds more than one concept"
    assert Path(name).stem not in {"utils", "helpers", "misc", "common"}


@pytest.mark.parametrize("name", NAMES)
def test_the_library_prints_nothing_and_forwards_no_nameless_options(name: str) -> None:
    file = SOURCE / name
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print" or room_of(file) == "apps", f"{name}:{node.lineno}"
        if isinstance(node, ast.FunctionDef) and node.name != "set_params":
            assert node.args.kwarg is None, f"{name}: {node.name} takes **{node.args.kwarg}"


def texts_of_the_repository() -> Iterator[Path]:
    """Every text file that belongs to the project, without what is built or kept by tools."""
    left_out = {"build", "dist", "demo"}
    for path in ROOT.iterdir():
        if path.is_dir() and (path.name in left_out or path.name.startswith(".")):
            if path.name != ".ci":
                continue
            yield from (file for file in path.rglob("*") if file.is_file())
        elif path.is_dir():
            yield from (file for file in path.rglob("*") if file.is_file())
        elif path.name != ".git":  # a file in a linked working tree
            yield path


def test_no_file_names_a_place_on_some_machine() -> None:
    place = re.compile(r"(?<![\w.])/(?:work|root|home|Users|opt)/\w")
    kinds = {".py", ".md", ".h", ".cpp", ".toml", ".txt", ".yaml", ".csv", ".pyi", ""}
    for file in texts_of_the_repository():
        if file.suffix in kinds and "__pycache__" not in file.parts:
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                assert not place.search(line), f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
