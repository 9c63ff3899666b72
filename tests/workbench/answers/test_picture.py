"""Boxes are drawn where they are, and their names do not hide one another."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from workbench.answers.picture import AMBER, Box, crop_around, draw_boxes, jpeg

GREY = np.full((180, 320, 3), 90, np.uint8)


def test_a_box_is_drawn_on_its_edges_and_the_frame_itself_stays_as_it_was() -> None:
    drawn = draw_boxes(GREY, [Box((50, 60, 150, 120), "car")])
    assert tuple(drawn[60, 100]) == AMBER
    assert tuple(drawn[120, 100]) == AMBER
    assert tuple(drawn[90, 100]) == (90, 90, 90)
    assert (GREY == 90).all()


def test_a_wider_picture_keeps_the_box_in_its_place() -> None:
    drawn = draw_boxes(GREY, [Box((50, 60, 150, 120), "car")], width_px=960)
    assert drawn.shape == (540, 960, 3)
    assert tuple(drawn[180, 300]) == AMBER


def test_no_boxes_leave_the_picture_alone() -> None:
    assert np.array_equal(draw_boxes(GREY, []), GREY)


def test_boxes_that_reach_out_of_the_frame_and_crowds_are_drawn_all_the_same() -> None:
    crowd = [Box((x, x, x + 20, x + 30), "person", "person in black and white 0.90") for x in range(-10, 170, 4)]
    assert draw_boxes(GREY, crowd).shape == GREY.shape


def test_names_do_not_cover_each_other() -> None:
    apart = [draw_boxes(GREY, [Box((60, 60, 100, 120), "car", "car 0.90")]) != GREY]
    both = draw_boxes(
        GREY, [Box((60, 60, 100, 120), "car", "car 0.90"), Box((62, 60, 102, 120), "car", "car 0.80")]
    )  # fmt: skip
    tag = apart[0][:58].any(axis=2)
    changed = (both != GREY)[:58].any(axis=2)
    assert (changed == tag).all(), "the second name went elsewhere"


@given(
    st.tuples(st.integers(0, 300), st.integers(0, 160), st.integers(1, 300), st.integers(1, 170)),
    st.floats(0.2, 0.9),
)
def test_a_cut_out_holds_its_box_inside_the_frame(box: tuple[int, int, int, int], fill: float) -> None:
    left, top = box[0], box[1]
    right, bottom = min(left + box[2], 320), min(top + box[3], 180)
    x1, y1, x2, y2 = crop_around((left, top, right, bottom), (320, 180), aspect=16 / 9, fill=fill, least_px=64)
    assert x1 >= -1e-6
    assert y1 >= -1e-6
    assert x2 <= 320 + 1e-6
    assert y2 <= 180 + 1e-6
    assert x1 <= left + 1e-6
    assert x2 >= right - 1e-6
    assert y1 <= top + 1e-6
    assert y2 >= bottom - 1e-6
    assert abs((x2 - x1) / (y2 - y1) - 16 / 9) < 1e-6


def test_a_jpeg_is_scaled_down_never_up() -> None:
    assert Image.open(BytesIO(jpeg(GREY, width_px=160))).size == (160, 90)
    assert Image.open(BytesIO(jpeg(GREY, width_px=640))).size == (320, 180)
