"""One gateway for all tests of media: what each needs of its own, it makes beside."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from apps.accounts import Accounts
from apps.gateway.app import create_app
from apps.gateway.settings import Policy
from catalog.home import Home
from catalog.keeper import Keeper
from tests.apps.gateway.media.made_media import ROLES, Clock, Gateway, Serving
from tests.conftest import Look
from tests.made_home import make_home
from tests.synthetic import Encoding, render, street


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def kept_home(empty_home: object, tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = tmp_path_factory.mktemp("media") / "home"
    shutil.copytree(str(empty_home), root)
    return Home.open(root)


@pytest.fixture(scope="session")
def keeper(kept_home: Home, clock: Clock) -> Iterator[Keeper]:
    with Keeper(kept_home, clock=clock, commit_every_s=0.0) as keeper:
        yield keeper


@pytest.fixture(scope="session")
def gateway(
    kept_home: Home, keeper: Keeper, clock: Clock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    made = make_home(kept_home, keeper, tmp_path_factory.mktemp("scratch"))
    accounts = Accounts(kept_home, clock=clock)
    for name, role in ROLES.items():
        accounts.add(name, role, name.title(), "a long enough password")
    policy = Policy(person_per_s=1_000.0)
    app = create_app(kept_home, door=keeper, clock=clock, policy=policy)
    with (
        closing(Serving(app)) as serving,
        closing(Gateway(kept_home, keeper, made, clock, app, serving)) as gateway,
    ):
        yield gateway


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of a street, a key frame every second."""
    return render(street(10.0), tmp_path_factory.mktemp("seen") / "street.mp4", Encoding(gop=10))


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a street, a key frame every half second."""
    return render(street(2.0), tmp_path_factory.mktemp("recorded") / "street.mp4", Encoding(gop=5))


@pytest.fixture
def audited(look: Look) -> Look:
    """Return a way to look at what the audit says an actor opened since the test began, in order."""
    ((before,),) = look("select max(line) from audit")

    def lines(actor: str) -> list[tuple[object, ...]]:
        return look(
            f"select action, question, parameters, outcome from audit where line > {before} "
            f"and actor = '{actor}' and action = 'footage' order by line"
        )

    return lines
