"""Source archives from the package registry that pip is set up for: found by name, checked by hash, kept in the cache."""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from dev import paths
from dev.util import DevError, capture, lock, run, timed

# PEP 691, and what older registries give (PEP 503).
_FORMATS = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
_DEFAULT_INDEX = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"


def _index(python: Path) -> str:
    """The registry's address, as pip of that interpreter would take it."""
    return (os.environ.get("PIP_INDEX_URL") or (capture([python, "-m", "pip", "config", "get", "global.index-url"]) or "").strip()
            or (capture([python, "-c", _DEFAULT_INDEX]) or "").strip())


def _get(url: str, **headers: str):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=300)
    except OSError as error:
        raise DevError(f"cannot get {url}: {error}") from None


def _address(python: Path, project: str, file: str) -> str:
    page = f"{_index(python).rstrip('/')}/{re.sub(r'[-_.]+', '-', project).lower()}/"
    with _get(page, Accept=_FORMATS) as answer:
        text, kind = answer.read().decode(), answer.headers.get_content_type()
    if kind.endswith("json"):
        links = [entry["url"] for entry in json.loads(text)["files"]]
    else:
        links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', text)]
    for link in links:
        if urllib.parse.unquote(urllib.parse.urlparse(link).path).endswith("/" + file):
            return urllib.parse.urljoin(page, link)
    raise DevError(f"the package registry has no {file} of {project}")


def fetch(python: Path, project: str, file: str, sha256: str) -> Path:
    """The archive `file` of a project, from the cache or the registry of `python`'s pip.

    Raises DevError where there is none, or its hash is not `sha256`.
    """
    target = paths.cache_dir() / "sources" / sha256[:16] / file
    with lock(target.parent.with_suffix(".lock"), file):
        if target.exists():
            return target
        with timed(f"fetching {file}"), _get(_address(python, project, file)) as answer:
            content = answer.read()
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise DevError(f"{file}: its SHA-256 is {found}, expected {sha256}: look at what changed before you take the new one")
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(target)
    return target


def unpack(python: Path, archive: Path, folder: Path) -> Path:
    """Extracts an archive, which has one folder, below `folder`; that one's path."""
    folder.mkdir(parents=True, exist_ok=True)
    # By an interpreter that has PEP 706, which what runs this may not be.
    run([python, "-m", "tarfile", "--filter", "data", "-e", archive, folder], quiet=True, what=f"unpacking {archive.name}")
    inside = [path for path in folder.iterdir() if path.is_dir()]
    if len(inside) != 1:
        raise DevError(f"{archive.name}: expected one folder, found {len(inside)}")
    return inside[0]
