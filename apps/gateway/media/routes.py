"""Where pictures and video are asked for."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["media"])
