from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.feeds.clock_watch import WRAPS_US, ClockWatchConfig
from workbench.feeds.complaint import HealthChange
from workbench.feeds.feed_rate import FeedRateConfig
from workbench.feeds.feed_watch import FeedWatch, FeedWatchConfig, FeedWatchMemory
from workbench.tracking.memory import read_back, write_down

SECOND = 1_000_000
START_AT = 1_772_366_400 * SECOND
"""2026-03-01T12:00Z, µs."""

law = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def at(seconds: float) -> int:
    return START_AT + round(seconds * SECOND)


@dataclass(frozen=True)
class Sent:
    """One packet on its way; seconds since the start."""

    arrived_s: float
    stamp_s: float
    """What the camera's clock says."""


def steady(duration_s: float, rate_hz: float = 25.0, from_s: float = 0.0) -> list[Sent]:
    count = round(duration_s * rate_hz)
    instants = [from_s + number / rate_hz for number in range(count)]
    return [Sent(instant, instant) for instant in instants]


def delayed(packets: Sequence[Sent], delay_s: Callable[[float], float]) -> list[Sent]:
    """Return the packets as they arrive when each is delayed, none overtaking another."""
    arrived_s, result = -1e9, []
    for packet in packets:
        arrived_s = max(arrived_s, packet.arrived_s + delay_s(packet.stamp_s))
        result.append(replace(packet, arrived_s=arrived_s))
    return result


def with_clock(packets: Sequence[Sent], error_s: Callable[[float], float]) -> list[Sent]:
    return [replace(packet, stamp_s=packet.stamp_s + error_s(packet.stamp_s)) for packet in packets]


def without(packets: Sequence[Sent], from_s: float, until_s: float) -> list[Sent]:
    return [packet for packet in packets if not from_s <= packet.arrived_s < until_s]


def thinned(packets: Sequence[Sent], from_s: float, until_s: float, keep: float) -> list[Sent]:
    """Return the packets with only a share of those between two instants, evenly spread."""
    return [
        packet
        for number, packet in enumerate(packets)
        if not from_s <= packet.arrived_s < until_s or int(number * keep) != int((number - 1) * keep)
    ]


@dataclass
class Told:
    """What a watch said of a feed, checked as it comes."""

    changes: list[HealthChange] = field(default_factory=list)

    def add(self, changes: Sequence[HealthChange], now_us: int) -> None:
        for change in changes:
            assert change.onset_at_us <= now_us
            assert change.ended_at_us is None or change.onset_at_us <= change.ended_at_us <= now_us
        self.changes += changes

    @property
    def complaints(self) -> list[tuple[str, float, float | None]]:
        """Rule, onset and end of each, seconds since the start; `None` while it is open."""
        found: dict[tuple[str, int], int | None] = {}
        for change in self.changes:
            key = (change.rule, change.onset_at_us)
            assert (key in found) == (change.ended_at_us is not None), "each begins once, then ends once"
            assert found.get(key) is None
            found[key] = change.ended_at_us
        since = [(rule, (onset - START_AT) / SECOND, end) for (rule, onset), end in found.items()]
        return [(rule, onset_s, None if end is None else (end - START_AT) / SECOND) for rule, onset_s, end in since]

    @property
    def rules(self) -> list[str]:
        return [rule for rule, _, _ in self.complaints]


def tell(
    packets: Sequence[Sent],
    until_s: float | None = None,
    *,
    own_clock: bool = True,
    tick_s: float = 1.0,
    config: FeedWatchConfig | None = None,
    restarting: bool = False,
) -> Told:
    """Return what a watch says of these packets, ticking all the while."""
    watch, told = FeedWatch(config), Told()
    last_s = packets[-1].arrived_s if packets else 0.0
    for now_s, packet in _in_order(packets, last_s + tick_s if until_s is None else until_s, tick_s):
        if packet is None:
            told.add(watch.tick(at(now_s)), at(now_s))
            if restarting:
                watch = FeedWatch(config, read_back(FeedWatchMemory, write_down(watch.memory)))
            continue
        stamp_us = at(packet.stamp_s)
        own, other = (stamp_us, None) if own_clock else (None, stamp_us - START_AT)
        told.add(watch.packet(at(now_s), own, False, 1000, stream_us=other), at(now_s))
    return told


