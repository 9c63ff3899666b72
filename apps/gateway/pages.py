"""Our own pages that need no kernel: signing in, and where each role begins."""

from __future__ import annotations

import html
from string import Template

from catalog.access import Role

HOME_OF: dict[Role, str] = {
    "officer": "/operations", "supervisor": "/supervisor", "admin": "/supervisor",
    "investigator": "/lab/", "analyst": "/lab/", "auditor": "/supervisor",
}  # fmt: skip
"""Where each role begins."""

LOGIN = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<title>Sign in · Real-time command center</title>
<style>
:root { color-scheme: dark; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #0a0f15; color: #e6edf5;
  font: 15px/1.5 Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { width: min(23rem, calc(100vw - 2rem)); padding: 1.75rem; background: #111922; border: 1px solid #22303f;
  border-radius: 14px; }
header { display: flex; align-items: center; gap: .8rem; margin-bottom: 1.4rem; }
header svg { flex: none; }
h1 { margin: 0; font-size: 1.02rem; font-weight: 650; }
header p { margin: 0; color: #93a6ba; font-size: .82rem; }
label { display: block; margin: .9rem 0 .3rem; color: #a9bacb; font-size: .84rem; }
input { width: 100%; padding: .65rem .75rem; font: inherit; color: #fff; background: #0b1219;
  border: 1px solid #2c3d50; border-radius: 8px; }
input:focus-visible, button:focus-visible { outline: 2px solid #5cb8ff; outline-offset: 2px; }
button { width: 100%; margin-top: 1.4rem; padding: .72rem; font: inherit; font-weight: 650; color: #ffffff;
  background: #1c6bb8; border: 0; border-radius: 8px; cursor: pointer; }
button:hover { background: #2378c9; }
.refused { margin: 0 0 .4rem; padding: .6rem .75rem; color: #ffb4ab; background: #2a1719;
  border: 1px solid #5c2b2e; border-radius: 8px; font-size: .88rem; }
</style>
</head>
<body>
<main>
<header>
<svg width="30" height="30" viewBox="0 0 30 30" aria-hidden="true"><rect width="30" height="30" rx="9"
 fill="#37b6d6"/><circle cx="15" cy="15" r="8" fill="#0d1b2a"/><circle cx="15" cy="15" r="3" fill="#37d6a8"/></svg>
<div><h1>Real-time command center</h1><p>$site</p></div>
</header>
<form method="post" action="/login">
$message<input type="hidden" name="next" value="$next">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus
 maxlength="64" value="$name">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1024">
<button type="submit">Sign in</button>
</form>
</main>
</body>
</html>
""")


def login_page(site: str, next_path: str, *, name: str = "", message: str = "") -> str:
    """Return the page where people sign in."""
    said = f'<p class="refused" role="alert">{html.escape(message)}</p>\n' if message else ""
    return LOGIN.substitute(
        site=html.escape(site), next=html.escape(next_path), name=html.escape(name), message=said
    )  # fmt: skip


def own_path(path: str) -> str:
    """Return a path to go on to that stays on this origin; `/` where it would lead elsewhere."""
    outside = not path.startswith("/") or path.startswith(("//", "/\\")) or not path.isprintable() or "\\" in path
    return "/" if outside else path
