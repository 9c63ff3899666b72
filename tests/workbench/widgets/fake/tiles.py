"""A PMTiles archive of the made-up city, written by hand: one zoom, a few tiles, one layer of lines."""

from __future__ import annotations

import gzip
import json
import math
import struct
from collections.abc import Iterable

from tests.workbench.widgets.fake.city import basemap

ZOOM = 11
EXTENT = 4096
Tile = tuple[int, int]


def archive() -> bytes:
    """Return the city's streets and river as PMTiles, version 3."""
    tiles = {tile: gzip.compress(_tile(lines)) for tile, lines in _by_tile().items()}
    ordered = sorted(tiles, key=_tile_id)
    data, offsets = b"", []
    for tile in ordered:
        offsets.append(len(data))
        data += tiles[tile]
    ids = [_tile_id(tile) for tile in ordered]
    steps = [after - before for before, after in zip([0, *ids], ids, strict=False)]
    listed = [
        len(ids),
        *steps,
        *(1 for _ in ids),
        *(len(tiles[tile]) for tile in ordered),
        *(offset + 1 for offset in offsets),
    ]
    root = gzip.compress(b"".join(_varint(number) for number in listed))
    told = gzip.compress(json.dumps({"vector_layers": [{"id": "streets", "fields": {"kind": "String"}}]}).encode())
    return _header(root, told, data, len(ids)) + root + told + data


def _header(root: bytes, told: bytes, data: bytes, count: int) -> bytes:
    places = (127, len(root), 127 + len(root), len(told), 0, 0, 127 + len(root) + len(told), len(data))
    west, south, east, north = (round(deg * 10**7) for deg in basemap()["bbox"])
    head = b"PMTiles" + bytes([3]) + struct.pack("<8Q3Q", *places, count, count, count)
    head += bytes([1, 2, 2, 1, ZOOM, ZOOM]) + struct.pack("<4i", west, south, east, north)
    return head + bytes([ZOOM]) + struct.pack("<2i", (west + east) // 2, (south + north) // 2)


def _by_tile() -> dict[Tile, list[tuple[str, list[tuple[float, float]]]]]:
    """Return each line of the city under every tile it touches, in the tile's own units."""
    found: dict[Tile, list[tuple[str, list[tuple[float, float]]]]] = {}
    for feature in basemap()["features"]:
        if feature["geometry"]["type"] != "LineString":
            continue
        world = [_world(lon, lat) for lon, lat in feature["geometry"]["coordinates"]]
        for tile in {(int(x), int(y)) for x, y in world}:
            inside = [((x - tile[0]) * EXTENT, (y - tile[1]) * EXTENT) for x, y in world]
            found.setdefault(tile, []).append((feature["properties"]["kind"], inside))
    return found


def _world(lon: float, lat: float) -> tuple[float, float]:
    sine = math.sin(math.radians(lat))
    x = (lon + 180) / 360
    y = 0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)
    return x * 2**ZOOM, y * 2**ZOOM


def _tile(lines: Iterable[tuple[str, list[tuple[float, float]]]]) -> bytes:
    words: list[str] = []
    features = b""
    for kind, points in lines:
        if kind not in words:
            words.append(kind)
        commands, at = [9], (0, 0)
        for number, point in enumerate(points):
            if number == 1:
                commands.append((len(points) - 1) << 3 | 2)
            now = (round(point[0]), round(point[1]))
            commands += [_zigzag(now[0] - at[0]), _zigzag(now[1] - at[1])]
            at = now
        tags = b"".join(_varint(number) for number in (0, words.index(kind)))
        shape = b"".join(_varint(number) for number in commands)
        features += _field(2, _field(2, tags) + _varint(3 << 3) + _varint(2) + _field(4, shape))
    values = b"".join(_field(4, _field(1, word.encode())) for word in words)
    layer = _field(1, b"streets") + features + _field(3, b"kind") + values
    return _field(3, layer + _varint(5 << 3) + _varint(EXTENT) + _varint(15 << 3) + _varint(2))


def _tile_id(tile: Tile) -> int:
    """Return the tile's place along the Hilbert curve, counted over all zooms."""
    x, y = tile
    place = (4**ZOOM - 1) // 3
    side = 2 ** (ZOOM - 1)
    while side:
        right, below = int(bool(x & side)), int(bool(y & side))
        place += side * side * ((3 * right) ^ below)
        if not below:
            if right:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
        side //= 2
    return place


def _varint(number: int) -> bytes:
    written = b""
    while number > 127:
        written += bytes([number & 127 | 128])
        number >>= 7
    return written + bytes([number])


def _zigzag(number: int) -> int:
    return number << 1 ^ (number >> 63)


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data
