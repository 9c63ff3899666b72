"""Files that pages load: ours, Voila's scripts and three extensions that mount widgets; nothing else on disk."""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from voila.paths import collect_static_paths
from voila.utils import get_voila_labextensions_path

EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget")
"""What it takes to mount a widget of ours."""

TYPES = {".js": "text/javascript", ".css": "text/css", ".woff": "font/woff", ".woff2": "font/woff2",
         ".svg": "image/svg+xml", ".json": "application/json"}  # fmt: skip
"""Kinds of files there are; no other is served."""

LEAST_ZIPPED = 1024
"""Size from which a file is sent zipped, bytes."""

KEPT = 512
"""Files kept in memory; a page loads about 70, 6 MB in all."""


@dataclass(frozen=True)
class Asset:
    """One file as it is sent."""

    type: str
    plain: bytes
    zipped: bytes | None


class Assets:
    """The folders that files are served from, each under a name that changes with their contents."""

    def __init__(self) -> None:
        own = Path(__file__).parent / "page"
        self._roots: dict[str, tuple[Path, ...]] = {"static": _static_roots(), "page": (own,)}
        extensions = [Path(path) for path in get_voila_labextensions_path()]
        for name in EXTENSIONS:
            self._roots[f"labextensions/{name}"] = tuple(
                path / name for path in extensions if (path / name).is_dir()
            )
        self.version = _version(self._roots)

    def find(self, area: str, path: str) -> Asset | None:
        """Return a file, `None` where there is none of that name to be served.

        Parameters
        ----------
        area
            `static`, `labextensions`, or `page` for our own.
        path
            As in the address; of an extension it begins with its name.
        """
        for root, rest in self._candidates(area, path):
            found = _inside(root, rest)
            if found is not None:
                return _load(found)
        return None

    def _candidates(self, area: str, path: str) -> list[tuple[Path, str]]:
        if area in ("static", "page"):
            return [(root, path) for root in self._roots[area]]
        names = [name for name in EXTENSIONS if path.startswith(f"{name}/")]
        return [(root, path[len(name) + 1 :]) for name in names for root in self._roots[f"labextensions/{name}"]]


def _static_roots() -> tuple[Path, ...]:
    return tuple(
        path for path in map(Path, collect_static_paths(["voila"], "base")) if (path / "voila.js").is_file()
    )


def _version(roots: Mapping[str, tuple[Path, ...]]) -> str:
    """Return a name for these versions of all files: they never change under it."""
    said = [importlib.metadata.version(name) for name in ("voila", "anywidget", "jupyterlab_widgets")]
    digest = hashlib.sha256("\n".join([*said, *sorted(roots)]).encode())
    for root in roots["page"]:
        digest.update((root / "mount.js").read_bytes())
    return digest.hexdigest()[:12]


def _inside(root: Path, path: str) -> Path | None:
    """Return the file of this name below a folder, links followed; `None` where there is none."""
    if "\0" in path or Path(path).suffix not in TYPES:
        return None
    found = (root / path).resolve()
    return found if found.is_file() and found.is_relative_to(root.resolve()) else None


@lru_cache(maxsize=KEPT)
def _load(path: Path) -> Asset:
    plain = path.read_bytes()
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    worthwhile = len(plain) >= LEAST_ZIPPED and path.suffix not in (".woff", ".woff2")
    return Asset(kind, plain, gzip.compress(plain, 6, mtime=0) if worthwhile else None)
