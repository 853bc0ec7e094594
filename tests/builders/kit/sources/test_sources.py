import hashlib
import http.server
import json
import os
import string
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save

from builders.kit import onnx as kit
from builders.kit import sources
from builders.kit.sources import Reference, SourceError, parse, resolve
from builders.kit.sources.files import record_hash
from repository import licence as source_licence

COMMIT = "a1" * 20
SAFETENSORS = save({"weight": np.zeros(500, np.float32)})

# --- URIs ---------------------------------------------------------------------------------------

part = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=12)
paths = st.lists(part, min_size=1, max_size=4).map("/".join)


@given(
    reference=st.one_of(
        st.builds(
            lambda org, name, commit: Reference("hub", f"{org}/{name}", commit),
            st.text(string.ascii_letters, min_size=1, max_size=9),
            st.text(string.ascii_letters, min_size=1, max_size=9),
            st.text("0123456789abcdef", min_size=40, max_size=40),
        ),
        st.builds(Reference, st.sampled_from(["path", "package", "demo"]), paths),
    )
)
def test_a_uri_is_its_reference_written_down(reference: Reference) -> None:
    assert parse(str(reference)) == reference


@given(
    uri=st.text(max_size=60)
    | st.builds("{}:{}".format, st.sampled_from(sources.SCHEMES), st.text(max_size=60))
)
def test_any_text_is_a_reference_or_a_source_error(uri: str) -> None:
    try:
        reference = parse(uri)
    except SourceError as error:
        assert "expected" in str(error)
        return
    assert str(reference) == uri
    if reference.scheme == "hub":
        assert len(reference.revision) == 40
    if reference.scheme in ("package", "demo"):
        assert ".." not in reference.name.split("/")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("rapidocr/models/x.onnx", "A file is 'path:…'"),
        ("pakage:rapidocr/x.onnx", "Did you mean 'package:'"),
        ("https://example.org/x.onnx", "expected one of hub:…"),
        ("hub:org/name", "found none"),
        ("hub:org/name@main", "'main', which can move"),
        ("hub:org/name@v1.0", "'v1.0', which can move"),
        (f"hub:org/name@{COMMIT[:7]}", "which can move"),
        (f"hub:org/name@{COMMIT.upper()}", "which can move"),
        (f"hub:name@{COMMIT}", "found the repository 'name'"),
        (f"hub:../name@{COMMIT}", "found the repository"),
        (f"hub:org/a--b@{COMMIT}", "found the repository"),
        (f"hub:org/name/file@{COMMIT}", "found the repository"),
        ("package:rapidocr/../secret", "without '..'"),
        ("package:/etc/passwd", "without '..'"),
        ("demo:../../x", "without '..'"),
        ("demo:a\\..\\b", "without '..'"),
        ("path:", "expected a name"),
        ("path:a\0b", "expected a name"),
    ],
)
def test_bad_uris_are_refused_with_a_remedy(uri: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        resolve(uri)
    assert message in str(caught.value)


# --- path: --------------------------------------------------------------------------------------


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


CHECKPOINT = {
    "README.md": b"---\nlicense: apache-2.0\ntags: [ocr]\n---\n# A model\n",
    "config.json": b"{}",
    "model.safetensors": SAFETENSORS,
    "tokenizer/vocab.txt": b"a\nb\n",
}


def test_a_folder_gives_its_files_hashes_and_licence(tmp_path: Path) -> None:
    write(tmp_path, {**CHECKPOINT, "pytorch_model.bin": b"pickle", "modeling.py": b"import os"})
    source = resolve(f"path:{tmp_path}")
    assert source.path == tmp_path
    assert source.licence == "apache-2.0"
    assert source.files == {
        name: hashlib.sha256(content).hexdigest() for name, content in CHECKPOINT.items()
    }


def test_the_revision_follows_the_content_and_nothing_else(tmp_path: Path) -> None:
    one = resolve(f"path:{write(tmp_path / 'one', CHECKPOINT)}")
    two = resolve(f"path:{write(tmp_path / 'two', CHECKPOINT)}")
    assert one.revision == two.revision == f"sha256:{one.digest}"
    write(tmp_path / "two", {"config.json": b"{ }"})
    assert resolve(f"path:{tmp_path / 'two'}").revision != one.revision
    (tmp_path / "one" / "tokenizer/vocab.txt").rename(tmp_path / "one" / "vocab.txt")
    assert resolve(f"path:{tmp_path / 'one'}").revision != one.revision


def test_relative_paths_start_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "model", CHECKPOINT)
    monkeypatch.chdir(tmp_path)
    assert resolve("path:model").path == tmp_path / "model"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("path:~/model").path == tmp_path / "model"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "found an empty folder"),
        ({"config.json": b"{}"}, "found config.json"),
        ({"pytorch_model.bin": b"", "config.json": b""}, "found only pickles (pytorch_model.bin)"),
        ({"model.pt": b"", "model.ckpt": b""}, "found only pickles"),
        (
            {
                "model-1.safetensors": SAFETENSORS,
                "model.safetensors.index.json": json.dumps(
                    {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
                ).encode(),
            },
            "1 missing (model-2.safetensors)",
        ),
        ({**CHECKPOINT, "model.safetensors.index.json": b"[]"}, "a JSON object, found a list"),
    ],
)
def test_folders_without_safe_whole_weights_are_refused(
    tmp_path: Path, files: Mapping[str, bytes], message: str
) -> None:
    with pytest.raises(SourceError) as caught:
        resolve(f"path:{write(tmp_path, files)}")
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["model.bin", "model.pt", "model.pth", "model.ckpt", "m.pkl"])
def test_a_pickle_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: b"\x80\x04."})
    with pytest.raises(SourceError, match=r"found a pickle.*safetensors\.torch\.save_file"):
        resolve(f"path:{tmp_path / name}")


