"""Published studies as the gateway tells of them; the test publishes, and says what is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from starlette.responses import JSONResponse, Response

from apps.gateway.impact import POLICY, TYPES, figures_of, findings_of, listed, methods_of
from apps.studies import Study, published, study_of
from catalog.errors import NotFound
from catalog.home import Home


@dataclass
class PublishedStudies:
    """What lies in a home, or nothing where there is none."""

    home: Home | None = None
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Beginning of a path → status and message that it is refused with."""

    def knows(self, path: str) -> bool:
        return path.startswith("impact/studies")

    def answer(self, path: str) -> Response:
        for beginning, (status, message) in self.refused.items():
            if path.startswith(beginning):
                return JSONResponse({"error": "Refused", "message": message}, status)
        _, _, slug, *rest = [*path.split("/"), ""]
        if self.home is None or not slug:
            found = published(self.home) if self.home is not None else ((), ())
            return JSONResponse(listed(*found).model_dump(mode="json"))
        try:
            return self._of(study_of(self.home, slug), "/".join(rest).strip("/"))
        except NotFound as error:
            return JSONResponse({"error": "NotFound", "message": str(error)}, 404)

    def _of(self, study: Study, what: str) -> Response:
        if not what:
            return Response(findings_of(study), media_type="application/json")
        if what == "figures":
            return JSONResponse(figures_of(study).model_dump(mode="json"))
        if what == "methods":
            return JSONResponse(methods_of(study).model_dump(mode="json"))
        kind = PurePosixPath(what).suffix[1:]
        headers = {"Content-Security-Policy": POLICY}
        return Response((study.folder / what).read_bytes(), media_type=TYPES[kind], headers=headers)  # type: ignore[index]