def _in_order(packets: Sequence[Sent], until_s: float, tick_s: float) -> Iterator[tuple[float, Sent | None]]:
    ticks: list[tuple[float, Sent | None]] = [(n * tick_s, None) for n in range(int(until_s / tick_s) + 1)]
    arrivals: list[tuple[float, Sent | None]] = [(packet.arrived_s, packet) for packet in packets]
    return iter(sorted([*ticks, *arrivals], key=lambda one: one[0]))


@law
@given(
    st.sampled_from([1.0, 2.0, 5.0, 12.5, 25.0]),
    st.floats(0, 1.5),
    st.integers(0, 2**32),
    st.booleans(),
    st.sampled_from([0.3, 1.0, 2.5]),
)
def test_a_steady_feed_makes_no_complaint_however_its_packets_jitter(
    rate_hz: float, jitter_s: float, seed: int, own_clock: bool, tick_s: float
) -> None:
    random = Random(seed)
    packets = delayed(steady(400, rate_hz), lambda _: random.uniform(0, jitter_s))
    assert tell(packets, own_clock=own_clock, tick_s=tick_s).changes == []


@law
@given(
    st.sampled_from([1.0, 5.0, 25.0]),
    st.floats(20, 250),
    st.floats(8, 100),
    st.booleans(),
    st.sampled_from([0.3, 1.0, 2.5]),
)
def test_a_feed_that_stops_complains_once_from_its_last_packet_until_it_returns(
    rate_hz: float, stops_s: float, silent_s: float, own_clock: bool, tick_s: float
) -> None:
    packets = without(steady(420, rate_hz), stops_s, stops_s + silent_s)
    last_s = max(packet.arrived_s for packet in packets if packet.arrived_s < stops_s)
    first_s = min(packet.arrived_s for packet in packets if packet.arrived_s > stops_s)
    (complaint,) = tell(packets, own_clock=own_clock, tick_s=tick_s).complaints
    assert complaint == ("camera_lost", pytest.approx(last_s, abs=1e-5), pytest.approx(first_s, abs=1e-5))


@law
@given(st.floats(150, 250), st.floats(0, 4.9), st.sampled_from([2.0, 25.0]), st.booleans())
def test_a_short_pause_is_no_complaint(pauses_s: float, silent_s: float, rate_hz: float, kept: bool) -> None:
    packets = steady(300, rate_hz)
    if kept:
        paused = delayed(packets, lambda s: max(0.0, pauses_s + silent_s - s) if pauses_s <= s else 0.0)
    else:
        paused = without(packets, pauses_s, pauses_s + silent_s - 1 / rate_hz)
    assert tell(paused).changes == []


@law
@given(st.floats(0.05, 0.5), st.floats(150, 300), st.floats(40, 100), st.sampled_from([5.0, 25.0]))
def test_a_falling_rate_is_dated_to_its_fall_and_ends_by_itself(
    keep: float, falls_s: float, lasts_s: float, rate_hz: float
) -> None:
    packets = thinned(steady(480, rate_hz), falls_s, falls_s + lasts_s, max(keep, 1.5 / rate_hz))
    (complaint,) = tell(packets).complaints
    rule, onset_s, ended_s = complaint
    assert rule == "camera_slow"
    assert abs(onset_s - falls_s) <= 2
    assert ended_s is not None
    assert falls_s + lasts_s <= ended_s <= falls_s + lasts_s + 11


@law
@given(
    st.integers(0, 2**32), st.floats(-40, 40).filter(lambda error_s: abs(error_s) > 6), st.sampled_from([2.0, 25.0])
)
def test_a_clock_that_is_off_is_told_once(seed: int, error_s: float, rate_hz: float) -> None:
    random = Random(seed)
    packets = delayed(with_clock(steady(60, rate_hz), lambda _: error_s), lambda _: random.uniform(0, 0.3))
    told = tell(packets)
    assert [change.detail.split(" is ")[0] for change in told.changes] == ["its clock"]
    assert told.complaints[0][0] == "camera_clock"
    assert told.complaints[0][1] < 2


@settings(law, max_examples=6)
@given(st.integers(0, 2**32), st.sampled_from([0.7, 1.0, 3.0]))
def test_a_restart_after_every_tick_changes_nothing(seed: int, tick_s: float) -> None:
    random = Random(seed)
    packets = thinned(without(steady(400, 10), 60, 75), 250, 300, 0.3)
    packets = delayed(
        with_clock(packets, lambda s: 9.0 if 310 < s < 340 else 0.0), lambda _: random.uniform(0, 0.2)
    )
    told = tell(packets, tick_s=tick_s)
    assert set(told.rules) == {"camera_lost", "camera_slow", "camera_clock"}
    assert tell(packets, tick_s=tick_s, restarting=True) == told