@pytest.mark.parametrize("link", ["absolute", "relative"])
def test_links_out_of_a_folder_are_refused(tmp_path: Path, link: str) -> None:
    write(tmp_path, {"secret.json": b"{}"})
    folder = write(tmp_path / "model", CHECKPOINT)
    target = tmp_path / "secret.json" if link == "absolute" else Path("../secret.json")
    (folder / "generation_config.json").symlink_to(target)
    with pytest.raises(SourceError, match=r"'generation_config\.json', which leads out"):
        resolve(f"path:{folder}")


def test_links_inside_a_folder_are_followed(tmp_path: Path) -> None:
    folder = write(tmp_path, CHECKPOINT)
    (folder / "other.json").symlink_to("config.json")
    assert resolve(f"path:{folder}").files["other.json"] == hashlib.sha256(b"{}").hexdigest()


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected a file or folder, found none"):
        resolve(f"path:{tmp_path / 'no'}")


@pytest.fixture
def external(tmp_path: Path) -> Path:
    """An ONNX file whose weights lie beside it under a name that looks like a pickle's."""
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1000])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1000])],
        [numpy_helper.from_array(np.ones(1000, np.float32), "w")],
    )
    folder = tmp_path / "m"
    kit.save(helper.make_model(graph, ir_version=10), folder, external=True)
    return folder / "model.onnx"


@pytest.mark.parametrize("location", ["weights.bin", "w" * 200])
def test_an_onnx_files_sidecar_belongs_to_it(external: Path, location: str) -> None:
    name = "model.onnx.data"
    assert set(resolve(f"path:{external}").files) == {"model.onnx", name}
    model = onnx.load(external, load_external_data=False)
    model.graph.initializer[0].external_data[0].value = location
    external.write_bytes(model.SerializeToString())
    (external.parent / name).rename(external.parent / location)
    before = resolve(f"path:{external}")
    assert set(before.files) == {"model.onnx", location}
    assert set(resolve(f"path:{external.parent}").files) == {"model.onnx", location}
    (external.parent / location).write_bytes(bytes(4000))
    assert resolve(f"path:{external}").revision != before.revision


