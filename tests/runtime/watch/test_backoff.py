"""How long what keeps ending waits for its next start."""

from __future__ import annotations

from runtime.watch.backoff import BackOff


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_waits_grow_and_end_and_what_is_long_ago_is_forgotten() -> None:
    clock = Clock()
    starts = BackOff(600.0, 9, clock=clock)
    assert [starts.wait() for _ in range(10)] == [0, 0, 0, 2, 4, 8, 16, 30, 30, None]
    clock.now += 599
    assert starts.wait() is None
    clock.now += 1
    assert starts.wait() == 0
    assert starts.recent == 1
    assert BackOff(600.0, 0).wait() is None


def test_without_a_most_it_never_gives_up() -> None:
    starts = BackOff(60.0, clock=Clock())
    assert [starts.wait() for _ in range(20)][-1] == 30
