"""This tree as a user gets it: its wheel, built and installed by pip, without a network.

Does not know: what the installed program does.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PIP = (sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input")


def build_wheel(directory: Path, tree: Path = ROOT, **environment: str) -> Path:
    """Build the wheel of `tree` into `directory` with the backend this interpreter has."""
    options = ("--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(directory))
    _run([*PIP, "wheel", *options, str(tree)], os.environ | environment)
    (wheel,) = directory.glob("pydeliver-*.whl")
    return wheel


def install_wheel(wheel: Path, prefix: Path) -> Path:
    """Install into a new environment that every user of the machine can use; return its bin directory."""
    _run([os.path.realpath(sys.executable), "-I", "-m", "venv", "--without-pip", str(prefix)])
    python = str(prefix / "bin/python3")
    # else pip would write into whatever Python a shim leads to
    _run([python, "-I", "-c", f"import sys; assert sys.prefix == {str(prefix)!r}, sys.prefix"])
    # --python is an option of pip itself, before its command
    _run([*PIP, "--python", python, "install", "--quiet", "--no-deps", "--no-index", "--compile", str(wheel)])
    (site_packages,) = prefix.glob("lib/python*/site-packages")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    others = os.umask(0o022)  # every user of the machine: whatever that of the tests is
    try:
        for distribution in _distributions(project["dependencies"]):
            _copy(distribution, site_packages)
    finally:
        os.umask(others)
    return prefix / "bin"


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    result = subprocess.run(
        command, env=environment, cwd="/", umask=0o022, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}"


def _distributions(requirements: Iterable[str]) -> Iterator[importlib.metadata.Distribution]:
    """What is required, and in turn what that requires, as installed for this interpreter."""
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            distribution = importlib.metadata.distribution(requirement.name)
            yield distribution
            yield from _distributions(distribution.requires or ())


def _copy(distribution: importlib.metadata.Distribution, site_packages: Path) -> None:
    """Copied, not linked: other users may not reach the place it comes from."""
    for file in distribution.files or ():
        if ".." not in file.parts:  # a script or a manual page
            target = site_packages / file
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            shutil.copy2(str(file.locate()), target)  # with its time, which compiled modules name
            target.chmod(0o644)
