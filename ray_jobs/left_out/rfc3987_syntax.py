"""Stands before the package of this name in Ray's processes, and says that it cannot be had."""

raise ImportError("left out: see ray_jobs/lean_node.py")