def test_a_sidecar_outside_the_folder_is_refused(external: Path) -> None:
    model = onnx.load(external, load_external_data=False)
    model.graph.initializer[0].external_data[0].value = "../secret"
    external.write_bytes(model.SerializeToString())
    (external.parent.parent / "secret").write_bytes(bytes(4000))
    with pytest.raises(SourceError, match="which leads out"):
        resolve(f"path:{external}")


def test_what_is_neither_file_nor_folder_is_told_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "loop.onnx").symlink_to("loop.onnx")
    for path, said in (
        ("/dev/zero", "expected a file or folder, found a device"),
        ("/proc/self/mem", "Input/output error"),
        ("/proc/self/maps", "a file of the size that it says, found one that goes on"),
        (tmp_path / "pipe.onnx", "expected a file or folder, found a pipe"),
        (tmp_path / "loop.onnx", "Too many levels of symbolic links"),
        (tmp_path / ("x" * 5000), "File name too long"),
        (f"{tmp_path}/a\ud800b", "no file can have"),
        ("~nobody-of-that-name/x", "expected a file or folder, found none"),
    ):
        with pytest.raises(SourceError, match=said) as caught:
            resolve(f"path:{path}")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 500


def test_a_folder_of_far_too_many_files_is_no_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builders.kit.sources.files.MAXIMUM_FILES", 3)
    with pytest.raises(SourceError, match="at most 3 files, found more"):
        resolve(f"path:{write(tmp_path, CHECKPOINT)}")


@pytest.mark.parametrize("name", ["model.safetensors", "model.onnx", "config.json", "README.md"])
def test_a_pipe_among_a_checkpoints_files_is_told_without_waiting(
    tmp_path: Path, name: str
) -> None:
    write(tmp_path, {**CHECKPOINT, "model.onnx": b"onnx"})
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(SourceError, match=f"{name}: expected a file, found a pipe"):
        resolve(f"path:{tmp_path}")


def test_a_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    write(tmp_path, CHECKPOINT)
    (tmp_path / os.fsdecode(b"config-\xff.json")).write_text("{}")
    with pytest.raises(SourceError, match=r"found 'config-\\udcff\.json'\. Rename it"):
        resolve(f"path:{tmp_path}")


@settings(max_examples=200, deadline=None)
@given(
    scheme=st.sampled_from(["path", "demo"]),
    name=st.text(max_size=30) | st.text("./~\0\ud800a", max_size=12) | st.just("x" * 5000),
)
@example(scheme="package", name="x" * 5000)
@example(scheme="package", name="\ud800/a")
@example(scheme="package", name="\x1b[1m")
def test_any_source_is_found_or_told(
    tmp_path_factory: pytest.TempPathFactory, scheme: str, name: str
) -> None:
    under = "" if scheme != "path" else f"{tmp_path_factory.getbasetemp()}/none/"
    try:
        resolve(f"{scheme}:{under}{name}")
    except SourceError as error:
        assert str(error).replace("\n", "").isprintable()


# --- package: -----------------------------------------------------------------------------------

DETECTOR = "rapidocr/models/PP-OCRv6_det_small.onnx"


