"""`./dev check`: format, layers, pages, sizes, Python, warnings; with --tidy also clang-tidy."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from dev import build, lint, machines, pages, paths, prose, sizes, system
from dev.util import DevError, capture, run, say

_CODE = {".h", ".cc", ".c", ".py", ".cmake", ".tbl", ".def", ".sh"}


def _files() -> list[Path]:
    """What git tracks or would track; without git, everything outside the build folders."""
    listed = capture(["git", "-C", paths.ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z"])
    if listed is not None:
        found = [paths.ROOT / name for name in listed.split("\0") if name]
    else:
        skipped = {"build", ".dev", ".git"}
        found = [p for p in paths.ROOT.rglob("*") if not skipped & set(p.relative_to(paths.ROOT).parts[:1])]
    return sorted(p for p in found if p.is_file())


def _format(files: list[Path], fix: bool) -> list[str]:
    sources = [str(p) for p in files if p.suffix in (".h", ".cc", ".c")]
    if not sources:
        return []
    def clang_format(*mode: str) -> subprocess.CompletedProcess:
        return subprocess.run(["clang-format", "--style=file", *mode, *sources], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)

    done = clang_format("--dry-run")
    for _ in range(5 if fix else 0):  # some comments need several rounds until clang-format agrees with itself
        if not done.stdout:
            break
        clang_format("-i")
        done = clang_format("--dry-run")
    bad: dict[str, int] = {}
    for line in done.stdout.splitlines():
        if "[-Wclang-format-violations]" in line:
            name = line.split(":", 1)[0]
            bad[name] = bad.get(name, 0) + 1
    if done.returncode and not bad:
        return [f"clang-format failed: {done.stdout.strip()[:500]}"]
    return [f"{Path(name).relative_to(paths.ROOT)}: {count} places differ from clang-format's (./dev check --fix)"
            for name, count in bad.items()]


def _layers() -> list[str]:
    done = subprocess.run([sys.executable, "-B", str(paths.ROOT / "tools/check_layers.py")], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    found = done.stdout.splitlines()
    return found or (["tools/check_layers.py failed"] if done.returncode else [])


def _generated_pages(fix: bool) -> list[str]:
    """docs/ pages that are written from the tables must be what the tables say."""
    errors = []
    for generator in sorted((paths.ROOT / "tools").glob("gen_*.py")):
        if "--docs" not in generator.read_text(encoding="utf-8"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            run([sys.executable, "-B", generator, "--docs", folder], quiet=True, what=generator.name)
            for page in sorted(Path(folder).iterdir()):
                target = paths.ROOT / "docs" / page.name
                if target.exists() and target.read_bytes() == page.read_bytes():
                    continue
                if fix:
                    target.write_bytes(page.read_bytes())
                else:
                    errors.append(f"docs/{page.name} is not what tools/{generator.name} writes (./dev check --fix)")
    return errors


def _warnings() -> list[str]:
    setup = build.prepare(list(paths.VERSIONS), "release", machines.machine(None), required=False, everything=True)
    return build.recorded_warnings(setup.build)


def _tidy(files: list[Path]) -> list[str]:
    folder = build.build_dir("release", machines.machine(None))
    if not (folder / "compile_commands.json").exists():
        raise DevError("no compile_commands.json: ./dev build first")
    # The Python-free folders: clang-tidy 14, bookworm's, cannot read CPython 3.14's headers.
    outside = {"pyver", "runtime", "driver"}
    sources = [str(p) for p in files
               if p.suffix == ".cc" and p.is_relative_to(paths.ROOT / "src")
               and (p.relative_to(paths.ROOT / "src").parts[0] not in outside or "common" in p.parts)]
    found = []
    for source in sources:
        done = subprocess.run(["clang-tidy", "-quiet", "-p", str(folder), source], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        found += [line for line in done.stdout.splitlines() if ": warning: " in line or ": error: " in line]
    return sorted(set(found))


def main(args, parser: argparse.ArgumentParser) -> int:
    system.ensure_check(tidy=args.tidy)
    files = _files()
    code = [p for p in files if p.suffix in _CODE or p.name in ("dev", "CMakeLists.txt")]
    size_errors, remarks = sizes.check(paths.ROOT, code)
    steps = [("format", lambda: _format(files, args.fix)), ("layers", _layers),
             ("generated pages", lambda: _generated_pages(args.fix)),
             ("pages", lambda: pages.check(paths.ROOT, files, parser)),
             ("prose", lambda: prose.check(paths.ROOT, files, args.fix)), ("sizes", lambda: size_errors),
             ("python imports", lambda: lint.cycles(paths.ROOT)), ("python", lambda: lint.check(paths.ROOT, args.fix))]
    if not args.no_build:
        steps.append(("warnings", _warnings))
    if args.tidy:
        steps.append(("clang-tidy", lambda: _tidy(files)))
    failures = 0
    for name, step in steps:
        try:
            errors = step()
        except DevError as error:
            errors = [str(error)]
        failures += len(errors)
        print(f"{name}: {'ok' if not errors else f'{len(errors)} to mend'}")
        for line in errors:
            print(f"  {line}")
        if name == "sizes":
            for remark in remarks:
                print(f"  (remark) {remark}")
    say("check: everything is in order" if not failures else f"check: {failures} findings")
    return 1 if failures else 0
