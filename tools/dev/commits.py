"""Other commits of this checkout, each built in a git worktree of its own below .dev/commits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from dev import paths
from dev.util import DevError, capture, clean_env, lock, run, say

FOLDER = paths.DEV / "commits"
_OF_THIS_CHECKOUT = ("TEPHRA_BUILD_ROOT", "TEPHRA_DEV_ROOT")


def python(revision: str, version: str) -> Path:
    """The interpreter that has Tephra as of `revision`, built by that commit's own ./dev. Errors: DevError."""
    sha = (capture(["git", "-C", paths.ROOT, "rev-parse", "--verify", "--quiet", revision + "^{commit}"]) or "").strip()
    if not sha:
        raise DevError(f"{revision}: there is no such commit in {paths.ROOT}")
    tree = FOLDER / sha[:16]
    with lock(FOLDER / f"{tree.name}.lock", f"commit {sha[:12]}"):
        if not (tree / "dev").exists():
            run(["git", "-C", paths.ROOT, "worktree", "prune"], quiet=True)
            run(["git", "-C", paths.ROOT, "worktree", "add", "--force", "--detach", tree, sha], quiet=True)
        say(f"commit {sha[:12]}: building in {tree}")
        # So that ccache serves what the commits have in common.
        env = {**clean_env(), "CCACHE_BASEDIR": str(tree), "CCACHE_NOHASHDIR": "1"}
        for name in _OF_THIS_CHECKOUT:
            env.pop(name, None)
        done = subprocess.run([str(tree / "dev"), "python", "--python", version], env=env, cwd=tree,
                              stdout=subprocess.PIPE, text=True, check=False)
    found = Path(done.stdout.strip() or os.devnull)
    if done.returncode or not found.is_file():
        sys.stderr.write(done.stdout)
        raise DevError(f"commit {sha[:12]} cannot be built; the reason is above")
    return found


def remove() -> None:
    """Removes all of them."""
    if FOLDER.is_dir():
        say(f"removing {FOLDER}")
        shutil.rmtree(FOLDER)
        capture(["git", "-C", paths.ROOT, "worktree", "prune"])
