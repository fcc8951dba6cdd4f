"""The house: which room may reach into which, what may be imported, and what never."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Anyone may use these: they know nothing of the rooms.
COMMON = {"errors", "progress", "config"}
CORE = {
    "settings", "disk", "cache", "images", "datasets", "likelihoods", "models", "objectives",
    "checkpoints", "training", "latents", "projection", "walks", "geometry", "diagnostics", "cards",
}  # fmt: skip
# Room → the rooms it may import, besides itself and the common ones.
MAY: dict[str, set[str]] = {
    "errors": set(),
    "progress": set(),
    "config": set(),
    "settings": set(),
    "torchrun": set(),
    "disk": set(),
    "cache": {"settings", "disk"},
    "torchvision_guard": set(),
    "images": {"settings"},
    "datasets": {"settings", "images", "cache", "disk", "torchvision_guard"},
    "likelihoods": set(),
    "models": {"likelihoods"},
    "objectives": {"models", "likelihoods"},
    "checkpoints": {"disk", "models", "settings"},
    "training": {"settings", "torchrun", "disk", "datasets", "models", "objectives", "likelihoods"},
    "latents": {"cache", "datasets", "images", "models", "objectives", "settings", "torchrun"},
    "projection": {"cache", "settings"},
    "walks": {"geometry"},
    "geometry": set(),
    "diagnostics": {"images", "models", "objectives"},
    "figures": set(),
    "cards": {"checkpoints", "datasets", "diagnostics", "images", "latents", "models", "walks"},
    "store": CORE,
    "maps": CORE | {"store", "figures"},
    "assets": set(),
    "commands": set(),
    "costs": {"settings", "models", "objectives", "training"},
    "timelapse": {"projection"},
    "processes": set(),
    "jobs": CORE | {"processes", "costs", "runs"},
    "runs": CORE | {"processes", "commands", "torchrun"},
    "api": CORE | {"store", "maps", "assets"},
    "cli": CORE | {"jobs", "runs", "torchrun"},
    "ui": CORE
    | {"store", "maps", "assets", "jobs", "runs", "figures", "commands", "costs", "timelapse"}
    | {"processes"},
}
PAGES = {
    "ui",
    "figures",
    "latents",
    "walks",
    "geometry",
    "diagnostics",
    "images",
    "settings",
    "datasets",
}


def imported(file: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, in full: `vae_core.images` for both ways."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide the room"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms(file: Path) -> set[str]:
    """The rooms of the library that a file imports."""
    names = {name.split(".")[1] for name in imported(file) if name.startswith("vae_core.")}
    return names - {"__version__"}


def room_of(file: Path) -> str:
    part = file.relative_to(ROOT / "vae_core").parts[0]
    return part.removesuffix(".py")


LIBRARY = sorted((ROOT / "vae_core").rglob("*.py"))
PAGE_FILES = sorted((ROOT / "pages").rglob("*.py"))


def test_the_test_sees_imports(tmp_path):
    file = tmp_path / "module.py"
    file.write_text(
        "import vae_core.a\nfrom vae_core import b\ndef f():\n    from vae_core.c.d import e\n"
    )
    assert rooms(file) == {"a", "b", "c"}
    assert len(LIBRARY) > 30
    assert len(PAGE_FILES) > 5


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_room_stays_within_its_doors(file):
    room = room_of(file)
    if room in ("__init__", "__main__"):
        assert rooms(file) <= {"cli"}
        return
    assert room in MAY, f"{room} is a new room: say here what it may import"
    assert rooms(file) <= MAY[room] | COMMON | {room}


@pytest.mark.parametrize("file", PAGE_FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_pages_hold_no_maths_and_no_figures(file):
    assert rooms(file) <= PAGES | COMMON
    libraries = {name.split(".")[0] for name in imported(file)}
    assert not libraries & {"torch", "plotly", "sklearn", "umap", "openTSNE"}


def test_only_ui_pages_and_the_app_know_streamlit():
    users = {
        file.relative_to(ROOT).parts[:2]
        for file in [*LIBRARY, *PAGE_FILES, ROOT / "app.py"]
        if any(name.split(".")[0] == "streamlit" for name in imported(file))
    }
    assert {parts for parts in users if parts[0] not in ("pages", "app.py")} == {("vae_core", "ui")}


def test_figures_know_numpy_and_plotly_only():
    for file in (ROOT / "vae_core" / "figures").rglob("*.py"):
        libraries = {name.split(".")[0] for name in imported(file)}
        foreign = libraries - set(sys.stdlib_module_names) - {"vae_core", "numpy", "plotly"}
        assert foreign == set(), file


SLOW = ("umap", "numba", "sklearn.manifold", "openTSNE", "torchvision", "accelerate", "matplotlib",
        "mlxtend", "pandas", "plotly", "streamlit", "tyro")  # fmt: skip


QUICK = ("checkpoints", "latents", "walks", "datasets", "projection", "jobs", "cards", "store",
         "runs")  # fmt: skip


def test_start_up_is_quick():
    """What takes a second to import is imported where it is first used."""
    code = f"""
import importlib, sys
for room in {QUICK!r}:
    importlib.import_module("vae_core." + room)
    slow = [name for name in {SLOW!r} if name in sys.modules]
    assert not slow, f"vae_core.{{room}} imports {{slow}}"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_nothing_is_ever_pickled():
    """No module imports a pickler, lets numpy use one, or calls torch's format, which is one."""
    picklers = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
    found = []
    for file in (ROOT / "vae_core").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Import():
                    bad = picklers & {alias.name.split(".")[0] for alias in node.names}
                case ast.ImportFrom():
                    bad = picklers & {(node.module or "").split(".")[0]}
                case ast.Attribute(value=ast.Name(id="torch"), attr="load" | "save"):
                    bad = True
                case ast.keyword(arg="allow_pickle", value=value):
                    bad = not (isinstance(value, ast.Constant) and value.value is False)
                case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="load")):
                    bad = "allow_pickle" not in {keyword.arg for keyword in node.keywords}
                case _:
                    continue
            if bad:
                found.append(f"{file.name}:{getattr(node, 'lineno', '?')}")
    assert found == []
