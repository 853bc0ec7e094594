"""The cache: whole entries or none, shared by any number of builds."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.kit.tasks.cache import Cache, Entry, default_root, key_of

KEY = key_of({"a": "b"})


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def store(cache: Cache, content: bytes = b"content", key: str = KEY) -> Entry:
    with cache.work() as work:
        made = work / "made"
        (made / "sub").mkdir(parents=True)
        (made / "file").write_bytes(content)
        (made / "sub" / "other").write_bytes(b"")
        return cache.store("export", key, made, {"fact": [1]}, 1.23456)


def test_what_was_stored_is_found(cache: Cache) -> None:
    assert cache.find("export", KEY) is None
    assert cache.peek("export", KEY) is None
    stored = store(cache)
    found = cache.find("export", KEY)
    assert found == stored == cache.peek("export", KEY)
    assert found is not None
    assert (found.folder / "file").read_bytes() == b"content"
    assert (found.value, found.seconds) == ({"fact": [1]}, 1.235)
    assert cache.find("parity", KEY) is None


def test_another_checkout_finds_it(cache: Cache) -> None:
    store(cache)
    assert Cache(cache.root.parent).find("export", KEY) is not None


def damage(entry: Path) -> list[Callable[[], object]]:
    return [
        lambda: (entry / "files/file").write_bytes(b"Content"),
        lambda: (entry / "files/file").write_bytes(b""),
        lambda: (entry / "files/file").unlink(),
        lambda: (entry / "files/extra").write_bytes(b""),
        lambda: (entry / "entry.json").write_text("{"),
        lambda: (entry / "entry.json").write_text("[]"),
        lambda: (entry / "entry.json").unlink(),
        lambda: (entry / "entry.json").write_text(
            (entry / "entry.json").read_text().replace("[1]", "[2]")
        ),
    ]


@pytest.mark.parametrize("which", range(8))
def test_a_damaged_entry_is_removed_and_made_again(cache: Cache, which: int) -> None:
    store(cache)
    entry = cache.root / "export" / KEY
    damage(entry)[which]()
    assert cache.find("export", KEY) is None
    assert not entry.exists()
    store(cache)
    assert cache.find("export", KEY) is not None


def test_a_second_writer_leaves_the_first_ones_entry(cache: Cache) -> None:
    first = store(cache)
    assert store(cache, b"another result of the same key") == first
    assert (first.folder / "file").read_bytes() == b"content"


def test_a_writer_replaces_a_damaged_entry(cache: Cache) -> None:
    first = store(cache)
    (first.folder / "file").write_bytes(b"x")
    assert (store(cache).folder / "file").read_bytes() == b"content"


def test_writers_at_once_all_succeed(cache: Cache) -> None:
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for turn in range(15):
                store(cache, key=key_of({"turn": str(turn)}))
                assert cache.find("export", key_of({"turn": str(turn)})) is not None
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list((cache.root / "work").iterdir()) == []
    assert len(list((cache.root / "export").iterdir())) == 15


def test_the_work_of_the_dead_is_removed_and_that_of_the_living_stays(cache: Cache) -> None:
    dead = cache.root / "work" / "dead"
    dead.mkdir(parents=True)
    (dead / "half").write_text("")
    with cache.work() as living:
        assert not dead.exists()
        with Cache(cache.root.parent).work() as other:
            assert living.is_dir()
            assert other != living
        assert living.is_dir()
    assert not living.exists()


def test_what_a_step_was_made_from_is_remembered(cache: Cache) -> None:
    assert cache.last("export ocr/detector") is None
    cache.remember("export ocr/detector", {"source": "1"})
    cache.remember("export ocr/detector", {"source": "2"})
    assert cache.last("export ocr/detector") == {"source": "2"}
    for path in (cache.root / "last").iterdir():
        path.write_text("not JSON")
    assert cache.last("export ocr/detector") is None


def test_a_failed_write_leaves_the_old_value(cache: Cache) -> None:
    cache.remember("a", {"source": "1"})
    with pytest.raises(TypeError):
        cache.write(next((cache.root / "last").iterdir()), {"not JSON": object()})
    assert cache.last("a") == {"source": "1"}
    assert len(list((cache.root / "last").iterdir())) == 1


def test_what_nobody_uses_is_removed_in_time(cache: Cache) -> None:
    old, new = key_of({"age": "old"}), key_of({"age": "new"})
    store(cache, key=old)
    store(cache, key=new)
    cache.remember("a", {})
    os.utime(cache.root / "export" / old, (0, 0))
    cache.prune()
    assert cache.peek("export", old) is None
    assert cache.peek("export", new) is not None
    os.utime(cache.root / "export" / new, (0, 0))
    assert cache.find("export", new) is not None
    cache.prune()
    assert cache.peek("export", new) is not None
    assert cache.last("a") == {}


def test_it_lies_where_xdg_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_root() == tmp_path / "triton-multimodal-kit"
    # The specification has relative paths ignored.
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_root() == tmp_path / ".cache" / "triton-multimodal-kit"


@given(st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), st.text()))
def test_keys_are_equal_for_equal_parts_alone(one: dict[str, str], two: dict[str, str]) -> None:
    assert (key_of(one) == key_of(two)) == (one == two)
    assert key_of(one) == key_of(dict(reversed(one.items())))


def test_temporary_files_lie_in_the_work_of_the_main_thread_alone(cache: Cache) -> None:
    before = tempfile.gettempdir()

    def elsewhere() -> str:
        with cache.work():
            return tempfile.gettempdir()

    with ThreadPoolExecutor() as pool:
        assert pool.submit(elsewhere).result() == before
        with cache.work() as folder:
            assert tempfile.gettempdir() == str(folder)
            assert pool.submit(elsewhere).result() == str(folder)
    assert tempfile.gettempdir() == before
