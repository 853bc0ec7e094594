"""Replacing the stubs that have died.

Triton 24.10 never restarts a stub, and goes on calling its model ready, while each request to it
fails after a second. Unloading and loading the model mends that. New requests reach the new stub at
once. Requests that wait for the dead one fail, one a second. Ensembles over the model come back
with it. A stub's end is seen at once, from the process itself; a stub that lives and does not
answer is found by a probe (:mod:`runtime.watch.probe`).
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from repository.errors import KitError
from runtime import processes
from runtime.guard import state
from runtime.server.control import CallFailed
from runtime.server.server import LocalServer
from runtime.watch import leftovers, stubs
from runtime.watch.backoff import BackOff
from runtime.watch.leftovers import Bounds
from runtime.watch.probe import IDLE_SHARE, Prober, Sick

Report = Callable[[str], None]

_WINDOW_SECONDS = 60.0
"""Replacements of a model that are longer ago than this do not make the next one wait."""


_MOMENT = 0.5
"""Seconds within which a healer learns that its server ended."""

_LOAD_SECONDS = 20.0
"""After so long a load that is not over is looked at."""


class _LoadStuck(CallFailed):
    """Seconds after which a load counts as stuck: Triton 24.10 waits without end for a stub that
    died as it started."""


class Healer:
    """Watches a server's stubs, in a thread of its own, while the context lasts.

    When the context has been entered, the stubs that run are watched already.

    Args:
        server: a started server.
        probe_seconds: how often to look whether idle models answer.
        hang_seconds: see :class:`.Prober`; so long stubs of a replaced model may be
            idle before they are ended.
        bounds: how much memory the server may hold, its own and that of stubs that are gone.
        exchange: is called with the reason when it holds more or is stuck, once for each run of the
            server; None lets it go on.
        report: is told what was found and done, a sentence each.
    """

    def __init__(
        self,
        server: LocalServer,
        *,
        probe_seconds: float = 3.0,
        hang_seconds: float = 60.0,
        bounds: Bounds = leftovers.DEFAULT,
        exchange: Report | None = None,
        report: Report = lambda _: None,
    ) -> None:
        self._server = server
        self._control = server.control
        self._prober = Prober(self._control, hang_seconds=hang_seconds)
        self._probe_seconds = probe_seconds
        self._hang_seconds = hang_seconds
        self._bounds = bounds
        self._exchange = exchange
        self._report = report
        self._configs: dict[str, dict[str, Any]] = {}
        self._watched: dict[int, tuple[int, str]] = {}  # pidfd -> pid and instance
        # Stubs of replaced models that have yet to end: when they last worked, and CPU seconds.
        self._retired: dict[int, tuple[float, float]] = {}
        self._due: dict[str, float] = {}
        self._back_offs: dict[str, BackOff] = {}
        # Of models that are being replaced: what was ready when that began.
        self._ready_before: dict[str, set[str]] = {}
        self._closing = False
        self._has_looked = threading.Event()
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="healer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._has_looked.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        os.close(self._stop_write)
        self._thread.join()
        os.close(self._stop_read)
        for handle in self._watched:
            os.close(handle)

    def _run(self) -> None:
        next_probe = 0.0
        while True:
            try:
                if time.monotonic() >= next_probe:
                    self._look()
                    next_probe = time.monotonic() + self._probe_seconds
                self._replace_due()
            # Not only failed calls: nothing that a server says may end the watch over it.
            except (KitError, OSError, ValueError, LookupError, TypeError) as failure:
                # A server that was just asked to end answers no more, before we hear of it.
                if self._ends_within(_MOMENT) or not self._server.is_running():
                    return
                self._report(f"cannot look after the models now: {failure}")
                next_probe = time.monotonic() + self._probe_seconds
            finally:
                self._has_looked.set()
            if self._closing:
                return
            wake = min([next_probe, *self._due.values()])
            if self._wait(max(0.0, wake - time.monotonic())):
                return

    def _ends_within(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._stop_read, select.POLLIN)
        return self._closing or bool(poll.poll(seconds * 1000))

    def _wait(self, seconds: float) -> bool:
        """Waits for the end of a stub, or of the time; says whether to end."""
        poll = select.poll()
        poll.register(self._stop_read, select.POLLIN)
        for handle in self._watched:
            poll.register(handle, select.POLLIN)
        ended = [handle for handle, _ in poll.poll(seconds * 1000)]
        if self._stop_read in ended:
            return True
        for handle in ended:
            pid, instance = self._watched.pop(handle)
            os.close(handle)
            self._ended(pid, instance)
        return False

    def _ended(self, pid: int, instance: str) -> None:
        # A stub also ends when its model is unloaded, or when another has taken its place.
        if pid in self._retired or any(stub.instance == instance for stub in self._stubs()):
            return
        model = self._owner(instance)
        if model is not None and self._control_is_ready(model):
            self._schedule(model, f"stub process {pid} of instance {instance} has ended")

    def _stubs(self) -> list[stubs.Stub]:
        return [s for s in stubs.running(self._server.pid) if s.pid not in self._retired]

    def _control_is_ready(self, model: str) -> bool:
        try:
            return self._control.is_ready(model)
        except CallFailed:
            return False

    def _owner(self, instance: str) -> str | None:
        groups = {name: stubs.instance_groups(config) for name, config in self._configs.items()}
        return stubs.owner(instance, groups)

    def _look(self) -> None:
        self._refresh()
        running = self._stubs()
        pids: dict[str, list[int]] = {}
        for stub in running:
            model = self._owner(stub.instance)
            if model is not None:
                pids.setdefault(model, []).append(stub.pid)
        watched = {name: self._configs[name] for name in pids if name not in self._due}
        found = self._prober.look(watched, pids)
        found += [
            Sick(model, (stub.instance,), f"has a stub, process {stub.pid}, that was stopped")
            for stub in running
            if processes.is_stopped(stub.pid)
            and (model := self._owner(stub.instance)) in watched
            and model is not None
        ]
        for sick in found:
            # It would keep its memory, and its requests would wait for ever.
            processes.kill(
                [
                    stub.pid
                    for stub in running
                    if stub.pid in pids[sick.model]
                    and (not sick.instances or stub.instance in sick.instances)
                ]
            )
            self._schedule(sick.model, f"it {sick.reason}")
        self._weigh()

    def _weigh(self) -> None:
        found = leftovers.measure(self._server.pid, self._server.region_prefix, state.SHARED_MEMORY)
        if self._bounds.exceeded(found):
            self._ask_for_exchange(f"it holds {found}")

    def _ask_for_exchange(self, why: str) -> None:
        if self._exchange is not None:
            tell, self._exchange = self._exchange, None
            self._closing = True  # the next server gets a healer of its own
            tell(why)

    def _refresh(self) -> None:
        """Learns which models and stubs there are now."""
        ready = {status.name for status in self._control.index() if status.ready}
        self._configs = {
            name: self._configs.get(name) or self._control.config(name) for name in ready
        }
        known = {pid for pid, _ in self._watched.values()}
        running = stubs.running(self._server.pid)
        self._end_idle_retired({stub.pid for stub in running})
        for stub in running:
            if stub.pid not in known:
                try:
                    handle = os.pidfd_open(stub.pid)
                except ProcessLookupError:
                    continue
                self._watched[handle] = (stub.pid, stub.instance)

    def _end_idle_retired(self, running: set[int]) -> None:
        """Ends stubs that Triton does not end.

        A request that failed on a dead stub keeps its model loaded, and with it the stubs of its
        other instances and their memory.
        """
        now = time.monotonic()
        for pid, (since, before) in list(self._retired.items()):
            cpu = processes.processor_seconds(pid)
            if pid not in running:
                del self._retired[pid]
            elif cpu - before > IDLE_SHARE * (now - since):
                self._retired[pid] = (now, cpu)
            elif self._hang_seconds and now - since > self._hang_seconds:
                processes.kill([pid])

    def _schedule(self, model: str, reason: str) -> None:
        if model in self._due:
            return
        back_off = self._back_offs.setdefault(model, BackOff(_WINDOW_SECONDS))
        wait = back_off.wait() or 0.0
        self._due[model] = time.monotonic() + wait
        before = back_off.recent - 1
        later = f" in {wait:.0f} s, as it was {before} times within a minute" if wait else ""
        self._report(f"model '{model}' is replaced{later}: {reason}")

    def _replace_due(self) -> None:
        for model, due in list(self._due.items()):
            if due <= time.monotonic():
                self._replace(model)

    def _replace(self, model: str) -> None:
        started = time.monotonic()
        ready = {status.name for status in self._control.index() if status.ready}
        before = self._ready_before.setdefault(model, ready)
        for stub in self._stubs():
            if self._owner(stub.instance) == model:
                self._retired[stub.pid] = (started, processes.processor_seconds(stub.pid))
        try:
            # At once: the old model is there for a second yet, in which Triton asks for its stubs'
            # health, and longer if requests wait for them. To load just as it ends is what must
            # not happen: see Control.unload.
            self._control.unload(model, settle_seconds=0.0)
            self._load(model)
        except CallFailed as failure:
            if self._closing or not self._server.is_running():
                raise
            if isinstance(failure, _LoadStuck):
                self._ask_for_exchange(str(failure))
                if self._closing:
                    return
            # Triton 24.10 reads what is not there when it looks for the ensembles over another
            # model and finds one that failed to load (CheckNode, model_repository_manager.cc).
            with contextlib.suppress(CallFailed):
                self._control.unload(model)
            self._due[model] = time.monotonic() + self._probe_seconds
            self._report(f"model '{model}' could not be loaded again, and will be tried: {failure}")
            return
        del self._due[model], self._ready_before[model]
        self._configs.pop(model, None)
        self._restore(before)
        self._refresh()
        self._report(f"model '{model}' is back after {time.monotonic() - started:.2f} s")

    def _load(self, model: str) -> None:
        """Loads a model, however long that takes as long as its stubs live.

        Raises:
            CallFailed: it cannot be loaded.
        """
        try:
            self._control.load(model, timeout_seconds=_LOAD_SECONDS)
        except CallFailed as failure:
            if failure.status:
                raise
            while not self._control_is_ready(model):
                if self._closing or not self._server.is_running():
                    raise
                if not self._has_unknown_stubs():
                    raise _LoadStuck(
                        f"model '{model}' cannot be loaded, as Triton waits for a stub that died "
                        "as it started"
                    ) from failure
                time.sleep(self._probe_seconds)

    def _has_unknown_stubs(self) -> bool:
        """Whether there are stubs of a model that is being loaded."""
        known = {pid for pid, _ in self._watched.values()} | self._retired.keys()
        return any(stub.pid not in known for stub in stubs.running(self._server.pid))

    def _restore(self, before: set[str]) -> None:
        """Loads models that were ready before and are not now: ensembles that Triton lost."""
        while True:
            ready = {status.name for status in self._control.index() if status.ready}
            missing = sorted(before - ready - set(self._due))
            loaded = False
            for name in missing:
                try:
                    self._control.load(name)
                    loaded = True
                except CallFailed as failure:
                    self._report(f"model '{name}' could not be restored: {failure}")
            if not loaded:
                return
