"""One local Ray for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from catalog.home import Home
from ray_jobs.cluster import Cluster, connected


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a local Ray of two cores."""
    with connected(Home.create(tmp_path_factory.mktemp("cluster")), cpus=2) as running:
        yield running
