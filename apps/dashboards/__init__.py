"""The servers of the notebooks: Voila for everybody's pages, JupyterLab for investigators."""

import sys
from typing import Any, cast

# Jupyter's events would have a grammar for international addresses built at every start, 1.7 s of a core; no schema
# of theirs has such an address. `None` stands for a module that cannot be had, and they do without.
cast(dict[str, Any], sys.modules).setdefault("rfc3987_syntax", None)
