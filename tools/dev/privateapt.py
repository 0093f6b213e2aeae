"""Packages of another Debian release, without touching the system's apt configuration.

A private apt state (own lists, own empty status, own sources) reads any release from the mirror that
the machine's own sources name, verified by the installed Debian archive keyring. Used for a CPython
3.14 prefix (forky) and for asmjit's source package (bookworm).
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from dev.util import DevError, capture, clean_env, run

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def has_apt() -> bool:
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))


def available() -> bool:
    return has_apt() and _KEYRING.exists()


def mirror() -> str:
    """The Debian mirror of the machine's own sources (its main archive, not security)."""
    text = capture(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(SIGNED_BY)",
                    "Created-By: Packages"]) or ""
    candidates = [line.split() for line in text.splitlines() if line.strip()]
    for fields in candidates:
        uri = fields[0].rstrip("/")
        if uri.endswith("/debian"):
            return uri
    for fields in candidates:
        if "debian" in fields[0] and "security" not in fields[0]:
            return fields[0].rstrip("/")
    raise DevError("no Debian mirror among the machine's apt sources (apt-get indextargets lists none)")


class PrivateApt:
    """One release of one architecture, with its own state below `state`."""

    def __init__(self, state: Path, suite: str, arch: str):
        self.state = state
        self.suite = suite
        for folder in ("state/lists/partial", "cache/archives/partial", "etc/preferences.d"):
            (state / folder).mkdir(parents=True, exist_ok=True)
        (state / "state/status").write_text("")
        signed = f"[signed-by={_KEYRING}] {mirror()} {suite} main\n"
        (state / "etc/sources.list").write_text(f"deb {signed}deb-src {signed}")
        options = {
            "Dir::State": state / "state",
            "Dir::State::status": state / "state/status",
            "Dir::State::Lists": state / "state/lists",
            "Dir::Cache": state / "cache",
            "Dir::Etc::sourcelist": state / "etc/sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferences": "-",
            "Dir::Etc::preferencesparts": state / "etc/preferences.d",
            "APT::Architecture": arch,
            "APT::Install-Recommends": "false",
            "Acquire::Languages": "none",
            # A mirror may be a snapshot, whose Release file has expired.
            "Acquire::Check-Valid-Until": "false",
            "Debug::NoLocking": "true",
            "APT::Sandbox::User": "root",
        }
        config = "".join(f'{key} "{value}";\n' for key, value in options.items())
        # A list: naming it once more replaces what the system's configuration says.
        config += f'#clear APT::Architectures;\nAPT::Architectures {{ "{arch}"; }};\n'
        (state / "apt.conf").write_text(config)

    def _apt(self, *args: str, cwd=None) -> str:
        env = clean_env(APT_CONFIG=str(self.state / "apt.conf"), DEBIAN_FRONTEND="noninteractive")
        return run(["apt-get", "-q", *args], quiet=True, env=env, cwd=cwd, what=f"apt-get ({self.suite})")

    def update(self) -> None:
        self._apt("update")

    def download(self, packages: list[str]) -> list[Path]:
        """Downloads packages and all they depend on; the files."""
        self._apt("--yes", "--download-only", "install", *packages)
        return sorted((self.state / "cache/archives").glob("*.deb"))

    def source(self, package: str, into: Path) -> None:
        """Downloads a source package's files (verified), unpacked by the caller."""
        into.mkdir(parents=True, exist_ok=True)
        self._apt("source", "--download-only", "--only-source", package, cwd=into)


def unpack(debs: list[Path], prefix: Path) -> None:
    """Unpacks packages into a prefix with a merged /usr, running none of their scripts."""
    (prefix / "usr").mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (prefix / "usr" / name).mkdir(exist_ok=True)
        if not (prefix / name).is_symlink():
            (prefix / name).symlink_to(f"usr/{name}")
    for deb in debs:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as tar:
            done = subprocess.run(["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", str(prefix)],
                                  stdin=tar.stdout, check=False)
        if tar.returncode or done.returncode:
            raise DevError(f"cannot unpack {deb.name}")
