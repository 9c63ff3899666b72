"""From sightings to events: what held, where, over which span."""
