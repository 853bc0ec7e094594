"""Pushes to S3 and pulls from it: whole, cut off, corrupted, refused, two at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from repository.manifest import verify
from repository.transfer.contents import contents_of
from repository.transfer.errors import TransferError
from repository.transfer.run import Options, run_pull, run_push
from repository.transfer.s3 import store as s3_module
from tests.repository.transfer.repositories import PLAIN, write_repository
from tests.repository.transfer.s3.s3_server import S3Server
from tests.waiting import until

PLACE = "s3://models/a/ocr"
QUIET = Options(quiet=True)
MODEL = "a/ocr/detect/1/model.onnx"


def push(repository: Path, place: str = PLACE, **options: Any) -> str:
    return run_push(repository, place, Options(quiet=True, **options))


def refusal(repository: Path, **options: bool) -> str:
    with pytest.raises(TransferError) as caught:
        push(repository, PLACE, **options)
    return str(caught.value)


def test_a_repository_arrives_as_it_was_built(
    repository: Path, s3: S3Server, tmp_path: Path
) -> None:
    said = push(repository)
    assert f"{len(PLAIN) + 1} sent" in said and "storageUri: s3://models/a/ocr/" in said
    assert s3.state.written[-1] == "a/ocr/manifest.json"
    assert {key: stored.body for key, stored in s3.state.objects.items()} == {
        f"a/ocr/{name}": (repository / name).read_bytes() for name in (*PLAIN, "manifest.json")
    }
    run_pull(PLACE, tmp_path / "there", QUIET)
    assert verify(tmp_path / "there") == []
    assert {each.name for each in (tmp_path / "there").iterdir()} == {
        each.name for each in repository.iterdir()
    }


def test_a_second_push_sends_nothing_and_a_changed_model_alone_is_sent(
    repository: Path, s3: S3Server
) -> None:
    push(repository)
    s3.state.written.clear()
    assert f"0 sent, {len(PLAIN) + 1} kept" in push(repository)
    assert s3.state.written == []
    changed = {name: body for name, body in PLAIN.items() if not name.startswith("ocr/")}
    shutil.rmtree(repository)
    write_repository(repository, changed | {"detect/1/model.onnx": b"smaller"})
    assert "2 sent, 3 kept, 2 removed" in push(repository)
    assert s3.state.written == [MODEL, "a/ocr/manifest.json"]
    assert not [key for key in s3.state.objects if key.startswith("a/ocr/ocr/")]


def test_a_large_file_goes_in_parts(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_module, "PART", 5 << 20)
    body = os.urandom(11 << 20)
    repository = write_repository(tmp_path / "r", PLAIN | {"detect/1/model.onnx": body})
    push(repository)
    assert s3.state.objects[MODEL].body == body and not s3.state.uploads


def test_what_is_spoilt_on_its_way_is_sent_again_then_refused(
    repository: Path, s3: S3Server
) -> None:
    s3.state.corrupt_writes["model.onnx"] = 1
    push(repository)
    assert s3.state.objects[MODEL].body == PLAIN["detect/1/model.onnx"]
    s3.state.objects.clear()
    s3.state.corrupt_writes["model.onnx"] = 9
    assert "detect/1/model.onnx: expected the SHA-256" in refusal(repository)
    assert "a/ocr/manifest.json" not in s3.state.objects


def test_a_right_label_on_wrong_bytes_is_found_when_a_push_goes_on(
    repository: Path, s3: S3Server
) -> None:
    push(repository)
    del s3.state.objects["a/ocr/manifest.json"]
    stored = s3.state.objects[MODEL]
    stored.body = b"\x00" * len(stored.body)
    assert "2 sent" in push(repository)
    assert s3.state.objects[MODEL].body == PLAIN["detect/1/model.onnx"]


def test_broken_connections_are_gone_on_from(
    repository: Path, s3: S3Server, tmp_path: Path
) -> None:
    s3.state.cut_writes["model.onnx"] = 1
    s3.state.cut_reads["model.onnx"] = 2
    push(repository)
    s3.state.cut_reads["model.onnx"] = 3
    run_pull(PLACE, tmp_path / "there", QUIET)
    assert verify(tmp_path / "there") == []


def test_a_pull_names_the_file_that_is_missing_cut_short_or_changed(
    repository: Path, s3: S3Server, tmp_path: Path
) -> None:
    push(repository)
    model = s3.state.objects[MODEL]
    for body, said in ((b"\x01" * len(model.body), "SHA-256"), (model.body[:9], "9 found")):
        model.body = body
        with pytest.raises(TransferError, match=rf"detect/1/model.onnx.*{said}"):
            run_pull(PLACE, tmp_path / "there", QUIET)
    del s3.state.objects[MODEL]
    with pytest.raises(TransferError, match=r"detect/1/model.onnx.*no such file.*push again"):
        run_pull(PLACE, tmp_path / "there", QUIET)
    assert verify(tmp_path / "there")
    del s3.state.objects["a/ocr/manifest.json"]
    with pytest.raises(TransferError, match=r"manifest.json, found 5 other files.*cut off"):
        run_pull(PLACE, tmp_path / "there", QUIET)


def test_bytes_that_change_on_their_way_here_are_read_again(
    repository: Path, s3: S3Server, tmp_path: Path
) -> None:
    push(repository)
    s3.state.corrupt_reads["model.onnx"] = 1
    run_pull(PLACE, tmp_path / "there", QUIET)
    assert verify(tmp_path / "there") == []


def test_a_killed_push_is_seen_and_goes_on(repository: Path, s3: S3Server, tmp_path: Path) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold(name: str) -> None:
        if name.endswith("recognise/config.pbtxt"):
            reached.set()
            go_on.wait(120)

    s3.state.before_write = hold
    command = [sys.executable, "-m", "builders", "push", str(repository), PLACE]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    assert reached.wait(60)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    s3.state.before_write = lambda _: None
    with pytest.raises(TransferError, match="cut off"):
        run_pull(PLACE, tmp_path / "there", QUIET)
    go_on.set()
    until(lambda: "a/ocr/recognise/config.pbtxt" in s3.state.written)
    s3.state.written.clear()
    push(repository)
    assert MODEL not in s3.state.written
    run_pull(PLACE, tmp_path / "there", QUIET)
    assert verify(tmp_path / "there") == []


def test_two_pushes_at_once_never_both_claim_a_mixture(
    repository: Path, s3: S3Server, tmp_path: Path
) -> None:
    other = write_repository(tmp_path / "other", PLAIN | {"detect/1/model.onnx": b"other"})
    once = [True]

    def meanwhile(name: str) -> None:
        if name.endswith("manifest.json") and once.pop():
            s3.state.before_write = lambda _: None
            push(other)

    s3.state.before_write = meanwhile
    assert "something else wrote there meanwhile" in refusal(repository)
    push(repository)
    run_pull(PLACE, tmp_path / "there", QUIET)
    assert verify(tmp_path / "there") == []


def test_strangers_are_kept_unless_told_otherwise(repository: Path, s3: S3Server) -> None:
    s3.put("a/ocr/thesis.doc", b"the only copy")
    s3.put("a/ocr-old/1/model.onnx", b"a sibling, which is not under the prefix")
    assert "thesis.doc" in refusal(repository)
    assert s3.state.written == ["a/ocr/thesis.doc", "a/ocr-old/1/model.onnx"]
    push(repository, delete=True)
    assert "a/ocr/thesis.doc" not in s3.state.objects
    assert "a/ocr-old/1/model.onnx" in s3.state.objects


@pytest.mark.parametrize(
    ("variables", "place", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, PLACE, "Check AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "wrong"}, PLACE, "Check AWS_ACCESS_KEY_ID"),
        ({"AWS_ACCESS_KEY_ID": "", "HOME": "/none"}, PLACE, "expected credentials, found none"),
        ({}, "s3://elsewhere/a", "no such bucket"),
        ({"AWS_ENDPOINT_URL": "nowhere:9000"}, PLACE, "expected a URL"),
    ],
)
def test_refusals_are_one_sentence_with_its_remedy(
    repository: Path,
    s3: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    place: str,
    said: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TransferError) as caught:
        push(repository, place)
    text = str(caught.value)
    assert said in text and "\n" not in text and "Traceback" not in text


def test_a_key_that_may_not_write_is_told_which_rights_it_needs(
    repository: Path, s3: S3Server
) -> None:
    s3.state.denied.add("PUT")
    assert "s3:PutObject" in refusal(repository)


def test_a_server_that_is_not_there_is_told_in_one_sentence(
    repository: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert "Check AWS_ENDPOINT_URL" in refusal(repository)


def test_links_and_whatever_no_build_wrote_do_not_travel(repository: Path, s3: S3Server) -> None:
    (repository / "detect/1/secret").symlink_to("/etc/passwd")
    (repository / "stray").mkdir()
    (repository / "stray/notes").write_text("x")
    text = refusal(repository)
    assert "detect/1/secret" in text and "stray/notes" in text
    assert s3.state.written == []


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        ({"detect/1/model.onnx": b""}, "empty-file"),
        ({"bare/config.pbtxt": b"x"}, "version-folder"),
    ],
)
def test_layouts_that_kserve_or_triton_would_break_are_refused(
    tmp_path: Path, files: dict[str, bytes], rule: str
) -> None:
    with pytest.raises(TransferError, match=rule):
        contents_of(write_repository(tmp_path / "r", PLAIN | files))
