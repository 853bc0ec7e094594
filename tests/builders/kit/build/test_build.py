"""Builds of a family that takes milliseconds: what runs again, what does not, and why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.kit.build.build import BuildError, Result, build
from builders.kit.build.dry_run import DryRun, dry_run
from builders.kit.build.only import reproduce
from builders.kit.build.parity import ParityError
from builders.kit.checkout import Checkout
from builders.kit.recipe.profile import FamilyOptions, ModelOptions, Profile, ProfileError
from builders.kit.tasks.cache import Cache
from builders.kit.tasks.progress import Outcome, Silent
from repository.manifest import read_manifest, verify
from runtime.inprocess import InProcess

ROOT = Path(__file__).resolve().parents[4]
TOYS = Path(__file__).resolve().parent / "toys"


class Recording(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.messages: list[str] = []

    def finished(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def message(self, text: str) -> None:
        self.messages.append(text)

    def ran(self) -> dict[str, str]:
        """The tasks that ran, and why."""
        return {
            each.name: each.why
            for each in self.outcomes
            if each.action != "cached" and not each.name.startswith("model ")
        }


def forget_toys() -> None:
    """Have the families imported anew."""
    for name in [name for name in sys.modules if name.split(".")[0] == "toykit"]:
        del sys.modules[name]


class Shop:
    """A checkout of its own, with a checkpoint, a cache and a place to build to."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        shutil.copytree(TOYS, self.root, ignore=shutil.ignore_patterns("__pycache__"))
        self.family = self.root / "toykit" / "toy"
        self.weights = folder / "weights.json"
        self.set_weights(factor=2.0, shift=1.0)
        self.cache = Cache(folder / "cache")
        self.out = folder / "repository"
        self.told = Recording()

    def set_weights(self, **numbers: float) -> None:
        self.weights.write_text(json.dumps(numbers))

    def profile(self, **settings: Any) -> Profile:
        models = settings.pop("models", {})
        options: dict[str, Any] = {"triton": "24.10", "device": "cpu", "precision": "fp32"}
        options |= {"hub": False, "bls": False, **settings}
        return Profile.model_construct(
            families={"toy": FamilyOptions(sources={"weights": f"path:{self.weights}"})},
            models={name: ModelOptions.model_validate(each) for name, each in models.items()},
            **options,
        )

    @property
    def checkout(self) -> Checkout:
        return Checkout(self.root, "toykit")

    def build(self, **settings: Any) -> Result:
        self.told = Recording()
        return build(
            self.profile(**settings),
            self.out,
            self.told,
            cache=self.cache,
            checkout=self.checkout,
        )

    def dry_run(self, **settings: Any) -> DryRun:
        return dry_run(self.profile(**settings), self.out, cache=self.cache, checkout=self.checkout)

    def plan(self, **settings: Any) -> dict[str, tuple[str, str]]:
        return {task.name: (task.action, task.why) for task in self.dry_run(**settings).tasks}

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.family / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        # As for a process that begins after the edit.
        os.utime(path, (0, 0))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop(tmp_path)
    monkeypatch.syspath_prepend(made.root)
    forget_toys()
    return made


ALL = {
    "export toy/scale",
    "export toy/move",
    "export toy/table.json",
    "parity toy/scale",
    "parity toy/move",
    "metric toy/error",
}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_first_build_runs_every_task_and_verifies(shop: Shop) -> None:
    result = shop.build()
    assert shop.told.ran() == dict.fromkeys(ALL, "new")
    assert result.changed
    assert result.built == {"scale", "move", "shift", "toy"}
    assert verify(shop.out) == []
    manifest = read_manifest(shop.out)
    assert manifest.models["scale"]["backend"] == "onnxruntime"
    assert manifest.models["shift"]["exports"] == ["toy/table.json"]
    assert manifest.exports["toy/scale"]["parity"]["absolute"] == 0
    assert len(manifest.exports["toy/scale"]["parity"]["differences"]) == 3
    assert manifest.exports["toy/scale"]["facts"] == {"operator": "Mul"}
    source = manifest.families["toy"]["sources"]["weights"]
    assert list(source["files"]) == ["weights.json"]
    assert source["licence"] == "unknown"
    assert source["about"] == ""
    (metric,) = manifest.metrics
    assert (metric["name"], metric["bound"], metric["value"]) == ("error", 0.5, 0.0)
    assert {"onnx", "onnxruntime", "numpy", "python"} <= manifest.tools.keys()
    assert set(manifest.times["steps"]) == ALL