def test_a_packaged_model_is_found_without_importing_the_package() -> None:
    code = (
        "import sys; from builders.kit.sources import resolve\n"
        f"source = resolve('package:{DETECTOR}')\n"
        "print(source.revision, source.licence, source.path)\n"
        "print([m for m in ('rapidocr', 'onnx', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    first, second = done.stdout.splitlines()
    version = distribution("rapidocr").version
    path = Path(str(distribution("rapidocr").locate_file(DETECTOR))).resolve()
    assert first == f"{version} Apache-2.0 {path}"
    assert second == "[]"


def test_a_folder_of_a_package_gives_its_models() -> None:
    files = resolve("package:rapidocr/models").files
    assert "PP-OCRv6_det_small.onnx" in files
    assert all(name.endswith(".onnx") for name in files)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Make an installed distribution ``toy-models`` with a package ``toy``."""

    def install(files: Mapping[str, bytes], record: str | None = None, extra: str = "") -> Path:
        info = tmp_path / "toy_models-1.2.dist-info"
        write(tmp_path, files)
        lines = [
            f"{name},sha256={record_hash(hashlib.sha256(c).hexdigest())},1"
            for name, c in files.items()
        ]
        lines.append("toy_models-1.2.dist-info/METADATA,,")
        write(
            info,
            {
                "METADATA": f"Name: toy-models\nVersion: 1.2\n{extra}\n".encode(),
                "top_level.txt": b"toy\n",
                "RECORD": ("\n".join(lines) if record is None else record).encode(),
            },
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        return tmp_path

    return install


def test_a_package_may_have_another_name_than_its_distribution(
    installed: Callable[..., Path],
) -> None:
    root = installed(
        {"toy/m.onnx": b"onnx"}, extra="Classifier: License :: OSI Approved :: MIT License"
    )
    source = resolve("package:toy/m.onnx")
    assert (source.path, source.revision) == (root / "toy/m.onnx", "1.2")
    assert source.licence == "MIT License"


def test_a_packaged_checkpoint_has_the_licence_of_its_own_card(
    installed: Callable[..., Path],
) -> None:
    card = b"---\nlicense: apache-2.0\ndescription: Small.\n---\n"
    files = {"toy/model/m.onnx": b"onnx", "toy/model/README.md": card, "toy/bare/m.onnx": b"onnx"}
    installed(files, extra="License: MIT")
    source = resolve("package:toy/model")
    assert (source.licence, source.about) == ("apache-2.0", "Small.")
    assert resolve("package:toy/bare").licence == "MIT"


def test_a_changed_packaged_file_is_refused(installed: Callable[..., Path]) -> None:
    root = installed({"toy/m.onnx": b"onnx"})
    (root / "toy/m.onnx").write_bytes(b"evil")
    with pytest.raises(SourceError, match=r"as in RECORD.*toy-models==1\.2"):
        resolve("package:toy/m.onnx")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("toy/m.onnx,,", "expected a SHA-256 in RECORD"),
        ("toy/m.onnx,md5=abc,4", "expected a SHA-256 in RECORD"),
        ("toy/other.onnx,,", "found no such file"),
    ],
)
def test_a_record_that_vouches_for_nothing_is_refused(
    installed: Callable[..., Path], record: str, message: str
) -> None:
    installed({"toy/m.onnx": b"onnx"}, record)
    with pytest.raises(SourceError, match=message):
        resolve("package:toy/m.onnx")


def test_a_packaged_link_that_leads_out_is_refused(
    installed: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = installed({"toy/m.onnx": b"onnx"})
    outside = tmp_path_factory.mktemp("outside") / "m.onnx"
    outside.write_bytes(b"onnx")
    (root / "toy/m.onnx").unlink()
    (root / "toy/m.onnx").symlink_to(outside)
    with pytest.raises(SourceError, match="leads out"):
        resolve("package:toy/m.onnx")


def test_an_absent_package_is_named() -> None:
    with pytest.raises(SourceError, match="pip install no_such_package"):
        resolve("package:no_such_package/m.onnx")


# --- demo: --------------------------------------------------------------------------------------


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = write(tmp_path / "ocr" / "demo" / "tiny", CHECKPOINT)
    lines = [f"{hashlib.sha256(c).hexdigest()}  {name}" for name, c in CHECKPOINT.items()]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(sources, "BUILDERS", tmp_path)
    return folder


def test_a_shipped_checkpoint_is_checked_and_found(demo: Path) -> None:
    source = resolve("demo:tiny")
    assert (source.path, source.licence) == (demo, "apache-2.0")
    assert set(source.files) == set(CHECKPOINT)
    assert resolve("demo:ocr/tiny").files == source.files


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "config.json").write_bytes(b"[]"), "config.json changed"),
        (lambda f: (f / "config.json").unlink(), "config.json missing"),
        (lambda f: (f / "more.json").write_bytes(b"{}"), "more.json not listed"),
        (lambda f: (f / "SHA256SUMS").unlink(), "expected a file SHA256SUMS"),
        (lambda f: (f / "SHA256SUMS").write_text("hello"), "expected lines of a SHA-256"),
    ],
)
def test_a_spoilt_shipped_checkpoint_is_refused(
    demo: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(demo)
    with pytest.raises(SourceError, match=message):
        resolve("demo:tiny")


def test_a_name_in_two_families_must_be_told_apart(demo: Path) -> None:
    write(demo.parents[2] / "asr" / "demo" / "tiny", CHECKPOINT)
    with pytest.raises(SourceError, match="found demo:asr/tiny, demo:ocr/tiny"):
        resolve("demo:tiny")
    with pytest.raises(SourceError, match="found tiny, tiny"):
        resolve("demo:huge")


# --- hub: ---------------------------------------------------------------------------------------


def blob_name(content: bytes, *, large: bool) -> str:
    if large:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def cache(home: Path, files: Mapping[str, bytes]) -> Path:
    """A hub's local cache as huggingface_hub lays it out; returns the snapshot's folder."""
    root = home / "models--org--name"
    for name, content in files.items():
        blob = root / "blobs" / blob_name(content, large=name.endswith(".safetensors"))
        write(root / "blobs", {blob.name: content})
        link = root / "snapshots" / COMMIT / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return root / "snapshots" / COMMIT


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_a_cached_snapshot_needs_no_network(hub_cache: Path) -> None:
    folder = cache(hub_cache, {**CHECKPOINT, "pytorch_model.bin": b"pickle", "model.py": b""})
    source = resolve(f"hub:org/name@{COMMIT}")
    assert (source.path, source.revision, source.licence) == (folder, COMMIT, "apache-2.0")
    assert set(source.files) == set(CHECKPOINT)


def test_a_snapshot_that_is_not_cached_is_refused_offline(hub_cache: Path) -> None:
    with pytest.raises(SourceError, match=r"in the local cache, found none.*hf download org/name"):
        resolve(f"hub:org/name@{COMMIT}")


def test_a_changed_blob_is_refused(hub_cache: Path) -> None:
    folder = cache(hub_cache, CHECKPOINT)
    for name in ("config.json", "model.safetensors"):
        blob = (folder / name).resolve()
        content = blob.read_bytes()
        blob.write_bytes(content + b" ")
        with pytest.raises(SourceError, match=f"file '{name}'.*was changed"):
            resolve(f"hub:org/name@{COMMIT}")
        blob.write_bytes(content)
    assert resolve(f"hub:org/name@{COMMIT}")


def test_a_snapshots_link_out_of_the_cache_is_refused(hub_cache: Path) -> None:
    folder = cache(hub_cache, CHECKPOINT)
    write(hub_cache, {"secret.json": b"{}"})
    (folder / "secret.json").symlink_to(hub_cache / "secret.json")
    with pytest.raises(SourceError, match="leads out"):
        resolve(f"hub:org/name@{COMMIT}")


def test_a_snapshot_of_pickles_is_refused(hub_cache: Path) -> None:
    cache(hub_cache, {"config.json": b"{}", "pytorch_model.bin": b"pickle"})
    with pytest.raises(SourceError, match="found only pickles"):
        resolve(f"hub:org/name@{COMMIT}")


class Hub:
    """The part of a hub's HTTP interface that a snapshot needs, and what was asked of it."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.asked: list[str] = []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def do_HEAD(self) -> None:
                self.answer()

            def do_GET(self) -> None:
                self.wfile.write(self.answer())

            def answer(self) -> bytes:
                path = self.path.split("?")[0]
                name = path.partition(f"/resolve/{COMMIT}/")[2]
                hub.asked.append(path)
                headers = {}
                status, content = 404, b""
                if path == f"/api/models/org/name/tree/{COMMIT}":
                    status, content = 200, hub.tree()
                    headers = {"Content-Type": "application/json"}
                elif name in hub.files:
                    status, content = 200, hub.files[name]
                    etag = blob_name(CHECKPOINT.get(name, content), large=name.endswith("tensors"))
                    headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}
                elif path.startswith("/api/models/"):
                    headers = {"X-Error-Code": "RevisionNotFound"}
                self.send_response(status)
                for key, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(key, value)
                self.end_headers()
                return content

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def tree(self) -> bytes:
        entries = [
            {"type": "file", "path": n, "size": len(c), "oid": blob_name(c, large=False)}
            for n, c in self.files.items()
        ]
        return json.dumps(entries).encode()


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub({**CHECKPOINT, "pytorch_model.bin": b"pickle", "modeling.py": b"import os"})
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


