"""The pages' bundle: files whose names carry their digest, so that browsers keep them for good."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from catalog.errors import NotFound

router = APIRouter(tags=["assets"])

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""What a bundled file may be called: no folder, no hidden file."""

FOR_GOOD = "public, max-age=31536000, immutable"
TYPES = {
    ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".json": "application/json",
    ".map": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp",
    ".woff2": "font/woff2", ".wasm": "application/wasm", ".txt": "text/plain",
}  # fmt: skip
"""Kinds of files that a bundle has; no other is handed out."""


@router.get("/assets/{file}", response_class=FileResponse, responses={404: {"description": "No such file"}})
async def asset(file: str) -> Response:
    """Return a file of the bundle; it tells nothing of the city, so nobody need be signed in."""
    folder = bundle_folder()
    kind = TYPES.get(Path(file).suffix)
    if folder is None or kind is None or not NAME.fullmatch(file) or not (folder / file).is_file():
        raise NotFound(f"there is no file {file[:100]!r} in the pages' bundle")
    hashed = file != "manifest.json"  # which says under which names the others are
    return FileResponse(
        folder / file, media_type=kind, headers={"Cache-Control": FOR_GOOD if hashed else "no-cache"}
    )  # fmt: skip


def bundle_folder() -> Path | None:
    """Return where the bundle is; `None` where the pages are not installed."""
    found = importlib.util.find_spec("workbench.widgets")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations))) / "static"
