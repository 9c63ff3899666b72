"""What many tests need: weights and footage by digest, and a CUDA device where there is one."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from workbench.assets import AssetStore

ROOT = Path(__file__).parents[1]

# How long an example takes says how busy the machine is, not whether a law holds.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(scope="session")
def assets() -> AssetStore:
    """Return a store that outlives the test run; `RTCC_ASSETS` names another folder, e.g. one filled before."""
    return AssetStore(Path(os.environ.get("RTCC_ASSETS") or ROOT / ".cache" / "assets"))


@pytest.fixture(scope="session")
def yolox_weights(assets: AssetStore) -> Path:
    """Return the detector's weights; a test that needs them fails, saying why, where they cannot be had."""
    return assets.pull("yolox-nano")


@pytest.fixture(scope="session")
def bikes_footage(assets: AssetStore) -> Path:
    """Return ten seconds of real street footage; a test that needs it fails where it cannot be had."""
    return assets.pull("bikes")


@pytest.fixture
def cuda() -> str:
    """Return a CUDA device's name; without one the test is left out, or fails where `RTCC_GPU=1` promised one."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if os.environ.get("RTCC_GPU") == "1":
        pytest.fail("RTCC_GPU=1 promises a CUDA device, but torch sees none")
    pytest.skip("this machine has no CUDA device")
