"""Where and when it runs: actors, jobs, the cluster."""

import sys
from typing import Any, cast

# Before Ray is imported: it would have a grammar built that nobody uses, see ray_jobs/lean_node.py.
cast(dict[str, Any], sys.modules).setdefault("rfc3987_syntax", None)
