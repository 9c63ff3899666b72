"""Colour names: what a person on the street would say."""

import numpy as np
import pytest

from catalog.observations import COLOURS
from workbench.vision.colour_names import colour_names, hue_deg, lightness_and_chroma


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((12, 12, 14), "black"), ((45, 45, 50), "black"), ((120, 122, 125), "grey"), ((165, 170, 172), "grey"),
        ((235, 235, 235), "white"), ((200, 205, 210), "white"), ((190, 20, 30), "red"), ((110, 15, 25), "red"),
        ((240, 130, 20), "orange"), ((250, 210, 30), "yellow"), ((200, 180, 40), "yellow"),
        ((30, 130, 50), "green"),
        ((90, 160, 60), "green"), ((30, 60, 160), "blue"), ((110, 170, 220), "blue"), ((20, 25, 90), "blue"),
        ((120, 40, 150), "purple"), ((110, 70, 35), "brown"), ((85, 50, 30), "brown"),
    ],
    ids=str,
)  # fmt: skip
def test_a_colour_has_its_everyday_name(rgb, name):
    assert COLOURS[colour_names(np.array([rgb], np.uint8))[0]] == name


def test_every_colour_has_a_name():
    every_fifth = np.stack(np.meshgrid(*[np.arange(0, 256, 5, dtype=np.uint8)] * 3, indexing="ij"), axis=-1)
    names = colour_names(every_fifth)
    assert set(np.unique(names)) == set(range(len(COLOURS)))


def test_greys_have_no_colour_and_rise_from_black_to_white():
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    ranks = ["black", "grey", "white"]
    order = [ranks.index(COLOURS[index]) for index in colour_names(greys)]
    assert order == sorted(order)


def test_lightness_and_chroma_are_those_of_the_standard():
    """sRGB red is L* 53.24, C* 104.55 under D65."""
    lightness, chroma = lightness_and_chroma(np.array([[1.0, 0, 0], [1, 1, 1], [0, 0, 0]]))
    assert lightness == pytest.approx([53.24, 100, 0], abs=0.05)
    assert chroma == pytest.approx([104.55, 0, 0], abs=0.1)


def test_hue_goes_round_from_red_through_green_and_blue():
    colours = np.array([[1.0, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [0.5, 0.5, 0.5]])
    assert hue_deg(colours) == pytest.approx([0, 60, 120, 180, 240, 300, 0])
