"""Live work on two nodes, and whoever dies on the way: the others go on, the lost come back, nothing is doubled."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from apps.feeds.server import FeedServer
from catalog.home import Home
from ray_jobs.cluster import prepare_environment
from ray_jobs.head import HEAD_ENVIRONMENT
from ray_jobs.live.config import LiveConfig
from ray_jobs.live.director import Director
from ray_jobs.live.figures import CameraFigures
from tests.ray_jobs.live.city import (
    Book,
    KeeperProcess,
    Stretch,
    city_home,
    covered,
    enter_cameras,
    feed_in,
    holes,
    kept,
    overlaps,
)
from tests.waiting import eventually

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]

CAMERAS = 4
BACK_WITHIN_S = 15.0
LOST = ("no_feed", "undecodable")


@dataclass
class City:
    """Two nodes, four cameras, two shards, and everybody who may be killed."""

    home: Home
    keeper: KeeperProcess
    director: Director
    second: Any
    camera_ids: list[str]
    book: Book

    @property
    def shards(self) -> list[Any]:
        return list(self.director.crew.shards.values())

    def figures(self) -> dict[str, CameraFigures]:
        return {
            camera.camera_id: camera
            for shard in self.shards
            if shard.figures
            for camera in shard.figures.cameras
            if camera.camera_id in shard.told
        }

    def recording(self) -> set[str]:
        return {camera_id for camera_id, camera in self.figures().items() if camera.state == "recording"}

    def all_record(self) -> bool:
        return self.recording() == set(self.camera_ids)

    def gaps_since(self, cameras: set[str], since: datetime) -> list[tuple[str, Stretch]]:
        """Return the stretches without footage that began after an instant."""
        found = [(one, gap) for one in sorted(cameras) for gap in self.book.gaps(one, *LOST)]
        return [(one, gap) for one, gap in found if gap.start_at >= since]

    def back_s(self, lost: set[str], died: set[int]) -> float:
        """Wait until other processes than those that died record the lost cameras; return how long that took."""
        before = {one: len(self.book.segments(one)) for one in lost}

        def back() -> bool:
            elsewhere = {one for shard in self.shards if shard.pid not in died for one in shard.told}
            return lost <= elsewhere and lost <= self.recording()

        took_s = eventually(back, f"{sorted(lost)} are back", 60)
        eventually(
            lambda: all(len(self.book.segments(one)) > before[one] for one in lost), "new segments are kept", 40
        )
        return took_s


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, yolox_weights: Path, bikes_footage: Path) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("city")
    home, feed = city_home(folder / "home", yolox_weights), feed_in(folder / "feeds", bikes_footage)
    prepare_environment(home, None)
    os.environ.update({**HEAD_ENVIRONMENT, "RAY_enable_metrics_collection": "0"})
    import ray
    from ray.cluster_utils import Cluster

    with FeedServer(feed.parent) as feeds:
        camera_ids = enter_cameras(home, feeds, feed, CAMERAS)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
        second = cluster.add_node(num_cpus=2)
        stop = threading.Event()
        with kept(home) as keeper:
            ray.init(address=cluster.address, namespace="rtcc", log_to_driver=False, logging_level="ERROR")
            director = Director(home, LiveConfig.of(home), only=camera_ids, shards=2)
            thread = threading.Thread(target=director.run, args=(stop,), name="director")
            thread.start()
            found = City(home, keeper, director, second, camera_ids, Book(home))
            try:
                eventually(found.all_record, "every camera records", 90)
                looks = lambda: sum(one.frames_inferred for one in found.figures().values())  # noqa: E731
                eventually(lambda: looks() > 8, "pictures are looked at", 90)
                yield found
            finally:
                stop.set()
                thread.join(60)
                ray.shutdown()
                cluster.shutdown()


def test_cameras_are_spread_over_both_nodes(city: City):
    assert len({shard.node for shard in city.shards}) == 2, city.director.crew.nodes()
    assert all(len(shard.told) == CAMERAS // 2 for shard in city.shards)


def test_a_killed_ingest_process_takes_only_its_own_cameras_and_they_come_back(city: City):
    victim = city.shards[0]
    lost, died = set(victim.told), {victim.pid}
    others = set(city.camera_ids) - lost
    since = datetime.now(UTC)
    os.kill(victim.pid, signal.SIGKILL)
    assert city.back_s(lost, died) < BACK_WITHIN_S
    assert not city.gaps_since(others, since)


def test_a_killed_detector_costs_no_footage_and_looking_goes_on(city: City):
    since = datetime.now(UTC)
    for place in city.director.crew.detectors.values():
        assert place.figures is not None
        os.kill(place.figures.pid, signal.SIGKILL)
    before = {one: camera.frames_inferred for one, camera in city.figures().items()}
    eventually(
        lambda: all(
            one in (now := city.figures()) and now[one].frames_inferred > before.get(one, 0) + 1
            for one in city.camera_ids
        ),
        "every camera is looked at again", 90,
    )  # fmt: skip
    assert not city.gaps_since(set(city.camera_ids), since)


def test_a_killed_keeper_costs_no_footage_and_what_waited_is_kept(city: City):
    since = datetime.now(UTC)
    eventually(city.all_record, "every camera records", 60)
    closed_before = {one: camera.segments for one, camera in city.figures().items()}
    city.keeper.kill()
    eventually(
        lambda: all(
            one in (now := city.figures()) and now[one].segments > closed_before.get(one, 0) + 1
            for one in city.camera_ids
        ),
        "segments are closed without a keeper", 40,
    )  # fmt: skip
    assert city.all_record()
    closed = {one: camera.segments for one, camera in city.figures().items()}
    kept_before = {one: len(city.book.segments(one)) for one in city.camera_ids}
    city.keeper.start()
    eventually(
        lambda: all(
            len(city.book.segments(one)) >= kept_before[one] + closed[one] - closed_before[one] - 1
            for one in city.camera_ids
        ),
        "what was closed meanwhile is in the catalog", 40,
    )  # fmt: skip
    assert not city.gaps_since(set(city.camera_ids), since)


def test_a_killed_raylet_gives_its_cameras_to_the_node_that_is_left(city: City):
    gone = [shard for shard in city.shards if shard.node == city.second.node_id]
    lost, died = {one for shard in gone for one in shard.told}, {shard.pid for shard in gone}
    assert lost
    others = set(city.camera_ids) - lost
    since = datetime.now(UTC)
    processes = [info.process.pid for infos in city.second.all_processes.values() for info in infos]
    raylet = next(pid for pid in processes if psutil.Process(pid).name() == "raylet")
    os.kill(raylet, signal.SIGKILL)
    assert city.back_s(lost, died) < BACK_WITHIN_S
    assert not city.gaps_since(others, since)


def test_after_all_of_it_nothing_is_lost_doubled_or_left_open(city: City):
    book = city.book
    city.director.crew.stop(30)
    for camera_id in city.camera_ids:
        segments = book.segments(camera_id)
        assert len(segments) > 5
        assert not overlaps(segments)
        gaps = book.gaps(camera_id, *LOST, "not_permitted")
        for hole in holes(segments):
            assert covered(hole, gaps), f"{camera_id}: nothing says why there is no footage in {hole}"
    for row in book.ask("select uri, sha256 from lake.segments"):
        path = city.home.footage_path(row["uri"])
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]
    assert not book.ask("select segment_id from lake.segments group by 1 having count(*) > 1")
    assert not book.ask("select run_id, segment_id from lake.analyses group by 1, 2 having count(*) > 1")
    assert not book.ask(
        "select event_id from lake.alerts where event_id is not null group by 1 having count(*) > 1"
    )
    still_open = book.ask(
        "select track_id from (select *, row_number() over (partition by track_id order by as_of_at desc) as nth "
        "from lake.track_states) where nth = 1 and end_at is null"
    )
    assert not still_open
    assert not list(city.home.footage_dir.glob("*/.live-*")), "notes and parts are all dealt with"
