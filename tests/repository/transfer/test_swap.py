"""A pull changes nothing that is here before all of it came and was judged; killed at any point."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as formats
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from builders.cli.app import app
from repository.manifest import verify
from repository.sign import PrivateKey, sign
from repository.transfer.errors import TransferError
from repository.transfer.run import Options, run_pull
from tests.repository.transfer.repositories import PLAIN, write_repository

OLD = {
    "kept/config.pbtxt": b"same",
    "kept/1/model.py": b"the same",
    "ocr/config.pbtxt": b"old",
    "ocr/1/model.onnx": b"old weights" * 100,
    "ocr/1/labels.txt": b"only in the old one",
    "gone/config.pbtxt": b"old",
    "gone/1/model.py": b"old",
}
NEW = {
    "kept/config.pbtxt": b"same",
    "kept/1/model.py": b"the same",
    "ocr/config.pbtxt": b"new",
    "ocr/1/model.onnx": b"new weights" * 200,
    "come/config.pbtxt": b"new",
    "come/1/model.py": b"new",
}
WRITES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.chmod")


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def served(folder: Path) -> dict[str, bytes]:
    """What is not of a pull that is under way."""
    return {name: body for name, body in files(folder).items() if not name.startswith(".pull/")}


def fetch(source: Path, folder: Path, **options: Any) -> str:
    return run_pull(f"pvc:{source}", folder, Options(quiet=True, **options))


def refuse(_: Path) -> None:
    raise TransferError("somebody else signed it.")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return write_repository(tmp_path / "old", OLD)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return write_repository(tmp_path / "new", NEW)


@pytest.fixture
def there(old: Path, tmp_path: Path) -> Path:
    fetch(old, tmp_path / "there")
    (tmp_path / "there/README.md").write_text("whom to ask")
    return tmp_path / "there"


def killed(work: Callable[[], object], point: int) -> bool:
    """Run something in a process that is killed before its n-th change of a file; whether it was.

    A process that is killed runs none of its handlers, which a raised exception would.
    """
    child = os.fork()
    if not child:
        left = [point]

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
            if event in WRITES or writes:
                left[0] -= 1
                if left[0] < 0:
                    os._exit(9)

        sys.addaudithook(hook)
        try:
            work()
        except TransferError:
            os._exit(1)
        except BaseException:
            os._exit(2)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 1, 9)
    return code == 9


@pytest.mark.sampled(1)
@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("then", ["the same", "the old one", "refused"])
def test_a_pull_killed_at_any_point_is_finished_or_undone(
    old: Path, new: Path, there: Path, tmp_path: Path, then: str, step: int
) -> None:
    whole = {
        name: {**served(each), "README.md": b"whom to ask"}
        for name, each in (("old", old), ("new", new))
    }
    start, states = tmp_path / "start", set()
    point = len(then) % step
    there.rename(start)
    while True:
        shutil.rmtree(there, ignore_errors=True)
        shutil.copytree(start, there)
        if not killed(lambda: fetch(new, there), point):
            break
        point += step
        if not verify(there):
            assert served(there) in (whole["old"], whole["new"])
        states.add(served(there) == whole["old"])
        if then == "refused":
            with pytest.raises(TransferError, match="somebody else"):
                fetch(new, there, judge=refuse)
            assert files(there) in (whole["old"], whole["new"])
        else:
            source = new if then == "the same" else old
            fetch(source, there)
            assert files(there) == whole["new" if source is new else "old"]
        assert verify(there) == []
    assert point > 30 and states == {True, False}
    assert files(there) == whole["new"]


@pytest.mark.slow
def test_an_undoing_that_is_killed_is_undone_again(new: Path, there: Path, tmp_path: Path) -> None:
    before = served(there)
    start = tmp_path / "start"
    there.rename(start)
    for point in range(20, 60, 2):
        for again in range(0, 12, 3):
            shutil.rmtree(there, ignore_errors=True)
            shutil.copytree(start, there)
            if not killed(lambda: fetch(new, there), point):
                continue
            killed(lambda: fetch(new, there, judge=refuse), again)
            with pytest.raises(TransferError):
                fetch(new, there, judge=refuse)
            assert served(there) == before or verify(there) == []


@pytest.mark.thorough
def test_a_first_pull_killed_at_any_point_is_gone_on_with(new: Path, tmp_path: Path) -> None:
    there, point = tmp_path / "a/b/there", 0
    while killed(lambda: fetch(new, there), point):
        if there.exists():
            assert verify(there) or files(there) == files(new)
        fetch(new, there)
        assert files(there) == files(new)
        shutil.rmtree(tmp_path / "a")
        point += 2
    assert point > 15


def test_what_is_refused_leaves_nothing(new: Path, tmp_path: Path) -> None:
    with pytest.raises(TransferError):
        fetch(new, tmp_path / "a/b/there", judge=refuse)
    assert not (tmp_path / "a").exists()
    (tmp_path / "here").mkdir()
    with pytest.raises(TransferError):
        fetch(new, tmp_path / "here", judge=refuse)
    assert list((tmp_path / "here").iterdir()) == []


def test_models_that_stay_as_they_are_are_not_touched(new: Path, there: Path) -> None:
    before = (there / "kept/1/model.py").stat(), (there / "kept").stat().st_ino
    fetch(new, there)
    after = (there / "kept/1/model.py").stat(), (there / "kept").stat().st_ino
    assert (before[0].st_ino, before[0].st_mtime_ns, before[1]) == (
        (after[0].st_ino, after[0].st_mtime_ns, after[1])
    )
    assert after[0].st_nlink == 1


def test_a_pull_with_nothing_to_do_touches_nothing(old: Path, there: Path) -> None:
    def facts() -> dict[str, tuple[int, int]]:
        return {
            str(path): (path.stat().st_ino, path.stat().st_mtime_ns)
            for path in [there, *there.rglob("*")]
            if path != there
        }

    before = facts()
    fetch(old, there)
    assert facts() == before
    (there / "model.sig").write_bytes(b"of another build")
    fetch(old, there)
    assert not (there / "model.sig").exists() and verify(there) == []
    (old / "model.sig").write_bytes(b"new")
    fetch(old, there)
    assert (there / "model.sig").read_bytes() == b"new"


def test_a_disk_that_is_full_leaves_what_was_there(new: Path, there: Path) -> None:
    """A limit on a file's size stands for the disk's: it is met in the same call."""
    before = served(there)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
        try:
            fetch(new, there)
        except TransferError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    said = os.read(read, 9999).decode()
    os.close(read), os.close(write)
    assert "ocr/1/model.onnx: expected to write it, found: File too large." in said
    assert served(there) == before
    fetch(new, there)
    assert served(there) == {**files(new), "README.md": b"whom to ask"}


def test_a_file_that_came_meanwhile_is_not_removed(new: Path, there: Path) -> None:
    before = files(there)

    def meanwhile(_: Path) -> None:
        (there / "gone/notes.txt").write_text("the only copy")

    with pytest.raises(TransferError, match=r"gone/notes.txt.*or have them removed"):
        fetch(new, there, judge=meanwhile)
    assert files(there) == {**before, "gone/notes.txt": b"the only copy"}


@pytest.mark.parametrize(
    "record",
    ["", "{}", "[]", '{"gone": ["../x"], "put": []}', '{"gone": 5, "put": []}', "[" * 9999],
)
def test_a_record_that_no_swap_wrote_is_refused(new: Path, there: Path, record: str) -> None:
    (there / ".pull/old/ocr").mkdir(parents=True)
    (there / ".pull/old/ocr/model").write_text("the only copy")
    (there / ".pull/swap.json").write_text(record)
    before = files(there)
    with pytest.raises(TransferError, match=r"swap.json: expected what a pull wrote"):
        fetch(new, there)
    assert files(there) == before


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Path]:
    """``mine.pem`` and ``other.pem``, each with its ``.pub``."""
    folder = tmp_path / "keys"
    folder.mkdir()
    pem = formats.Encoding.PEM
    for name in ("mine", "other"):
        key = ec.generate_private_key(ec.SECP256R1())
        (folder / f"{name}.pem").write_bytes(
            key.private_bytes(pem, formats.PrivateFormat.PKCS8, formats.NoEncryption())
        )
        public = key.public_key()
        (folder / f"{name}.pub").write_bytes(
            public.public_bytes(pem, formats.PublicFormat.SubjectPublicKeyInfo)
        )
    yield folder


def test_what_another_key_signed_never_arrives(
    repository: Path, new: Path, keys: Path, tmp_path: Path
) -> None:
    def call(source: Path, there: Path) -> tuple[int, str]:
        place = ("pull", f"pvc:{source}", str(there), "--quiet", "--require-signature")
        result = CliRunner().invoke(app, [*place, "--public-key", str(keys / "mine.pub")])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, result.output

    there = tmp_path / "there"
    code, said = call(new, there)
    assert code == 1 and "model.sig" in said and ".pull" not in said
    sign(new, PrivateKey(keys / "other.pem"))
    code, said = call(new, there)
    assert code == 1 and "one by another key" in said and not there.exists()
    sign(repository, PrivateKey(keys / "mine.pem"))
    assert call(repository, there)[0] == 0
    good = files(there)
    assert good.keys() == {*PLAIN, "manifest.json", "model.sig"}
    for wrong in (
        lambda: None,
        lambda: (new / "model.sig").write_bytes(b"{}"),
        lambda: (new / "model.sig").unlink(),
    ):
        wrong()
        code, said = call(new, there)
        assert code == 1 and "error [" in said
        assert files(there) == good and verify(there) == []
    sign(new, PrivateKey(keys / "mine.pem"))
    code, said = call(new, there)
    assert code == 0 and "and signed" in said
    assert files(there) == files(new)
