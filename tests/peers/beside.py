"""Programs that cannot be installed beside others: unpacked, and laid over this system where only they see it.

Each of Debian's mail servers conflicts with every other.  Their packages, with
all they need that is not here, are fetched by apt-get once, into a directory
that `PYDELIVER_PEERS` names, and unpacked there.  A server then runs in mount
and process name spaces of its own: its files lie over /usr, /etc and the like,
so it finds all where it expects it; what it writes there goes to memory; and
when the first process of the name space ends, all of them end.

Homes, /tmp and /var/tmp are the system's own.

Does not know: what any of the programs is.
References: mount_namespaces(7), unshare(1), apt-get(8).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import skip_or_fail, skip_unless_root
from tests.peers.users import make_users

CACHE = Path(os.environ.get("PYDELIVER_PEERS", "/var/tmp/pydeliver-peers"))
_LAID_OVER = ("usr", "etc", "var/lib", "var/spool", "var/cache")
_MERGED = ("bin", "sbin", "lib", "lib64")  # Debian's links into /usr, through which some packages unpack

# $1: where memory may be mounted; $2: the packages' files; $3: the test's own files; the rest is run as a shell script.
_OVERLAY = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$1"
for place in {places}; do
    mkdir -p "$1/$place/upper" "$1/$place/work" "$2/$place" "$3/$place"
    mount -t overlay -o "lowerdir=$3/$place:$2/$place:/$place,upperdir=$1/$place/upper,workdir=$1/$place/work" \\
        overlay "/$place"
done
mount -t tmpfs -o mode=0755 tmpfs /run
eval "$4"
echo ready
exec cat
"""


class Beside:
    """A name space in which a program is installed; `directory` is a private one that other users may enter."""

    def __init__(self, directory: Path, first_process: int) -> None:
        self.directory = directory
        self._first_process = first_process
        self._servers: list[subprocess.Popen[bytes]] = []

    def command(self, *words: str | Path) -> list[str]:
        """The command that runs `words` in the name space."""
        inside = ["nsenter", f"--target={self._first_process}", "--mount", "--pid", "--root", "--wd", "--"]
        return [*inside, *[str(word) for word in words]]

    def path(self, inside: str) -> Path:
        """Where a file of the name space is found from outside."""
        return Path(f"/proc/{self._first_process}/root{inside}")

    def run(self, *words: str | Path, given: bytes = b"", status: int | None = 0) -> str:
        """Run a command inside; its output, both kinds.  `status` None: any exit status will do."""
        command = self.command(*words)
        done = subprocess.run(
            command, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, cwd="/", timeout=60
        )
        output = done.stdout.decode(errors="replace")
        assert status in (None, done.returncode), f"{words}: {done.returncode}\n{output}"
        return output

    def start(self, *words: str | Path) -> None:
        """Start a server inside, its output in the file `output`; it ends with the name space."""
        with (self.directory / "output").open("ab") as output:
            command = self.command(*words)
            self._servers.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/")
            )

    def wait(self) -> None:
        """Wait for the end of what was started, when the name space has ended."""
        for server in self._servers:
            server.wait(20)

    def output(self) -> str:
        return (self.directory / "output").read_text(errors="replace")


@contextmanager
def beside(package: str, *more: str, files: Mapping[str, str], prepare: str = "") -> Iterator[Beside]:
    """Lay packages, then `files` (by absolute path, `@DIR@` being the private directory) over the system.

    `prepare` is a shell script that does inside what the packages' own would have done.
    """
    skip_unless_root("to install a program in a name space of its own")
    make_users()
    root = _unpacked(package, *more)
    directory = Path(tempfile.mkdtemp(prefix=f"pyd-{package[:8]}-", dir="/var/tmp"))
    directory.chmod(0o755)
    (directory / "memory").mkdir()
    for path, text in files.items():
        place = directory / "files" / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text.replace("@DIR@", str(directory)))
    script = _OVERLAY.format(places=" ".join(_LAID_OVER))
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "sh"]
    given = [str(directory / "memory"), str(root), str(directory / "files"), prepare.replace("@DIR@", str(directory))]
    try:
        with (directory / "output").open("ab") as output:
            first = subprocess.Popen(
                unshare + given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, cwd="/"
            )
        inside = None
        assert first.stdin is not None
        assert first.stdout is not None
        try:
            if first.stdout.readline() != b"ready\n":
                skip_or_fail(f"no name space for {package}: {(directory / 'output').read_text()}")
            children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
            inside = Beside(directory, int(children[0]))
            yield inside
        finally:
            first.kill()  # and with it all that runs inside
            first.wait()
            if inside is not None:
                inside.wait()
            first.stdin.close()
            first.stdout.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _unpacked(*packages: str) -> Path:
    """The directory that holds what the packages would install, and what of theirs is not installed here."""
    CACHE.mkdir(mode=0o755, exist_ok=True)
    found = CACHE.lstat()
    if not CACHE.is_dir() or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        skip_or_fail(f"{CACHE} is somebody else's: what lies there is not to be run")
    root = CACHE / packages[0]
    with (CACHE / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.is_dir():
            _unpack(packages, root)
    return root


def _unpack(packages: tuple[str, ...], root: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        archives, fresh = Path(work, "archives"), Path(work, "root")
        (archives / "partial").mkdir(parents=True)
        fetch = ["apt-get", "install", "--download-only", "--no-install-recommends", "-qq", "-y"]
        settings = ["-o", f"Dir::Cache::archives={archives}", "-o", "APT::Sandbox::User=root"]
        fetched = subprocess.run([*fetch, *settings, *packages], capture_output=True, text=True, check=False)
        if fetched.returncode:
            skip_or_fail(f"{packages[0]} cannot be fetched: {fetched.stderr}")
        fresh.mkdir()
        for name in _MERGED:
            (fresh / "usr" / name).mkdir(parents=True, exist_ok=True)
            (fresh / name).symlink_to(f"usr/{name}")
        for archive in archives.glob("*.deb"):
            files = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE, check=True).stdout
            subprocess.run(["tar", "-xpf", "-", "--keep-directory-symlink", "-C", fresh], input=files, check=True)
        fresh.chmod(0o755)
        fresh.rename(root)
