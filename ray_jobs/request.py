"""An indexing job as a file: what the submitting side writes and the job on the cluster reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catalog.access import Access
from catalog.errors import BadInput
from catalog.spans import iso, parse_instant
from ray_jobs.config import CameraFootage, IndexConfig
from workbench.media.decode import Decoder
from workbench.media.frames import Sampling
from workbench.vision.detector_config import DetectorConfig


@dataclass(frozen=True)
class IndexRequest:
    """What one `rtcc index --submit` asks of the cluster."""

    access: Access
    footage: CameraFootage
    sampling: str
    """As on the command line: a rate, `keyframes` or `all`."""
    decoder: Decoder
    device: str
    workers: int | None

    def config(self) -> IndexConfig:
        """Return the run's settings."""
        return IndexConfig(DetectorConfig(device=self.device), Sampling.parse(self.sampling), self.decoder)

    def write(self, path: Path) -> None:
        """Write it down."""
        document = {
            "access": asdict(self.access),
            "camera_id": self.footage.camera_id,
            "paths": [str(file) for file in self.footage.paths],
            "start_at": iso(self.footage.start_at),
            "sampling": self.sampling,
            "decoder": self.decoder,
            "device": self.device,
            "workers": self.workers,
        }
        path.write_text(json.dumps(document))

    @classmethod
    def read(cls, path: Path) -> IndexRequest:
        """Read what was written.

        Raises
        ------
        BadInput
            When the file is not there or is none of ours: the cluster does not see the same data home.
        """
        try:
            document: dict[str, Any] = json.loads(path.read_text())
            start_at = document["start_at"]
            footage = CameraFootage(
                document["camera_id"],
                tuple(Path(file) for file in document["paths"]),
                parse_instant(start_at) if start_at else None,
            )
            return cls(
                Access(**document["access"]), footage, document["sampling"], document["decoder"],
                document["device"], document["workers"],
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(
                f"the job's request {path} cannot be read here: {error}; is the data home shared?"
            ) from error
