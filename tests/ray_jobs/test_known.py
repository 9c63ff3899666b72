"""What a job knows of a camera before it looks."""

from __future__ import annotations

from catalog.registry import VIEW, Camera, Mounting, Zone
from catalog.spans import EPOCH, Span
from ray_jobs.known import Site
from workbench.rules.zone_visit import default_zones

MOUNTING = Mounting("mnt_1", "farish-1", Span(EPOCH))
FRAME_WH_PX = (640, 360)
LANE = Zone("zon_lane", "mnt_1", "farish-1", "area", "lane", ((0, 0), (100, 0), (100, 100)))


def site(*zones: Zone) -> Site:
    return Site(Camera("farish-1", "Farish & Amite"), (MOUNTING,), zones, "UTC")


def test_a_picture_on_which_nobody_drew_still_has_an_area():
    (zone,) = site().zones_on("mnt_1", FRAME_WH_PX)
    assert (zone.name, zone.kind, zone.mounting_id) == (VIEW, "area", "mnt_1")


def test_what_was_drawn_takes_the_place_of_the_area_that_stood_in():
    stood_in = default_zones(MOUNTING, FRAME_WH_PX)
    assert site(*stood_in, LANE).zones_on("mnt_1", FRAME_WH_PX) == (LANE,)


def test_the_area_that_stands_in_does_not_make_another_run():
    before, after = site(), site(*default_zones(MOUNTING, FRAME_WH_PX))
    assert before.drawn == after.drawn == ()
