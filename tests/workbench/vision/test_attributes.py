"""Attributes: the colours of painted cars and dressed people, and "unknown" where nobody could tell."""

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.observations import COLOURS, LABELS
from workbench.vision.attributes import BoxColours, colours_of

PAINTS = {
    "black": (18, 18, 20), "white": (232, 233, 235), "grey": (128, 130, 133), "red": (176, 24, 30),
    "orange": (232, 120, 20), "yellow": (245, 205, 30), "green": (30, 120, 55), "blue": (35, 70, 165),
    "purple": (110, 45, 140), "brown": (100, 62, 34),
}  # fmt: skip
ROAD = (112, 112, 114)
SKY = (205, 215, 225)
GLASS = (60, 66, 72)
TYRE = (22, 22, 24)
SKIN = (190, 140, 115)

Box = tuple[int, int, int, int]
Painted = tuple[int, int, int]


def street(width: int = 416, height: int = 256) -> NDArray[np.uint8]:
    """Return a road under a sky, with the noise of a camera."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[: height // 3], picture[height // 3 :] = SKY, ROAD
    picture[height // 3 : height // 3 + 4] = PAINTS["green"]
    picture[-6:, ::40] = PAINTS["white"]
    noise = np.random.default_rng(3).normal(0, 3, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def fill(picture: NDArray[np.uint8], box: Box, share: tuple[float, float, float, float], paint: Painted) -> None:
    left, top, right, bottom = box
    x1, x2 = (round(left + (right - left) * part) for part in (share[0], share[2]))
    y1, y2 = (round(top + (bottom - top) * part) for part in (share[1], share[3]))
    picture[y1:y2, x1:x2] = paint


def park_car(picture: NDArray[np.uint8], box: Box, paint: Painted) -> None:
    """Draw a car seen from the side: roof, windows, body, tyres, and its shadow on the road."""
    fill(picture, box, (0.22, 0.02, 0.78, 0.45), paint)
    fill(picture, box, (0.26, 0.08, 0.74, 0.38), GLASS)
    fill(picture, box, (0.02, 0.40, 0.98, 0.82), paint)
    for left in (0.12, 0.70):
        fill(picture, box, (left, 0.68, left + 0.16, 0.98), TYRE)
    fill(picture, box, (0.30, 0.84, 0.70, 0.98), (50, 50, 52))


def stand_person(picture: NDArray[np.uint8], box: Box, jacket: Painted, trousers: Painted) -> None:
    fill(picture, box, (0.36, 0.02, 0.64, 0.16), SKIN)
    fill(picture, box, (0.18, 0.17, 0.82, 0.52), jacket)
    fill(picture, box, (0.28, 0.52, 0.72, 0.94), trousers)
    fill(picture, box, (0.24, 0.94, 0.76, 1.00), TYRE)


def look(picture: NDArray[np.uint8], box: Box, label: str) -> BoxColours:
    return colours_of(
        picture[None], np.zeros(1, np.int64), np.array([box], np.float32), np.array([LABELS.index(label)], np.int16)
    )


def name(index: np.int8) -> str | None:
    return COLOURS[index] if index >= 0 else None


@pytest.mark.parametrize("paint", COLOURS)
def test_a_cars_paint_is_named(paint: str):
    picture, box = street(), (100, 120, 200, 170)
    park_car(picture, box, PAINTS[paint])
    seen = look(picture, box, "car")
    assert name(seen.upper[0]) == paint
    assert seen.upper_confidence[0] > 0.6
    assert name(seen.lower[0]) is None


@pytest.mark.parametrize("trousers", ["blue", "black", "grey", "brown"])
@pytest.mark.parametrize("jacket", ["red", "white", "yellow", "black", "green"])
def test_a_persons_jacket_and_trousers_are_named_apart(jacket: str, trousers: str):
    picture, box = street(), (200, 100, 232, 190)
    stand_person(picture, box, PAINTS[jacket], PAINTS[trousers])
    seen = look(picture, box, "person")
    assert (name(seen.upper[0]), name(seen.lower[0])) == (jacket, trousers)
    assert min(seen.upper_confidence[0], seen.lower_confidence[0]) > 0.6


def test_moving_a_car_changes_nothing():
    answers = []
    for left, top in [(10, 100), (150, 120), (300, 190)]:
        picture, box = street(), (left, top, left + 100, top + 50)
        park_car(picture, box, PAINTS["red"])
        answers.append(name(look(picture, box, "car").upper[0]))
    assert answers == ["red"] * 3


def test_a_black_car_stays_black_in_haze():
    picture, box = street(), (100, 120, 200, 170)
    park_car(picture, box, PAINTS["black"])
    fill(picture, (0, 150, 416, 256), (0.6, 0, 1, 1), TYRE)  # something dark by which the haze can be told
    hazy = (70 + picture * 0.7).astype(np.uint8)
    assert name(look(hazy, box, "car").upper[0]) == "black"


@pytest.mark.parametrize("share", [0.15, 0.25], ids=["deep night", "lamps"])
def test_at_night_no_colour_is_stated(share: float):
    picture, box = street(), (100, 120, 200, 170)
    park_car(picture, box, PAINTS["red"])
    assert name(look((picture * share).astype(np.uint8), box, "car").upper[0]) is None


def test_an_infrared_picture_has_no_colours():
    picture, box = street(), (100, 120, 200, 170)
    park_car(picture, box, PAINTS["white"])
    infrared = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert name(look(infrared, box, "car").upper[0]) is None


@pytest.mark.parametrize(
    ("label", "size"), [("car", (16, 9)), ("car", (9, 30)), ("person", (6, 20)), ("person", (20, 20))]
)
def test_a_box_too_small_to_tell_is_unknown(label: str, size: tuple[int, int]):
    picture = street()
    picture[:] = PAINTS["red"]
    picture[:100] = SKY
    seen = look(picture, (100, 120, 100 + size[0], 120 + size[1]), label)
    assert (name(seen.upper[0]), seen.upper_confidence[0]) == (None, 0)


def test_a_person_cut_off_at_the_belt_has_no_known_trousers():
    picture, box = street(), (200, 160, 260, 230)
    fill(picture, box, (0, 0.2, 1, 1), PAINTS["red"])
    seen = look(picture, box, "person")
    assert (name(seen.upper[0]), name(seen.lower[0])) == ("red", None)


def test_a_car_of_two_paints_is_unknown():
    picture, box = street(), (100, 120, 200, 170)
    park_car(picture, box, PAINTS["blue"])
    fill(picture, box, (0.0, 0.4, 0.5, 0.82), PAINTS["yellow"])
    assert name(look(picture, box, "car").upper[0]) is None


def test_only_people_and_vehicles_have_colours():
    picture, box = street(), (100, 120, 200, 170)
    park_car(picture, box, PAINTS["red"])
    for label in ("bicycle", "motorcycle", "dog", "suitcase", "train"):
        assert name(look(picture, box, label).upper[0]) is None


def test_each_box_is_judged_in_its_own_frame():
    box = (100, 120, 200, 170)
    pictures = np.stack([street()] * 3)
    for picture, paint in zip(pictures, ("red", "blue", "white"), strict=True):
        park_car(picture, box, PAINTS[paint])
    pictures[2] //= 10  # night
    boxes = np.array([box] * 3, np.float32)
    seen = colours_of(pictures, np.array([1, 0, 2]), boxes, np.full(3, LABELS.index("car"), np.int16))
    assert [name(index) for index in seen.upper] == ["blue", "red", None]


def test_no_boxes_give_empty_columns():
    empty = np.zeros(0, np.int16)
    seen = colours_of(street()[None], empty.astype(np.int64), np.zeros((0, 4), np.float32), empty)
    assert [len(column) for column in (seen.upper, seen.upper_confidence, seen.lower, seen.lower_confidence)] == [
        0
    ] * 4


def test_a_box_at_the_edge_reads_only_the_frame():
    picture, box = street(), (366, 206, 416, 256)
    park_car(picture, box, PAINTS["red"])
    assert name(look(picture, box, "car").upper[0]) == "red"
