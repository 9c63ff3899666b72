"""Pictures and video for people who are signed in: stills, playlists, segments, taps."""

from apps.gateway.media.routes import router as router
