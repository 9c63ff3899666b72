"""From boxes to things: tracks through one view."""
