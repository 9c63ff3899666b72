"""Who asks: the person whose session the cookie holds, verified here again, and what their role may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.identity import IdentityProvider, User
from tornado.web import RequestHandler
from traitlets import Instance, List, Unicode

from apps.edge import now
from apps.sessions import COOKIE, Session, verify
from catalog.home import Home


@dataclass
class Person(User):
    """Somebody who is signed in."""

    role: str = ""


class SessionIdentity(IdentityProvider):
    """Knows people by the session that the gateway gave them: no token, no password, no form of its own."""

    home = Instance(Home).tag(config=True)
    """Whose key and accounts count."""

    token = Unicode("")
    need_token = False

    @property
    def auth_enabled(self) -> bool:
        """Tell that nobody comes in unknown."""
        return True

    @property
    def login_available(self) -> bool:
        """Tell that people sign in elsewhere."""
        return False

    @property
    def logout_available(self) -> bool:
        """Tell that people sign out elsewhere."""
        return False

    def get_handlers(self) -> list[tuple[str, object]]:
        """Return no page of its own."""
        return []

    def get_user(self, handler: RequestHandler) -> User | None:
        """Return who the cookie says it is, `None` where it says nothing that holds."""
        session = self.session_of(handler)
        if session is None:
            return None
        words = session.display.split()
        initials = "".join(word[0] for word in words[:1] + words[1:][-1:]).upper()
        return Person(session.actor, session.display, session.display, initials, role=session.role)

    def session_of(self, handler: RequestHandler) -> Session | None:
        """Return the person's session that came with a request."""
        text = handler.get_cookie(COOKIE)
        session = verify(self.home, text, now()) if text else None
        return session if session is not None and session.kind == "person" else None

    def should_check_origin(self, handler: RequestHandler) -> bool:
        """Tell that nobody is spared the question where they come from."""
        return True

    def is_token_authenticated(self, handler: RequestHandler) -> bool:
        """Tell that nobody comes with a token."""
        return False

    def validate_security(self, app: Any, ssl_options: dict[str, Any] | None = None) -> None:
        """Say nothing: the server listens on loopback, and knows everybody by their session."""


class RoleAuthorizer(Authorizer):
    """Lets in the roles it was given, whatever they want: what they may want is decided where it is served."""

    roles: Sequence[str] = List(Unicode()).tag(config=True)

    def is_authorized(self, handler: RequestHandler, user: User, action: str, resource: str) -> bool:
        """Tell whether this person may come in."""
        return isinstance(user, Person) and user.role in self.roles
