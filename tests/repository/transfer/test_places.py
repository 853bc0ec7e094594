"""A push removes nothing that this very address did not write, and bundles never nest."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repository.manifest import verify
from repository.transfer.address import parse
from repository.transfer.errors import TransferError
from repository.transfer.run import Options, run_push
from tests.repository.transfer.claim.claim_cluster import CLUSTER, Standin
from tests.repository.transfer.repositories import write_repository
from tests.repository.transfer.s3.s3_server import S3Server

SMALL = {"a/config.pbtxt": b'name: "a"\n', "a/1/model.onnx": bytes(range(256))}
OTHER = {"b/config.pbtxt": b'name: "b"\n', "b/1/model.onnx": bytes(range(255))}


class Place(Protocol):
    """Somewhere to push to, of which ``name`` is a folder."""

    def address(self, name: str) -> str:
        """The address of a folder."""

    def files(self) -> dict[str, bytes]:
        """All that lies there."""

    def put(self, name: str, content: bytes) -> None:
        """As another tool would write it."""


class InBucket:
    def __init__(self, server: S3Server) -> None:
        self._server = server

    def address(self, name: str) -> str:
        return f"s3://models/{name}".rstrip("/")

    def files(self) -> dict[str, bytes]:
        return {key: stored.body for key, stored in self._server.state.objects.items()}

    def put(self, name: str, content: bytes) -> None:
        self._server.put(name, content)


class InFolder:
    def __init__(self, folder: Path, address: str) -> None:
        self._folder, self._address = folder, address

    def address(self, name: str) -> str:
        return f"{self._address}/{name}".rstrip("/")

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self._folder).as_posix(): path.read_bytes()
            for path in self._folder.rglob("*")
            if path.is_file()
        }

    def put(self, name: str, content: bytes) -> None:
        (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_bytes(content)


@pytest.fixture(params=["s3", "claim", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "s3":
        return InBucket(request.getfixturevalue("s3"))
    if request.param == "claim":
        standin: Standin = request.getfixturevalue("cluster")
        return InFolder(standin.volume, "pvc:model-repository")
    (tmp_path / "volume").mkdir()
    return InFolder(tmp_path / "volume", f"pvc:{tmp_path / 'volume'}")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_repository(tmp_path / "small", SMALL)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return write_repository(tmp_path / "other", OTHER)


def send(repository: Path, address: str, **options: Any) -> str:
    cluster = CLUSTER if address.startswith("pvc:model") else Options().cluster
    return run_push(repository, address, Options(quiet=True, cluster=cluster, **options))


def refusal(repository: Path, address: str, **options: bool) -> str:
    with pytest.raises(TransferError) as caught:
        send(repository, address, **options)
    text = str(caught.value)
    assert "\n" not in text and "Traceback" not in text and text.endswith(".")
    return text


NESTED: Mapping[str, tuple[str, str]] = {
    "the root of everything": ("team-a", ""),
    "a parent": ("x/team-a", "x"),
    "a grandparent": ("x/y/team-a", "x"),
    "a child": ("team-a", "team-a/b"),
    "a grandchild": ("team-a", "team-a/b/c"),
    "below the root": ("", "team-a"),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("case", NESTED)
def test_bundles_within_one_another_are_refused_both_ways(
    small: Path, other: Path, place: Place, case: str
) -> None:
    first, second = NESTED[case]
    send(small, place.address(first))
    before = place.files()
    for delete in (False, True):
        assert "manifest.json" in refusal(other, place.address(second), delete=delete)
        assert place.files() == before


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("first", "second"), [("team", "team-a"), ("team-a", "team"), ("x", "y")])
def test_an_address_is_no_prefix_of_a_string(
    small: Path, other: Path, place: Place, first: str, second: str
) -> None:
    send(small, place.address(first))
    before = place.files()
    send(other, place.address(second), delete=True)
    assert before.items() < place.files().items()
    assert f"{second}/b/1/model.onnx" in place.files()


@pytest.mark.sampled(1)
def test_files_that_lie_where_a_push_would_write_are_not_replaced(
    small: Path, place: Place
) -> None:
    """The only copy of somebody's model has the name of one of ours."""
    place.put("models/a/1/model.onnx", b"the only copy")
    before = place.files()
    assert "a/1/model.onnx" in refusal(small, place.address("models"))
    assert place.files() == before
    send(small, place.address("models"), delete=True)
    assert place.files()["models/a/1/model.onnx"] == SMALL["a/1/model.onnx"]