def test_a_path_that_only_a_server_would_mind_is_built_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`runtime serve` links to it, and a container mounts it elsewhere."""
    folder = tmp_path / "my modèles"
    folder.mkdir()
    shop = Shop(folder)
    monkeypatch.syspath_prepend(shop.root)
    forget_toys()
    assert not {"shell-path", "ascii-path"} & {each.rule for each in shop.build().warnings}
    assert verify(shop.out) == []


def test_nothing_to_do_is_found_without_a_task(shop: Shop) -> None:
    shop.build()
    before = contents(shop.out)
    result = shop.build()
    assert (result.changed, result.built, shop.told.outcomes) == (False, frozenset(), [])
    assert contents(shop.out) == before


def test_two_builds_from_equal_inputs_are_equal_times_aside(shop: Shop, tmp_path: Path) -> None:
    shop.build()
    first = contents(shop.out)
    shutil.rmtree(shop.out)
    shop.cache = Cache(tmp_path / "another cache")
    shop.build()
    second = contents(shop.out)
    one, two = json.loads(first.pop("manifest.json")), json.loads(second.pop("manifest.json"))
    assert first == second
    assert one.pop("times").keys() == two.pop("times").keys()
    assert one == two


def test_no_absolute_path_is_recorded_but_the_source_that_was_asked_for(
    shop: Shop, tmp_path: Path
) -> None:
    shop.build()
    text = (shop.out / "manifest.json").read_text()
    assert text.count(str(tmp_path)) == text.count(f"path:{shop.weights}")


def test_everything_is_readable_by_others_whatever_the_umask(shop: Shop) -> None:
    before = os.umask(0o077)
    try:
        shop.build()
    finally:
        os.umask(before)
    for path in [shop.out, *shop.out.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_a_changed_source_rebuilds_what_it_changes_and_says_so(shop: Shop) -> None:
    shop.build()
    shop.set_weights(factor=2.0, shift=1.25)
    shop.build()
    ran = shop.told.ran()
    # Its ONNX files come out the same, so their models' files do not change.
    assert ran["export toy/table.json"] == "source weights.json changed"
    assert ran["metric toy/error"] == "file shift/1/table.json changed"
    assert read_manifest(shop.out).metrics[0]["value"] == 0.25


def test_a_metric_is_measured_again_when_its_inputs_change(shop: Shop) -> None:
    shop.build()
    shop.edit("evaluation/inputs.json", "[1, 2, 3]", "[4, 5]")
    shop.build()
    assert shop.told.ran() == {"metric toy/error": "data evaluation/inputs.json changed"}


def test_a_score_beyond_its_bound_fails_and_leaves_the_old_repository(shop: Shop) -> None:
    shop.build()
    before = contents(shop.out)
    shop.set_weights(factor=2.0, shift=3.0)
    with pytest.raises(BuildError) as caught:
        shop.build()
    (finding,) = caught.value.findings
    assert finding.rule == "metric"
    assert (finding.expected, finding.found) == ("at most 0.5", "2")
    assert contents(shop.out) == before
    assert sorted(path.name for path in shop.out.parent.iterdir() if path.name[0] == ".") == []


def test_an_export_that_differs_from_its_source_fails_with_one_command(shop: Shop) -> None:
    shop.edit("reference.py", '["factor"])', '["factor"] * 1.001)')
    with pytest.raises(BuildError) as caught:
        shop.build()
    (finding,) = caught.value.findings
    assert finding.where == "parity toy/scale"
    assert "allowed 1e-06 absolute" in finding.found
    assert caught.value.task == "parity toy/scale"
    assert "Reproduce it with" not in str(caught.value)
    with pytest.raises(ParityError, match="allowed 1e-06 absolute"):
        reproduce(shop.profile(), "parity toy/scale", cache=shop.cache, checkout=shop.checkout)


def test_all_failures_are_told_and_what_succeeded_is_kept(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_FAILS", "1")
    shop.edit("reference.py", '["factor"])', '["factor"] * 1.001)')
    with pytest.raises(BuildError) as caught:
        shop.build()
    assert [finding.where for finding in caught.value.findings] == [
        "export toy/move",
        "parity toy/scale",
    ]
    assert "RuntimeError: the toy was told to fail" in caught.value.findings[0].found
    monkeypatch.delenv("TOY_FAILS")
    shop.edit("reference.py", " * 1.001", "")
    forget_toys()
    shop.build()
    assert set(shop.told.ran()) == ALL - {"export toy/scale", "export toy/table.json"}


def test_a_graph_that_triton_would_refuse_is_refused_before_a_task_runs(shop: Shop) -> None:
    shop.edit("family.py", "outputs=(y,), steps", "outputs=(x,), steps")
    with pytest.raises(BuildError) as caught:
        shop.build()
    assert caught.value.findings
    assert shop.told.outcomes == []
    assert not shop.out.exists()


def test_a_graph_that_its_onnx_files_contradict_is_refused_before_it_is_served(shop: Shop) -> None:
    shop.build()
    before = contents(shop.out)
    shop.edit(
        "family.py", 'moved = Tensor("moved", DType.FP32', 'moved = Tensor("moved", DType.FP64'
    )
    forget_toys()
    with pytest.raises(BuildError) as caught:
        shop.build()
    assert any("move" in finding.where for finding in caught.value.findings)
    assert contents(shop.out) == before


def test_an_unknown_task_lists_the_known_ones(shop: Shop) -> None:
    with pytest.raises(ProfileError, match="Did you mean 'export toy/move'"):
        reproduce(shop.profile(), "export toy/mve", cache=shop.cache, checkout=shop.checkout)
    reproduce(shop.profile(), "metric toy/error", cache=shop.cache, checkout=shop.checkout)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("name", "old", "new", "runs"),
    [
        ("exports.py", "ir_version=8", "ir_version=9", {"export toy/scale", "export toy/move"}),
        ("reference.py", "(4, 1, 9)", "(4, 1, 8)", {"parity toy/scale", "parity toy/move"}),
        ("metric.py", "2 * x + 1", "1 + 2 * x", {"metric toy/error"}),
        ("stages/shift.py", "+ shift}", "+ 1.0 * shift}", {"metric toy/error"}),
        ("family.py", '"opset": 17', '"opset": 18', {"export toy/scale", "export toy/move"}),
        ("exports.py", "import json\n", "# A comment.\nimport json\n", set()),
        ("exports.py", '"""From a JSON', '"""Once from a JSON', set()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_only_what_changed_code_makes_is_made_again(
    shop: Shop, name: str, old: str, new: str, runs: set[str]
) -> None:
    shop.build()
    before = read_manifest(shop.out)
    shop.edit(name, old, new)
    forget_toys()
    shop.build()
    ran = shop.told.ran()
    assert runs <= ran.keys()
    # A table comes from the same module as the graphs; a changed file is judged anew.
    follow = {"export toy/table.json"} if "exports.py" in name and runs else set()
    if "ir_version" in new:
        follow |= {"parity toy/scale", "parity toy/move", "metric toy/error"}
    assert ran.keys() - runs == follow & ran.keys()
    if not runs:
        assert read_manifest(shop.out).digest == before.digest


def test_how_a_model_is_served_changes_its_config_and_no_score(shop: Shop) -> None:
    shop.build()
    result = shop.build(models={"scale": {"instances": 2}})
    assert shop.told.ran() == {}
    assert result.built == {"scale"}
    (told,) = [each for each in shop.told.outcomes if each.files and each.name == "model scale"]
    assert told.files == ("scale/config.pbtxt",)
    assert "count: 2" in (shop.out / "scale/config.pbtxt").read_text()


def test_a_parameter_may_change_answers_and_is_measured(shop: Shop) -> None:
    shop.build()
    shop.build(models={"shift": {"parameters": {"FORCE_CPU_ONLY_INPUT_TENSORS": "no"}}})
    assert shop.told.ran() == {"metric toy/error": "file shift/config.pbtxt changed"}


def test_bls_twins_are_built_where_asked_and_removed_again(shop: Shop) -> None:
    shop.build(bls=True)
    assert read_manifest(shop.out).models["toy_bls"]["kind"] == "bls"
    assert shop.plan()["model toy_bls"][0] == "write"
    shop.build()
    assert not (shop.out / "toy_bls").exists()
    assert verify(shop.out) == []


def test_a_file_changed_by_hand_is_built_again(shop: Shop) -> None:
    shop.build()
    config = shop.out / "scale/config.pbtxt"
    content = config.read_text()
    config.write_text(content + "# mine\n")
    assert shop.plan()["model scale"] == ("write", "changed: scale/config.pbtxt")
    assert shop.build().changed
    assert config.read_text() == content
    (shop.out / "move/1/model.onnx").unlink()
    shop.build()
    assert verify(shop.out) == []


def test_a_damaged_manifest_is_built_again(shop: Shop) -> None:
    shop.build()
    (shop.out / "manifest.json").write_text("{")
    assert shop.build().changed
    assert verify(shop.out) == []


def test_a_damaged_cache_entry_is_not_served(shop: Shop) -> None:
    shop.build()
    shutil.rmtree(shop.out)
    for path in (shop.cache.root / "export").glob("*/files/scale"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    shop.build()
    assert shop.told.ran() == {"export toy/scale": "its cached result is gone or damaged"}
    assert verify(shop.out) == []


def test_the_readme_of_the_folder_stays_and_strangers_are_not_deleted(shop: Shop) -> None:
    shop.out.mkdir()
    (shop.out / "README.md").write_text("the output")
    shop.build()
    assert (shop.out / "README.md").read_text() == "the output"
    (shop.out / "README.md").write_text("edited")
    shop.set_weights(factor=2.0, shift=1.125)
    shop.build()
    assert (shop.out / "README.md").read_text() == "edited"
    (shop.out / "notes.txt").write_text("mine")
    shop.set_weights(factor=2.0, shift=1.0)
    with pytest.raises(Exception, match=r"notes\.txt"):
        shop.build()
    assert (shop.out / "notes.txt").read_text() == "mine"


def test_a_plan_says_what_a_build_does_and_does_nothing(shop: Shop, tmp_path: Path) -> None:
    planned = shop.plan()
    assert not shop.out.exists()
    assert not shop.cache.root.exists()
    assert {name for name, (action, _) in planned.items() if action == "build"} == {
        "export toy/scale",
        "export toy/move",
        "export toy/table.json",
    }
    assert planned["parity toy/scale"] == ("depends", "follows export toy/scale")
    assert planned["metric toy/error"][0] == "depends"
    shop.build()
    planned = shop.plan()
    assert {action for action, _ in planned.values()} == {"cached", "keep"}
    assert planned.keys() == ALL | {"model scale", "model move", "model shift", "model toy"}
    shop.set_weights(factor=2.0, shift=1.25)
    assert shop.plan()["export toy/scale"] == ("build", "source weights.json changed")


def test_bytecode_that_a_server_left_is_swept_out(shop: Shop) -> None:
    shop.build()
    (shop.out / "shift/1/__pycache__").mkdir()
    (shop.out / "shift/1/__pycache__/model.cpython-312.pyc").write_bytes(b"")
    assert [finding.rule for finding in verify(shop.out)] == ["bytecode"]
    shop.build()
    assert verify(shop.out) == []
    assert shop.build().changed is False


def test_running_it_in_process_leaves_no_file_behind(shop: Shop) -> None:
    shop.build()
    x = np.array([1, 2], np.float32)
    outputs = InProcess(shop.out).run("toy", {"x": x})
    np.testing.assert_array_equal(outputs["y"], 2 * x + 1)
    assert verify(shop.out) == []


def test_version_control_stays_clean(shop: Shop, tmp_path: Path) -> None:
    ignored = (ROOT / ".gitignore").read_text()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / ".gitignore").write_text(ignored)
    shop.out = tmp_path / "tree" / "model_repository"
    shop.out.mkdir()
    (shop.out / "README.md").write_text("the output")
    git = ["git", "-C", str(tmp_path / "tree"), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "start"]):
        subprocess.run([*git, *command], check=True)
    shop.build()
    shop.set_weights(factor=2.0, shift=1.125)
    shop.build()
    status = subprocess.run(
        [*git, "status", "--porcelain"], check=True, capture_output=True, text=True
    )
    assert status.stdout == ""


def test_nothing_to_do_loads_nothing_heavy(shop: Shop) -> None:
    shop.build()
    code = f"""
