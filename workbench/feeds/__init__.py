"""A live feed: found, opened, recorded, sampled and watched over; one thread a camera, no cluster."""
