"""What a person gets who installs the program, or reads the repository."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from milestones.shipped import sample_config, templates_dir

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "milestones"
PACKAGES = PACKAGE, ROOT / "wixsandbox"

# Put together from pieces, so that this file does not contain what it looks for.
REGISTRY_HOSTS = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "deb." + "debian.org",
]
MACHINE_PATHS = ["/wo" + "rk/", "/home" + "/", "/opt/" + "pypi"]


# Parts of FastAPI's and pydantic's own interfaces.
RELEASED_WITH_ANOTHER = {"starlette", "pydantic-core"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content in a folder of its own, as an installation outside the checkout has it."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def milestones(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # -P keeps the working folder off the path; the installed package comes before the checkout.
    command = [sys.executable, "-P", "-m", "milestones", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(command, cwd=cwd, env=environment, check=False, capture_output=True, text=True)


def test_the_wheel_holds_the_package_the_mails_and_the_configuration(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    sources = {str(path.relative_to(ROOT)) for package in PACKAGES for path in package.rglob("*.py")}
    mails = {
        f"milestones/shipped/{path.relative_to(ROOT)}"
        for path in (ROOT / "templates").rglob("*")
        if path.is_file()
    }
    assert mails
    assert (
        sources | mails | {"milestones/shipped/config.toml", "milestones/py.typed", "wixsandbox/py.typed"}
        <= held
    )
    assert not [name for name in held if name.startswith(("tests/", "bench/", "docs/"))]


def test_an_installation_finds_its_own_mails_and_configuration(installed: Path) -> None:
    code = "from milestones.shipped import templates_dir; print(templates_dir())"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    found = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=installed,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert Path(found.stdout.strip()) == installed / "milestones" / "shipped" / "templates"


def test_a_checkout_uses_the_mails_and_the_configuration_in_its_root() -> None:
    assert templates_dir() == ROOT / "templates"
    assert sample_config() == (ROOT / "config.toml").read_text(encoding="utf-8")


def test_the_program_prints_its_help_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    shown = milestones(installed, "--help", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "explain" in shown.stdout


def test_a_new_shop_is_made_and_passes_its_check_outside_the_checkout(
    installed: Path, tmp_path: Path
) -> None:
    made = milestones(installed, "init", "shop", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    checked = milestones(installed, "check", cwd=tmp_path / "shop")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_change_log_begins_with_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\](?: (\S+))?", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    newest, expected = headings[0]
    assert version in {newest, expected}


def test_the_domain_imports_the_standard_library_and_itself_only() -> None:
    for path in (PACKAGE / "domain").rglob("*.py"):
        for name in _imports(ast.parse(path.read_text(encoding="utf-8"))):
            allowed = name.split(".")[0] in sys.stdlib_module_names or name.startswith("milestones.domain")
            assert allowed, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("part", ["milestones", "wixsandbox", "tests", "bench"])
def test_every_library_that_is_imported_is_declared_and_pinned(part: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = project["project"]["dependencies"]
    constraints = "constraints.txt"
    if part in {"tests", "bench"}:
        tools = [tool for tool in project["dependency-groups"]["dev"] if isinstance(tool, str)]
        declared, constraints = [*declared, *tools], "constraints-dev.txt"
    names = {_name_of(requirement) for requirement in declared}
    pinned = {_name_of(line) for line in (ROOT / constraints).read_text().splitlines() if "==" in line}
    assert names - pinned == set(), "run `make constraints`"
    homes = packages_distributions()
    imported = {
        _name_of(homes[module][0])
        for path in (ROOT / part).rglob("*.py")
        for name in _imports(ast.parse(path.read_text(encoding="utf-8")))
        if (module := name.split(".")[0]) in homes
        and module not in {"milestones", "wixsandbox", "tests", "bench"}
    }
    assert imported - names - RELEASED_WITH_ANOTHER == set()


def test_every_pinned_file_has_a_hash() -> None:
    for name in ("constraints.txt", "constraints-dev.txt"):
        pins = re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8"))
        assert [
            pin.split()[0] for pin in pins if not pin.startswith("#") and "--hash=sha256:" not in pin
        ] == []


def test_no_file_names_a_registry_or_a_folder_of_somebodys_machine() -> None:
    assert _tracked_files_with((*REGISTRY_HOSTS, *MACHINE_PATHS)) == []


def test_nothing_is_left_to_do() -> None:
    assert _tracked_files_with(("TO" + "DO:", "FIX" + "ME", "X" + "XX:")) == []


def _tracked_files_with(words: tuple[str, ...]) -> list[tuple[str, str]]:
    # CI may run as another user than the one who cloned, which git refuses unless told.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        # A file may be deleted and not yet committed.
        text = path.read_text(encoding="utf-8", errors="ignore") if path.is_file() else ""
        found += [(name, word) for word in words if word in text]
    return found


def _name_of(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")


def _imports(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return names
