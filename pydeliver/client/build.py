"""Build hook: what a wheel holds besides our modules.

The program a mail server starts is compiled from `pydeliver.c`; without a
working compiler it is the Python launcher, with a warning.  Either is put
among the wheel's scripts as it is: `[project.scripts]` would start Python
with the user's environment and every `.pth` file, and hatchling's own
shared-scripts would replace the launcher's first line.  Also: the parser of
the rule language, built once here as that takes a second, and the manual.

Never fails for want of a compiler.  Not part of the installed package.
Does not know: what the client or the parser do.
References: binary distribution format (packaging.python.org), section "The .data directory".
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = "pydeliver/client"
CFLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-s")
NO_COMPILER = (
    "no C compiler worked: bin/pydeliver is a Python launcher.  It is slower, and a mail server may bounce mail "
    "if Python itself does not start.  Install gcc and libc6-dev and build again."
)


class ClientHook(BuildHookInterface[BuilderConfig]):
    """Adds the client, the built parser and the manual to a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self.work = Path(tempfile.mkdtemp(prefix="pydeliver-build-"))
        root = Path(self.root)
        project = f"{self.metadata.name}-{self.metadata.version}"
        client = compile_client(root / HERE / "pydeliver.c", self.work)
        if client is None:
            self.app.display_warning(NO_COMPILER)
            client = write_launcher(root / HERE / "launcher.py", self.work)
        build_data["force_include"][str(client)] = f"{project}.data/scripts/pydeliver"
        if parser := build_parser(root, self.work):
            build_data["force_include"][str(parser)] = "pydeliver/rules/native/parser.bin"
        build_data["shared_data"].update(shared_data(root))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(self.work, ignore_errors=True)


def compile_client(source: Path, directory: Path) -> Path | None:
    """Compile statically where that works, as a static program starts in a third of the time; None if nothing does."""
    client = directory / "pydeliver"
    compilers = [os.environ["CC"].split()] if os.environ.get("CC") else [["cc"], ["gcc"]]
    for compiler in compilers:
        for linking in (["-static"], []):
            if _runs([*compiler, *CFLAGS, *linking, "-o", str(client), str(source)], 0) and _runs(
                [str(client), "--version"], os.EX_TEMPFAIL
            ):
                return client
    return None


def _runs(command: list[str], status: int) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=120).returncode == status
    except (OSError, subprocess.TimeoutExpired):
        return False


def write_launcher(source: Path, directory: Path) -> Path:
    """Name the interpreter by its full path: then no shell stands between, and no installer rewrites the line."""
    launcher = directory / "pydeliver"
    python = os.path.realpath(sys.executable)
    launcher.write_text(f"#!{python} -ISB\n{source.read_text(encoding='utf-8')}", encoding="utf-8")
    launcher.chmod(0o755)
    return launcher


def build_parser(root: Path, directory: Path) -> Path | None:
    """Build the rule language's parser from its grammar with this tree's own code."""
    if not (root / "pydeliver/rules/native/grammar.py").exists():
        return None
    sys.path.insert(0, str(root))
    try:
        from pydeliver.rules.native import grammar
    finally:
        sys.path.remove(str(root))
    parser = directory / "parser.bin"
    grammar.save_parser(str(parser))
    return parser


def shared_data(root: Path) -> dict[str, str]:
    """Files outside the package: from their place in the tree to their place below the prefix."""
    places = {str(root / HERE / "boot.py"): "share/pydeliver/boot.py"}
    for page in sorted((root / "man").glob("*.[1-8]")):
        places[str(page)] = f"share/man/man{page.suffix[1:]}/{page.name}"
    for folder, place in (("rules", "share/pydeliver/rules"), ("examples", "share/doc/pydeliver/examples")):
        if any(path.is_file() for path in (root / folder).rglob("*")):
            places[str(root / folder)] = place
    return places