def fetch(hub: Hub, home: Path, *, offline: bool, commit: str = COMMIT) -> str:
    """``resolve`` in a process of its own: the client reads its endpoint once, at import."""
    code = (
        "from builders.kit.sources import *\n"
        f"try: print(sorted(resolve('hub:org/name@{commit}', offline={offline}).files))\n"
        "except SourceError as error: print(error)"
    )
    environment = {
        **os.environ,
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server.server_port}",
        "HF_HOME": str(home),
        "NO_PROXY": "127.0.0.1",
    }
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_a_snapshot_is_fetched_once_and_only_its_safe_files(hub: Hub, tmp_path: Path) -> None:
    assert fetch(hub, tmp_path, offline=True).startswith(f"hub:org/name@{COMMIT}: expected")
    assert hub.asked == []
    assert fetch(hub, tmp_path, offline=False) == str(sorted(CHECKPOINT))
    assert not [path for path in hub.asked if path.endswith((".bin", ".py"))]
    hub.asked.clear()
    assert fetch(hub, tmp_path, offline=True) == str(sorted(CHECKPOINT))
    assert hub.asked == []


def test_an_unknown_commit_is_a_clear_error(hub: Hub, tmp_path: Path) -> None:
    message = fetch(hub, tmp_path, offline=False, commit="0" * 40)
    assert "expected that revision on the hub" in message


