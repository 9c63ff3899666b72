"""Pictures and video for people who are signed in: stills, playlists, segments, taps.

Before anything is handed out the keeper is asked whether it may be, and the audit says who opened what:

- each still and each picture of an alert is a line, also one that was made for somebody else before;
- a replay is a line for the question which segments there are, and one for each segment that its player opens: all
  pieces of a segment that the same person takes within 30 s are one opening;
- a tile is a line with its reason, beside the shard's own for the feed, and so is a live list while it plays;
- what is refused is a line, too.

While a file is sent, leave is asked for again every second, and a feed's lease is the shard's, of two seconds: what
is withdrawn ends in the middle.
"""

from apps.gateway.media.routes import router as router
