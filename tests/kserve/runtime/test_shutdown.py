"""The end of a pod as the kubelet brings it about: preStop, SIGTERM, and SIGKILL when time is up.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
"""

from __future__ import annotations

import http.client
import itertools
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.server.control import CallFailed
from tests.kserve.runtime import toys
from tests.kserve.runtime.declared import container, flag, grace_seconds
from tests.kserve.runtime.pod import Pod
from tests.kserve.runtime.test_probes import wait_until_started

CLIENTS = 4
SECONDS = 0.4
"""A request's time; the clients' requests wait for each other in the one instance's queue."""
KNOWN = 0.4
"""Seconds before SIGTERM in which no request begins: below what is in the queue then."""

GRPC = f"""
import queue, sys, numpy, tritonclient.grpc as triton
client = triton.InferenceServerClient("127.0.0.1:{flag("grpc-port")}")
tensor, answers = triton.InferInput("x", [1], "FP32"), queue.Queue()
for number in (100, 101):
    tensor.set_data_from_numpy(numpy.array([number], numpy.float32))
    client.async_infer("slow", [tensor], lambda result, error: answers.put((result, error)))
print("asked", flush=True)
for _ in range(2):
    result, error = answers.get()
    print(error or result.as_numpy("y")[0], flush=True)
sys.stdin.read()
"""
"""Asks over one gRPC channel, which stays open and idle."""


class Load:
    """HTTP clients, each of which asks again as soon as it is answered, until ``end``."""

    def __init__(self, pod: Pod) -> None:
        self.answers: dict[int, float | str] = {}
        self.under_way: set[int] = set()
        self._pod = pod
        self._numbers = itertools.count(1)
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        while not self._ended.is_set():
            number = next(self._numbers)
            self.under_way.add(number)
            try:
                content = self._pod.control.request(
                    "POST", "/v2/models/slow/infer", toys.body(number)
                )
                self.answers[number] = toys.answer(content)
            except CallFailed as failed:
                self.answers[number] = str(failed)
            self.under_way.discard(number)

    def end(self) -> None:
        """No request begins any more; those under way go on."""
        self._ended.set()

    def join(self) -> None:
        """Waits for those under way."""
        for thread in self._threads:
            thread.join(timeout=60)


def end(pod: Pod, factor: float, *, idle: bool) -> float:
    """The kubelet's part, the declared times before the end divided by one factor.

    Returns:
        seconds from SIGTERM to the container's end.
    """
    delay = container()["lifecycle"]["preStop"]["sleep"]["seconds"] / factor
    with pod.network():
        kept = http.client.HTTPConnection(pod.http)
        if idle:
            kept.request("GET", "/v2/health/live")
            kept.getresponse().read()
        load, deleted = Load(pod), time.monotonic()
        time.sleep(delay * 0.6)  # preStop: the proxies do not know yet, and requests still come
        grpc = pod.client(["-c", GRPC])
        assert grpc.stdin is not None and grpc.stdout is not None
        assert grpc.stdout.readline() == "asked\n"
        time.sleep(max(0.0, deleted + delay - KNOWN - time.monotonic()))
        load.end()  # the proxies know; what they have sent is in the queue
        time.sleep(KNOWN)
        assert load.answers and load.under_way
        pod.kill(signal.SIGTERM)
        told = time.monotonic()
        load.join()
        assert not load.under_way
        assert load.answers == {number: float(number) for number in load.answers}
        assert sorted(grpc.stdout.readline() for _ in range(2)) == ["100.0\n", "101.0\n"]
        with pytest.raises(CallFailed):  # which is why preStop waits for the proxies first
            pod.control.request("POST", "/v2/models/slow/infer", toys.body(0))
        # All of it also where the others are shorter: a busy machine takes longer to end.
        code = pod.wait(grace_seconds() - delay - (time.monotonic() - told))
        took = time.monotonic() - told
        kept.close()
        grpc.communicate("", timeout=60)
    assert code is not None, f"killed by the grace period, {took:.1f} s after SIGTERM"
    return took


@pytest.mark.thorough
def test_with_all_times_shorter_every_accepted_request_is_answered(
    make_pod: Callable[..., Pod], tmp_path: Path
) -> None:
    factor = 5
    timeout = f"--exit-timeout-secs={int(flag('exit-timeout-secs')) // factor}"
    with make_pod(toys.write(tmp_path, seconds=SECONDS), options=[timeout]) as pod:
        pod.start()
        wait_until_started(pod)
        took = end(pod, factor, idle=True)
        print(f"{took:.1f} s from SIGTERM to the end")


@pytest.mark.slow
@pytest.mark.parametrize("idle", [False, True], ids=["alone", "idle client"])
def test_every_accepted_request_is_answered_within_the_grace_period(
    make_pod: Callable[..., Pod], tmp_path: Path, idle: bool
) -> None:
    with make_pod(toys.write(tmp_path, seconds=SECONDS)) as pod:
        pod.start()
        wait_until_started(pod)
        print(f"{end(pod, 1, idle=idle):.1f} s from SIGTERM to the end")
