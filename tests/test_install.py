"""The wheel and what pip makes of it, with a compiler and without."""

from __future__ import annotations

import os
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.wheel import PIP, ROOT, build_wheel, install_wheel


def version(program: Path) -> str:
    result = subprocess.run([program, "--version"], capture_output=True, text=True, cwd="/")
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_the_client_is_a_program_that_pip_left_as_it_was(installed: Path) -> None:
    client = installed / "pydeliver"
    assert client.read_bytes()[:4] == b"\x7fELF"
    assert stat.S_IMODE(client.stat().st_mode) == 0o755


def test_the_installed_program_runs(installed: Path) -> None:
    assert version(installed / "pydeliver").startswith("pydeliver ")


def test_a_symbolic_link_to_the_client_finds_the_same_program(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "pydeliver").symlink_to(installed / "pydeliver")
    assert version(tmp_path / "pydeliver") == version(installed / "pydeliver")


def test_every_module_is_installed_and_compiled(installed: Path) -> None:
    """But for the room that builds the client."""
    (package,) = installed.parent.glob("lib/python*/site-packages/pydeliver")
    expected = {path.relative_to(ROOT / "pydeliver") for path in (ROOT / "pydeliver").rglob("*.py")}
    present = {path.relative_to(package) for path in package.rglob("*.py")}
    assert present <= expected
    assert {path for path in expected - present if path.parts[0] != "client"} == set()
    for module in package.rglob("*.py"):
        assert list((module.parent / "__pycache__").glob(f"{module.stem}.*.pyc")), module


def test_manual_and_boot_file_are_where_they_are_looked_for(installed: Path) -> None:
    share = installed.parent / "share"
    assert (share / "pydeliver/boot.py").is_file()
    for page in (ROOT / "man").glob("*.[1-8]"):
        assert (share / f"man/man{page.suffix[1:]}" / page.name).is_file()
    for rule_set in [path for path in (ROOT / "rules").rglob("*") if path.is_file()]:
        assert (share / "pydeliver/rules" / rule_set.relative_to(ROOT / "rules")).is_file()


def test_the_built_parser_is_in_the_package(installed: Path) -> None:
    (site_packages,) = installed.parent.glob("lib/python*/site-packages")
    assert (site_packages / "pydeliver/rules/native/parser.bin").stat().st_size > 10_000


def test_every_user_can_read_what_is_installed(installed: Path) -> None:
    for directory, _, names in os.walk(installed.parent):
        assert os.stat(directory).st_mode & 0o005 == 0o005, directory
        for name in names:
            assert os.stat(os.path.join(directory, name)).st_mode & 0o004, name


def test_no_console_script_takes_the_clients_place(installed: Path) -> None:
    assert sorted(path.name for path in installed.iterdir() if "deliver" in path.name) == ["pydeliver"]


@pytest.fixture(scope="module")
def without_compiler(public_directory: Path) -> Path:
    directory = public_directory / "without-compiler"
    directory.mkdir()
    return build_wheel(directory, CC="false")


def test_without_a_compiler_the_client_is_a_python_launcher(without_compiler: Path, tmp_path: Path) -> None:
    binaries = install_wheel(without_compiler, tmp_path / "prefix")
    launcher = binaries / "pydeliver"
    first = launcher.read_bytes().split(b"\n", 1)[0]
    assert stat.S_IMODE(launcher.stat().st_mode) == 0o755
    assert first.startswith(b"#!/")
    assert first.endswith(b" -ISB")  # isolated, which an installer's own first line would not be
    assert version(launcher).startswith("pydeliver ")


def test_the_wheel_is_for_this_platform_and_any_python(without_compiler: Path) -> None:
    """Built for a platform in either case: what is built without a compiler here is no wheel for all."""
    assert "-py3-none-linux_" in without_compiler.name


def test_a_source_distribution_builds_the_same_wheel(installed: Path, tmp_path: Path) -> None:
    subprocess.run(
        [PIP[0], "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (archive,) = tmp_path.glob("*.tar.gz")
    (tmp_path / "wheel").mkdir()
    wheel = build_wheel(tmp_path / "wheel", archive)
    (direct,) = installed.parent.parent.glob("pydeliver-*.whl")
    assert sorted(zipfile.ZipFile(wheel).namelist()) == sorted(zipfile.ZipFile(direct).namelist())