@law
@given(st.lists(st.tuples(st.floats(0, 30), st.floats(-100, 100), st.sampled_from("pptcd")), max_size=80))
def test_whatever_comes_onsets_lie_in_the_past_and_each_complaint_ends_once(
    story: list[tuple[float, float, str]],
) -> None:
    watch, told, now_s = FeedWatch(), Told(), 0.0
    for wait_s, error_s, what in story:
        now_s += wait_s
        now_us = at(now_s)
        if what == "p":
            told.add(watch.packet(now_us, now_us + round(error_s * SECOND), True, 1), now_us)
        elif what == "t":
            told.add(watch.tick(now_us), now_us)
        else:
            told.add(watch.connected(now_us) if what == "c" else watch.disconnected(now_us, "gone"), now_us)
    assert len(told.complaints) <= len(told.changes)


def test_a_feed_that_never_comes_is_lost_from_the_first_try() -> None:
    watch, told = FeedWatch(), Told()
    told.add(watch.disconnected(at(0.5), "connection refused"), at(0.5))
    for second in range(1, 20):
        told.add(watch.tick(at(second)), at(second))
    assert told.changes == [HealthChange("camera_lost", at(0.5), "disconnected: connection refused")]


def test_a_feed_that_is_connected_but_silent_says_so() -> None:
    watch = FeedWatch()
    watch.connected(at(0))
    (change,) = watch.tick(at(6))
    assert change.detail == "no packet ever came"


def test_a_lost_feed_that_blinks_is_not_back() -> None:
    blink = [Sent(at_s, at_s) for at_s in (40.0, 40.1, 60.0, 80.0, 80.5)]
    assert tell([*steady(20), *blink], 100).complaints == [("camera_lost", 19.96, None)]


def test_a_feed_of_few_frames_is_told_lost_once_and_then_known() -> None:
    packets = steady(1800, 0.1)
    (complaint,) = tell(packets).complaints
    assert complaint == ("camera_lost", 0.0, 30.0)
    assert tell(packets, 1900).rules == ["camera_lost", "camera_lost"]


def test_a_feed_that_sends_less_of_a_still_street_is_not_slow() -> None:
    busy = steady(1200)
    for from_s in range(30, 1200, 90):
        busy = thinned(busy, from_s, from_s + 30, 0.4)
    assert tell(busy).changes == []


def test_a_rate_that_lasts_becomes_the_usual_one() -> None:
    config = FeedWatchConfig(rate=FeedRateConfig(adopt_after_s=200))
    (complaint,) = tell(thinned(steady(900, 10), 200, 900, 0.5), config=config).complaints
    assert complaint == ("camera_slow", pytest.approx(200, abs=2), pytest.approx(400, abs=4))


def test_a_slow_feed_that_is_lost_and_returns_slow_was_slow_all_the_while() -> None:
    packets = without(thinned(steady(500), 200, 400, 0.4), 250, 270)
    told = tell(packets).complaints
    assert [rule for rule, _, _ in told] == ["camera_slow", "camera_lost"]
    assert told[0][2] is not None
    assert told[0][2] > 400


def test_a_clock_that_is_set_right_ends_the_complaint() -> None:
    (complaint,) = tell(with_clock(steady(200), lambda s: 8.0 if s < 100 else 0.0)).complaints
    rule, onset_s, ended_s = complaint
    assert (rule, onset_s) == ("camera_clock", 0.0)
    assert ended_s is not None
    assert 100 <= ended_s <= 111


def test_buffering_on_the_way_may_be_allowed_for() -> None:
    late = with_clock(steady(100), lambda _: -12.0)
    assert tell(late).rules == ["camera_clock"]
    config = FeedWatchConfig(clock=ClockWatchConfig(buffering_s=30.0))
    assert tell(late, config=config).changes == []
    assert tell(with_clock(steady(100), lambda _: 12.0), config=config).rules == ["camera_clock"]


