"""State that can be written down: dataclasses to bytes and back, exactly.

The bytes are JSON with sorted keys. Python writes a float with as many digits as it takes to read the very same
one, so nothing drifts; NaN and infinities are refused. Equal states give equal bytes.
"""

from __future__ import annotations

import base64
import json
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from catalog.errors import CatalogConflict

State = TypeVar("State")


def write_down(state: object) -> bytes:
    """Return the bytes of a dataclass made of numbers, text, bytes, lists, tuples, dicts and dataclasses.

    Raises
    ------
    ValueError
        When a float is NaN or infinite.
    TypeError
        When a field holds anything else.
    """
    return json.dumps(_plain(state), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def read_back(kind: type[State], memory: bytes) -> State:
    """Return the state that `write_down` gave these bytes for.

    Raises
    ------
    CatalogConflict
        When the bytes are no state of this kind: written by another version of the code, or damaged.
    """
    try:
        state: State = _typed(kind, json.loads(memory))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CatalogConflict(
            f"a saved memory of {len(memory)} bytes does not fit {kind.__name__} of this code ({error}); "
            "it was written by another version: index the footage again as a new run"
        ) from error
    return state


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        # a list of pairs keeps the order and the type of the keys
        return [[_plain(key), _plain(part)] for key, part in value.items()]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} cannot be written down")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _typed(hint: Any, plain: Any) -> Any:
    """Return the value of type `hint` that was made plain."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return None if plain is None else _typed(next(part for part in parts if part is not NoneType), plain)
    if origin is Literal:
        return parts[parts.index(plain)]
    if origin is not None:
        return _container(origin, parts, plain)
    if is_dataclass(hint):
        hints = _hints(hint)  # type: ignore[arg-type]
        return hint(**{name: _typed(hints[name], part) for name, part in plain.items()})  # type: ignore[operator]
    return base64.b64decode(plain) if hint is bytes else hint(plain)


def _container(origin: Any, parts: tuple[Any, ...], plain: Any) -> Any:
    if origin is dict:
        return {_typed(parts[0], key): _typed(parts[1], part) for key, part in plain}
    if origin is tuple:
        kinds = [parts[0]] * len(plain) if parts[-1] is Ellipsis else parts
        return tuple(_typed(kind, part) for kind, part in zip(kinds, plain, strict=True))
    if origin is list:
        return [_typed(parts[0], part) for part in plain]
    raise TypeError(f"{origin.__name__} cannot be read back")
