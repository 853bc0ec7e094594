"""What a folder makes of a repository that arrives: strangers, links, hostile manifests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from builders.cli.app import app
from repository.manifest import verify
from repository.manifest.schema import digest_of
from repository.transfer.address import Bucket, Claim, Image, Layout, Mounted, parse
from repository.transfer.arrival import Arrival
from repository.transfer.errors import TransferError
from repository.transfer.run import Options, run_pull, run_push
from tests.repository.transfer.repositories import PLAIN, write_repository


def fetch(repository: Path, folder: Path, **options: Any) -> str:
    return run_pull(f"pvc:{repository}", folder, Options(quiet=True, **options))


def test_a_mounted_volume_takes_and_gives_a_repository(repository: Path, tmp_path: Path) -> None:
    run_push(repository, f"pvc:{tmp_path / 'volume'}", Options(quiet=True))
    assert "6 files copied, 0 kept" in fetch(tmp_path / "volume", tmp_path / "there")
    assert "0 files copied, 6 kept" in fetch(tmp_path / "volume", tmp_path / "there")
    assert verify(tmp_path / "there") == []


def test_what_an_earlier_pull_left_goes_and_strangers_stay(
    repository: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    fetch(repository, there)
    shutil.rmtree(repository)
    write_repository(repository, {n: b for n, b in PLAIN.items() if not n.startswith("ocr/")})
    fetch(repository, there)
    assert not (there / "ocr").exists()
    (there / "thesis.doc").write_text("the only copy")
    with pytest.raises(TransferError, match=r"thesis.doc.*or have them removed") as refused:
        fetch(repository, there)
    assert refused.value.arguments == ("delete",)
    assert (there / "thesis.doc").exists()
    fetch(repository, there, delete=True)
    assert verify(there) == []


def test_nothing_is_written_through_a_link(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "there/detect").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TransferError, match="detect"):
        fetch(repository, tmp_path / "there")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_cut_off_pull_goes_on_where_it_was(repository: Path, tmp_path: Path) -> None:
    text = (repository / "manifest.json").read_bytes()
    name, offsets = "detect/1/model.onnx", []
    body = PLAIN[name]

    def cut(offset: int) -> Iterator[bytes]:
        offsets.append(offset)
        yield body[offset : offset + 1000]
        raise TransferError("cut off")

    def rest(offset: int) -> Iterator[bytes]:
        offsets.append(offset)
        yield body[offset:]

    for read in (cut, rest):
        try:
            with Arrival(tmp_path / "there") as arrival:
                file = arrival.expect(text, "here").files[name]
                arrival.take(name, file, read, "here")
        except TransferError as error:
            assert str(error) == "cut off"
            assert verify(tmp_path / "there")
    assert offsets == [0, 1000]
    assert not (tmp_path / "there" / name).exists()
    fetch(repository, tmp_path / "there")
    assert (tmp_path / "there" / name).read_bytes() == body
    assert not (tmp_path / "there/.pull").exists()


def test_two_pulls_into_one_folder_are_kept_apart(tmp_path: Path) -> None:
    with (
        Arrival(tmp_path),
        pytest.raises(TransferError, match="another pull"),
        Arrival(tmp_path),
    ):
        pass


@pytest.mark.parametrize("name", ["../x/1/a", "/etc/1/passwd", "detect", "detect/1/a\nb", "a//b"])
def test_a_manifest_with_a_hostile_name_writes_nothing(
    repository: Path, tmp_path: Path, name: str
) -> None:
    document = json.loads((repository / "manifest.json").read_text())
    document["files"][name] = document["files"]["ocr/1/README"]
    document["digest"] = digest_of(document)
    (repository / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(TransferError):
        fetch(repository, tmp_path / "there")
    assert {each.name for each in (tmp_path / "there").glob("*")} <= {".pull"}
    assert not (tmp_path / "x").exists()


def test_the_same_folder_is_refused(repository: Path) -> None:
    with pytest.raises(TransferError, match="apart"):
        fetch(repository, repository / "inner")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://b-1/a/b/", Bucket("b-1", "a/b")),
        ("s3://bucket", Bucket("bucket", "")),
        ("pvc://claim/a", Claim("claim", "a")),
        ("pvc:claim", Claim("claim", "")),
        ("pvc:/mnt/x", Mounted(Path("/mnt/x"))),
        ("oci:127.0.0.1:5000/a/b:1", Image("127.0.0.1:5000", "a/b", "1")),
        ("oci+native://r.example/a", Image("r.example", "a", "latest")),
        (f"oci://r.example/a@sha256:{'0' * 64}", Image("r.example", "a", "", f"sha256:{'0' * 64}")),
        ("oci:/tmp/x", Layout(Path("/tmp/x"))),
    ],
)
def test_addresses_are_read(text: str, address: object) -> None:
    assert parse(text) == address


@given(st.sampled_from(["s3://", "pvc:", "oci:", "nfs://", ""]), st.text(max_size=40))
def test_an_address_is_read_or_refused_in_a_sentence(scheme: str, rest: str) -> None:
    try:
        again = parse(scheme + rest)
    except TransferError as error:
        assert str(error).isprintable() and "expected" in str(error)
    else:
        if isinstance(again, Bucket | Claim | Image):
            assert parse(str(again)) == again


def test_the_commands_say_what_they_did(repository: Path, tmp_path: Path) -> None:
    def call(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        return result.exit_code, result.output

    volume = f"pvc:{tmp_path / 'volume'}"
    assert call("push", repository, volume)[0] == 0
    code, said = call("pull", volume, tmp_path / "there")
    assert code == 0 and "all verified" in said
    assert call("pull", volume, tmp_path / "there", "--require-signature")[0] == 2
    key = tmp_path / "public.pem"
    code, said = call("pull", volume, tmp_path / "there", "--public-key", key)
    assert code == 1 and "model.sig" in said and "Traceback" not in said
    assert call("push", tmp_path / "none", volume)[0] == 2
    assert call("push", repository, "nfs://a")[0] == 1
    assert call("push", repository, volume, "--base", "r.example/busybox")[0] == 1