@pytest.mark.parametrize("own_clock", [True, False], ids=["own clock", "time stamps only"])
@pytest.mark.parametrize(
    ("jump_s", "words"),
    [(-3.0, "time stamps ran back by 3.0 s"), (4.0, "time stamps leapt ahead by 4.0 s")],
    ids=["back", "ahead"],
)
def test_time_stamps_that_jump_are_told_for_half_a_minute(own_clock: bool, jump_s: float, words: str) -> None:
    told = tell(with_clock(steady(200), lambda s: jump_s if s >= 100 else 0.0), own_clock=own_clock)
    assert told.changes[0].detail == words
    assert told.complaints == [("camera_clock", 100.0, pytest.approx(102, abs=1.1))]


def test_time_stamps_that_jump_again_and_again_are_one_complaint() -> None:
    told = tell(with_clock(steady(300), lambda s: -2.0 * (s // 12)), own_clock=False)
    assert told.rules == ["camera_clock"]


@pytest.mark.parametrize("wrap_us", WRAPS_US, ids=["32 bits", "33 bits"])
def test_a_counter_that_starts_over_has_not_jumped(wrap_us: int) -> None:
    told = tell(with_clock(steady(100), lambda s: -wrap_us / SECOND if s >= 50 else 0.0), own_clock=False)
    assert told.changes == []


def test_frames_lost_in_a_stall_are_no_jump() -> None:
    stalled = delayed(steady(100), lambda s: max(0.0, 53.0 - s) if s >= 50 else 0.0)
    assert tell([packet for packet in stalled if not 50.2 <= packet.stamp_s < 52.8]).changes == []


def test_a_server_that_starts_with_what_it_has_in_store_has_not_jumped() -> None:
    stored = [Sent(4.0, number / 25) for number in range(25)]
    assert tell([*stored, *steady(60, from_s=4.0)], own_clock=False).changes == []


def test_time_stamps_evened_out_on_the_way_may_be_told_of() -> None:
    watch, told = FeedWatch(), Told()
    for packet in steady(60):
        now_us = at(packet.arrived_s)
        if packet.arrived_s == 10:
            told.add(watch.leapt(now_us, -7.5), now_us)
        told.add(watch.packet(now_us, None, False, 1, stream_us=now_us - START_AT), now_us)
    assert [change.detail for change in told.changes] == ["time stamps ran back by 7.5 s"] * 2
    assert told.complaints[0][1] == 10.0


@pytest.mark.parametrize("per_h_s", [4.0, -4.0], ids=["gains", "loses"])
def test_a_clock_that_drifts_is_told_before_it_is_off(per_h_s: float) -> None:
    random = Random(1)
    drifting = with_clock(steady(1500, 5), lambda s: per_h_s * s / 3600)
    told = tell(delayed(drifting, lambda _: random.expovariate(20)))
    (change,) = told.changes
    assert change.rule == "camera_clock"
    assert change.detail.startswith("its clock gains 4" if per_h_s > 0 else "its clock loses 4")


def test_a_clock_that_keeps_time_within_a_second_an_hour_does_not_drift() -> None:
    random = Random(1)
    packets = delayed(with_clock(steady(4000, 5), lambda s: 0.5 * s / 3600), lambda _: random.expovariate(10))
    assert tell(packets).changes == []


def test_a_buffer_that_grows_once_is_no_drift() -> None:
    assert tell(delayed(steady(3000, 5), lambda s: 0.1 if s < 1700 else 1.4)).changes == []


def test_frame_rate_and_key_frames_can_be_asked_for() -> None:
    watch = FeedWatch()
    assert (watch.rate_hz, watch.gop_s) == (None, 0.0)
    for number in range(500):
        now_us = at(number / 25)
        watch.packet(now_us, now_us, number % 50 == 0, 4000)
    assert (watch.rate_hz, watch.gop_s) == (25.0, 2.0)
    assert watch.memory.bytes_per_s == pytest.approx(100_000, rel=0.2)


def test_what_is_kept_does_not_grow() -> None:
    watch, sizes = FeedWatch(), []
    for number in range(3 * 3600 * 2):
        now_us = at(number / 2)
        watch.packet(now_us, now_us, True, 1)
        if number % 3600 == 3599:
            sizes.append(len(write_down(watch.memory)))
    assert max(sizes[3:]) <= sizes[2] + 200


def test_a_packet_costs_a_few_microseconds() -> None:
    watch, packets = FeedWatch(), [at(number / 25) for number in range(50_000)]
    begun_s = time.process_time()
    for now_us in packets:
        watch.packet(now_us, now_us, False, 1000)
    per_packet_us = (time.process_time() - begun_s) / len(packets) * 1e6
    print(f"{per_packet_us:.2f} µs a packet")
    assert per_packet_us < 50