@pytest.mark.sampled(1)
def test_a_readme_that_somebody_put_there_stays(small: Path, other: Path, place: Place) -> None:
    send(small, place.address("models"))
    place.put("models/README.md", b"whom to ask")
    send(other, place.address("models"))
    assert place.files()["models/README.md"] == b"whom to ask"
    assert not any(name.startswith("models/a/") for name in place.files())


@pytest.mark.sampled(1)
def test_what_a_build_no_longer_has_goes(
    small: Path, other: Path, place: Place, tmp_path: Path
) -> None:
    both = write_repository(tmp_path / "both", SMALL | OTHER)
    send(both, place.address("models"))
    send(small, place.address("models"))
    assert {name.removeprefix("models/") for name in place.files()} == {*SMALL, "manifest.json"}


def test_what_another_address_wrote_into_a_bucket_is_never_removed(
    small: Path, other: Path, s3: S3Server
) -> None:
    """A push below that was cut off has no manifest yet, and a copied one its old address."""
    send(small, "s3://models/x/a")
    del s3.state.objects["x/a/manifest.json"]
    before = dict(s3.state.objects)
    for options in ({}, {"delete": True}):
        assert "s3://models/x/a" in refusal(other, "s3://models/x", **options)
        assert s3.state.objects == before


def test_uploads_of_others_below_the_prefix_go_on(
    small: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a push to a place below has sent so far shows in no listing of objects."""
    aborted: list[str] = []
    keys = ["x/below/b/1/model.onnx", "x/a/1/model.onnx"]
    monkeypatch.setattr(
        "repository.transfer.s3.parts.Uploads._pending", lambda *_: [(key, "id") for key in keys]
    )
    monkeypatch.setattr(
        "minio.Minio._abort_multipart_upload", lambda _, bucket, key, upload: aborted.append(key)
    )
    send(small, "s3://models/x")
    assert aborted == ["x/a/1/model.onnx"]


def test_a_key_that_may_not_look_above_still_pushes(small: Path, s3: S3Server) -> None:
    s3.state.refused_keys = {"manifest.json", "x/manifest.json"}
    send(small, "s3://models/x/y")
    assert "x/y/manifest.json" in s3.state.objects


@pytest.mark.thorough
def test_a_push_to_a_claim_that_was_cut_off_gives_way_to_another_build(
    small: Path, cluster: Standin, tmp_path: Path
) -> None:
    changed = write_repository(tmp_path / "changed", SMALL | {"a/1/model.onnx": b"anew" * 99})
    cluster.faults(full=300, dies_writing=0)
    larger = SMALL | OTHER | {"b/1/model.onnx": bytes(5000)}
    refusal(write_repository(tmp_path / "larger", larger), "pvc:model-repository/models")
    assert (cluster.models / "a/1/model.onnx").exists()
    (cluster.state / "faults.json").unlink()
    send(changed, "pvc:model-repository/models")
    assert verify(cluster.models) == []


def test_a_layout_is_not_written_into_a_repository(small: Path, other: Path) -> None:
    for inner in (small / "layout", other / "x"):
        said = refusal(small, f"oci:{inner}")
        assert "apart from" in said
        assert not inner.exists()


names = st.lists(st.sampled_from(["a", "b", "team", "team-a", "1"]), max_size=4).map("/".join)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pushes=st.lists(st.tuples(names, st.booleans(), st.booleans()), min_size=2, max_size=5))
def test_no_row_of_pushes_loses_a_bundle_that_arrived(
    tmp_path_factory: pytest.TempPathFactory, pushes: list[tuple[str, bool, bool]]
) -> None:
    root = tmp_path_factory.mktemp("row")
    repositories = {
        first: write_repository(root / str(first), SMALL if first else OTHER)
        for first in (True, False)
    }
    arrived: dict[str, bool] = {}
    for name, first, delete in pushes:
        address = f"pvc:{root / 'volume' / name}"
        try:
            send(repositories[first], address, delete=delete)
            arrived[name] = first
        except TransferError:
            inner = [n for n in arrived if n != name and nested(n, name)]
            assert inner, "only what nests is refused"
    for name, first in arrived.items():
        assert verify(root / "volume" / name) == []
        wanted = SMALL if first else OTHER
        assert all((root / "volume" / name / each).read_bytes() == wanted[each] for each in wanted)
    shutil.rmtree(root)


def nested(one: str, other: str) -> bool:
    return (
        not one
        or not other
        or f"{one}/".startswith(f"{other}/")
        or f"{other}/".startswith(f"{one}/")
    )


def test_a_folder_without_a_scheme_is_told_its_form() -> None:
    with pytest.raises(TransferError, match="did you mean pvc:/mnt/models"):
        parse("/mnt/models")
