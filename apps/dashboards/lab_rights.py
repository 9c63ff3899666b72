"""Whose what is in JupyterLab: every investigator has a folder, kernels and sessions of their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_server.auth.identity import User
from jupyter_server.base.call_context import CallContext
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.services.sessions.sessionmanager import SessionManager
from tornado.web import HTTPError, RequestHandler
from traitlets import Instance, List, TraitType, Unicode

from apps.dashboards.environment import lab_environment
from apps.dashboards.identity import Person, RoleAuthorizer, SessionIdentity
from catalog.home import Home

NOBODYS = ("server", "terminals")
"""What nobody may change here: the server ends with its supervisor, and there are no terminals."""


def folders_of(home: Home) -> Path:
    """Return the folder that holds everybody's."""
    return home.root / "notebooks"


class LabIdentity(SessionIdentity):
    """Knows people by their session, and has a folder ready for each."""

    examples: TraitType[Path | None, Path | None] = Instance(Path, allow_none=True).tag(config=True)
    """Notebooks to begin with; they are copied once into each person's folder."""

    roles: Sequence[str] = List(Unicode()).tag(config=True)
    """Who is known here at all: much of a Jupyter server asks for nothing but to be known."""

    def get_user(self, handler: RequestHandler) -> User | None:
        """Return who the cookie says it is, their folder made where it is not there yet."""
        user = super().get_user(handler)
        if not isinstance(user, Person) or user.role not in self.roles:
            return None
        self._welcome(folders_of(self.home) / user.username)
        return user

    def _welcome(self, folder: Path) -> None:
        if folder.exists():
            return
        part = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        for notebook in sorted(self.examples.glob("*.ipynb")) if self.examples else ():
            shutil.copyfile(notebook, part / notebook.name)
        part.rename(folder)


class LabRights(RoleAuthorizer):
    """Lets people do with their own what they like, and look at what others have written."""

    async def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:  # type: ignore[override]
        """Tell whether this person may do this."""
        if not super().is_authorized(handler, user, action, resource):
            return False
        if resource in NOBODYS:
            return False
        asked: Mapping[str, str] = handler.path_kwargs
        if (kernel_id := asked.get("kernel_id")) is not None:
            return bool(handler.kernel_manager.belongs(kernel_id, user.username))
        if resource == "sessions" and (session_id := asked.get("session_id")) is not None:
            session = await handler.session_manager.get_session(session_id=session_id)
            return bool(handler.kernel_manager.belongs(session["kernel"]["id"], user.username))
        if resource == "contents" and action != "read":
            return _first_part(asked.get("path") or "".join(handler.path_args)) == user.username
        return True


def _first_part(path: str) -> str:
    return path.strip("/").split("/")[0]


class LabKernels(AsyncMappingKernelManager):
    """Kernels of investigators: each belongs to whoever started it, and asks in their name."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.owners: dict[str, str] = {}

    async def start_kernel(self, *, kernel_id: str | None = None, **named: Any) -> str:
        """Start a kernel of the person who asks for it; it finds no token of Ray's or of anybody's."""
        person = _asking()
        if person is None:
            raise HTTPError(403)
        outer: Mapping[str, str] = os.environ  # noqa: TID251 what of it is handed on is chosen there
        home = Path(self.root_dir) / person.username
        session = {name: text for name, text in (named.get("env") or {}).items() if name == "JPY_SESSION_NAME"}
        named["env"] = lab_environment(outer, person.username, home) | session
        started: str = await super().start_kernel(kernel_id=kernel_id, **named)
        self.owners[started] = person.username
        return started

    def belongs(self, kernel_id: str, actor: str) -> bool:
        """Tell whether a kernel is this person's."""
        return self.owners.get(kernel_id) == actor

    def list_kernels(self) -> list[dict[str, Any]]:
        """Return the kernels of the person who asks."""
        person = _asking()
        return [
            model
            for model in super().list_kernels()
            if person is not None and self.belongs(model["id"], person.username)
        ]

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel that has ended."""
        self.owners.pop(kernel_id, None)
        return super().remove_kernel(kernel_id)


class LabSessions(SessionManager):
    """Open notebooks: everybody sees their own."""

    async def list_sessions(self) -> list[dict[str, Any]]:
        """Return the sessions of the person who asks."""
        person = _asking()
        return [
            session
            for session in await super().list_sessions()
            if person is not None and self.kernel_manager.belongs(session["kernel"]["id"], person.username)
        ]

    async def session_exists(self, path: str) -> bool:
        """Tell whether the person who asks has this file open."""
        if not await super().session_exists(path):
            return False
        return path in [session["path"] for session in await self.list_sessions()]


def _asking() -> Person | None:
    """Return the person whose request is being answered."""
    handler = CallContext.get(CallContext.JUPYTER_HANDLER)
    person = getattr(handler, "current_user", None)
    return person if isinstance(person, Person) else None


def own_home(actor: str) -> str:
    """Return where somebody begins, below the server's own address."""
    return f"lab/tree/{actor}"
