"""The installed package, far from the source tree: two commands, the page's files, the demos."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio import __version__
from studio.demo import ASSETS, DEMOS
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
_MOST_BYTES = 100e6  # of one file in the package index
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def called(*command: object, cwd: Path) -> str:
    """What a command prints."""
    asked = [str(each) for each in command]
    done = subprocess.run(asked, cwd=cwd, env=surroundings(cwd), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def surroundings(home: Path) -> dict[str, str]:
    """Variables of a user whose folders are empty, and who set no path for Python."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return kept | {"HOME": str(home), "XDG_CACHE_HOME": str(home), "XDG_DATA_HOME": str(home)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built of a copy of what a clone holds, without the network."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("studio", "assets"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", source)
    called(*_PIP, "wheel", *offline, source, cwd=source)
    (built,) = source.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory) -> Path:
    """Where the programs of a fresh environment lie that borrows the third-party packages."""
    folder = tmp_path_factory.mktemp("installed")
    called(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    own = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    (own / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    offline = ("--no-deps", "--no-index", "--no-compile")
    called(*_PIP, "--python", programs / "python", "install", *offline, wheel, cwd=folder)
    shutil.rmtree(wheel.parent)
    return programs


@pytest.fixture
def address(programs, tmp_path) -> Iterator[str]:
    """Of a page that ``merge-studio`` serves."""
    process = subprocess.Popen(
        [programs / "merge-studio", "--no-browser"], cwd=tmp_path, env=surroundings(tmp_path),
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        assert process.stdout
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"The studio is at (\S+)", line):
                break
        else:
            pytest.fail(said)
        yield found[1]
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()


def test_the_wheel_is_small_and_of_the_version_that_the_code_tells(wheel):
    assert wheel.stat().st_size < _MOST_BYTES
    assert wheel.name.split("-")[1] == __version__


def test_the_code_that_runs_is_the_installed_one_and_brings_the_demo(programs, tmp_path):
    asked = "import studio; print(studio.__file__)"
    inside = Path(called(programs / "python", "-c", asked, cwd=tmp_path).strip()).parent
    assert inside.is_relative_to(programs.parent)
    told = Path(called(programs / "python", "-m", "studio.demo", cwd=tmp_path).strip())
    assert told == inside / "assets"
    brought = {file.relative_to(told) for file in told.rglob("*") if file.is_file()}
    zoos = {file.relative_to(ASSETS) for zoo in DEMOS.values() for file in zoo.rglob("*")
            if file.is_file()}  # fmt: skip
    recipes = {file.relative_to(ASSETS) for file in (ASSETS / "recipes").iterdir()}
    assert brought == zoos | recipes | {Path("demo-recipe.yaml")}


def test_the_page_is_served_with_its_scripts_styles_and_icon(address):
    def got(path: str) -> str:
        asked = urllib.request.Request(address + path, headers={"Sec-Fetch-Mode": "navigate"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return answer.read().decode()

    served = got("") + got("config") + got("pwa_icon")
    for file in (ROOT / "studio" / "ui" / "static").iterdir():
        line = max(file.read_text().splitlines(), key=len).strip()
        assert line in served.replace('\\"', '"').replace("\\\\", "\\"), file.name


def test_the_demo_is_merged_by_the_installed_command(programs, tmp_path):
    assets = Path(called(programs / "python", "-m", "studio.demo", cwd=tmp_path).strip())
    command = (programs / "merge-studio-cli", "merge", assets / "demo-recipe.yaml")
    assert "6 tasks merged" in called(*command, "--out", "merged", cwd=tmp_path)
    assert (tmp_path / "merged" / "model.safetensors").is_file()


def test_help_names_the_command_as_it_was_called(programs, tmp_path):
    for name in ("merge-studio", "merge-studio-cli"):
        said = called(programs / name, "--help", cwd=tmp_path)
        assert said.startswith(f"usage: {name} [-h]")
