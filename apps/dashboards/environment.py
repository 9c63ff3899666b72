"""What kernels find in their environment: little, and no secret of anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HANDED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Settings of the machine that any program may need."""

CATALOGS = ("RTCC_HOME", "RTCC_ASSETS", "CUDA_VISIBLE_DEVICES")
"""Settings that notebooks need to find the data home."""

STORES = ("AWS_", "PG")
"""Beginnings of the settings with which a catalog elsewhere is reached."""

FEW_THREADS = {"MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

TOKEN_FILE = "RTCC_KERNEL_TOKEN_FILE"
"""Names the file in which a page's kernel finds its token once somebody opens the page."""


def page_environment(outer: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """Return the environment of a page's kernel: it mounts widgets, and needs nothing for it.

    Parameters
    ----------
    scratch
        Folder of this kernel alone: its home, and where its token will be.
    """
    kept = {name: outer[name] for name in HANDED_ON if name in outer}
    own = {
        "HOME": str(scratch), "TMPDIR": str(scratch), "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_CONFIG_DIR": str(scratch / "jupyter"), "JUPYTER_NO_CONFIG": "1", "PYTHONNOUSERSITE": "1",
        TOKEN_FILE: str(scratch / "token"),
    }  # fmt: skip
    return kept | FEW_THREADS | own


def lab_environment(outer: Mapping[str, str], actor: str, home: Path) -> dict[str, str]:
    """Return the environment of an investigator's kernel: what its code needs to ask the catalog as this person."""
    kept = {name: value for name, value in outer.items() if name in HANDED_ON + CATALOGS or name.startswith(STORES)}
    # a bench asks in the name of the account, which is what LOGNAME says it is
    own = {"HOME": str(home), "IPYTHONDIR": str(home / ".ipython"), "LOGNAME": actor, "USER": actor}
    return kept | own