def test_content_that_is_not_what_the_hub_names_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.files["model.safetensors"] = bytes(len(SAFETENSORS))
    assert "was changed" in fetch(hub, tmp_path, offline=False)


# --- licences -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "licence"),
    [
        ({"README.md": "---\nlicense: mit\n---\n"}, "mit"),
        ({"README.md": "---\nlicense: other\nlicense_name: gemma\n---\n"}, "gemma"),
        ({"README.md": "---\nlicense: [mit, apache-2.0]\n---\n"}, "mit, apache-2.0"),
        ({"README.md": "---\nlicense: {\n---\n"}, "unknown"),
        ({"README.md": "---\n- license\n---\n"}, "unknown"),
        ({"README.md": "# license: mit\n"}, "unknown"),
        ({"LICENSE": "   Apache License\n   Version 2.0, January 2004\n"}, "Apache-2.0"),
        ({"LICENCE.txt": "MIT License\n\nCopyright"}, "MIT"),
        ({"LICENSE": "All rights reserved"}, "see LICENSE"),
        ({"README.md": "text", "LICENSE": "MIT License"}, "MIT"),
        ({}, "unknown"),
    ],
)
def test_licences_are_read_from_the_card_or_the_licence_file(
    tmp_path: Path, files: Mapping[str, str], licence: str
) -> None:
    write(tmp_path, {name: content.encode() for name, content in files.items()})
    assert source_licence.of_folder(tmp_path) == licence


@pytest.mark.parametrize(
    ("card", "about"),
    [
        ("---\ndescription: >-\n  A demo.\n  No more.\nlicense: mit\n---\n", "A demo. No more."),
        ("---\nlicense: mit\n---\ndescription: no\n", ""),
        ("# A card without a head\n", ""),
    ],
)  # fmt: skip
def test_what_a_checkpoint_is_comes_from_its_card(tmp_path: Path, card: str, about: str) -> None:
    write(tmp_path, {"README.md": card.encode(), "model.onnx": b""})
    assert source_licence.about(tmp_path) == about
    assert resolve(f"path:{tmp_path}").about == about