import sys
from pathlib import Path
from builders.kit.build.build import build
from builders.kit.tasks.cache import Cache
from builders.kit.checkout import Checkout
from builders.kit.recipe.profile import FamilyOptions, Profile
profile = Profile.model_construct(
    triton="24.10", device="cpu", precision="fp32", hub=False, bls=False, models={{}},
    families={{"toy": FamilyOptions(sources={{"weights": "path:{shop.weights}"}})}},
)
result = build(
    profile, Path("{shop.out}"), cache=Cache(Path("{shop.cache.root.parent}")),
    checkout=Checkout(Path("{shop.root}"), "toykit"),
)
heavy = "numpy onnx onnxruntime torch cv2 transformers google.protobuf tritonclient".split()
print(result.changed, [name for name in heavy if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == "False []\n"


def test_wrong_components_and_models_are_refused_with_a_suggestion(shop: Shop) -> None:
    profile = shop.profile(models={"scael": {"instances": 2}})
    with pytest.raises(ProfileError, match="Did you mean 'scale'"):
        build(profile, shop.out, cache=shop.cache, checkout=shop.checkout)
    profile = shop.profile()
    object.__setattr__(
        profile, "families", {"toy": FamilyOptions(sources={"weight": "path:/nowhere"})}
    )
    with pytest.raises(ProfileError) as caught:
        build(profile, shop.out, cache=shop.cache, checkout=shop.checkout)
    assert "Did you mean 'weights'" in str(caught.value)
    assert "nowhere.json" in str(caught.value)
