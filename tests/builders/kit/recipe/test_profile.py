"""Profiles: what is right is read, every mistake is refused at once with its place and remedy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.kit.checkout import Checkout
from builders.kit.recipe import profile as profile_module
from builders.kit.recipe.profile import (
    BatchingOptions,
    FamilyOptions,
    ModelOptions,
    Profile,
    ProfileError,
    load_profile,
    profiles,
)
from repository.findings import Finding

FAMILIES = ("asr", "decoder", "embed", "ocr", "vision")
FAMILIES_OF_THE_DEMO = ["asr", "ocr", "vision", "embed", "decoder"]


@pytest.fixture(autouse=True)
def families(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout with these families, whatever this one has."""
    folder = tmp_path_factory.mktemp("builders")
    for name in FAMILIES:
        (folder / name).mkdir()
        (folder / name / "family.py").write_text("")
    monkeypatch.setattr(profile_module, "BUILDERS", folder)
    monkeypatch.setattr(Checkout, "families", FAMILIES)


def read(tmp_path: Path, text: str) -> Profile:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return load_profile(path)


def refusals(tmp_path: Path, text: str) -> list[Finding]:
    with pytest.raises(ProfileError) as caught:
        read(tmp_path, text)
    return caught.value.findings


def test_every_default_is_filled_in(tmp_path: Path) -> None:
    profile = read(tmp_path, 'triton: "24.10"\nfamilies: {ocr: }\n')
    assert profile.model_dump() == {
        "triton": "24.10",
        "device": "cpu",
        "precision": "fp32",
        "families": {"ocr": {"code": None, "sources": {}, "bounds": {}}},
        "hub": False,
        "bls": False,
        "fuse": False,
        "models": {},
    }


def test_a_release_needs_no_quotes_and_parameters_keep_their_text(tmp_path: Path) -> None:
    profile = read(
        tmp_path,
        "triton: 24.10\nfamilies: {ocr: }\n"
        "models: {detect: {instances: 2, parameters: {a: 1, b: true, c: 0.10, d: no}}}\n",
    )
    assert profile.triton == "24.10"
    detect = profile.models["detect"]
    assert detect.parameters == {"a": "1", "b": "true", "c": "0.10", "d": "no"}
    assert detect.instances is not None
    assert detect.instances.count == 2


@pytest.mark.parametrize("value", ["many", "2.5", "'2'"])
def test_what_is_short_for_a_count_is_refused_as_a_count(tmp_path: Path, value: str) -> None:
    (finding,) = refusals(
        tmp_path,
        f"triton: 24.10\nfamilies: {{ocr: }}\nmodels: {{detect: {{instances: {value}}}}}\n",
    )
    assert finding.where == "mine.yaml, line 3, models.detect.instances.count"
    assert finding.expected == "a whole number"


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    findings = refusals(
        tmp_path,
        "triton: 24.1\n"
        "devise: cpu\n"
        "precision: fp16\n"
        "families:\n"
        "  ocrr:\n"
        "hub: perhaps\n"
        "models:\n"
        "  detect:\n"
        "    instance: 2\n"
        "    queue:\n"
        "      max_sise: 3\n"
        "      timeout_action: REJCT\n"
        "  crop: {instances: 0}\n",
    )
    told = {finding.where: finding for finding in findings}
    assert set(told) == {
        "mine.yaml, line 1, triton",
        "mine.yaml, line 2, devise",
        "mine.yaml, line 3, precision",
        "mine.yaml, line 4, families",
        "mine.yaml, line 6, hub",
        "mine.yaml, line 9, models.detect.instance",
        "mine.yaml, line 11, models.detect.queue.max_sise",
        "mine.yaml, line 12, models.detect.queue.timeout_action",
        "mine.yaml, line 13, models.crop.instances.count",
    }
    assert told["mine.yaml, line 1, triton"].remedy == "Did you mean '24.10'?"
    assert told["mine.yaml, line 2, devise"].remedy == "Did you mean 'device'?"
    assert "fp32, the one precision" in told["mine.yaml, line 3, precision"].expected
    assert told["mine.yaml, line 4, families"].remedy == "Did you mean 'ocr'?"
    assert told["mine.yaml, line 9, models.detect.instance"].remedy == "Did you mean 'instances'?"
    assert (
        told["mine.yaml, line 11, models.detect.queue.max_sise"].remedy
        == "Did you mean 'max_size'?"
    )
    assert (
        told["mine.yaml, line 12, models.detect.queue.timeout_action"].remedy
        == "Did you mean 'REJECT'?"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing"),
        ("- a\n", "a list"),
        ("triton: [\n", "YAML"),
        ("triton: 24.10\nfamilies: {ocr: }\ntriton: 24.10\n", "line 1 too"),
        ("triton: 24.10\nfamilies: {}\n", "at least 1 of them"),
        ("triton: 24.10\n", "expected a value"),
        ("a: &a [*a]\n", "a"),
        ("a: !!python/object/apply:os.system [true]\n", "YAML"),
        ("triton: 24.10\nfamilies: {../ocr: }\n", "names of families"),
        ("a: " + "[" * 5000, "levels"),
        ("a: \0\n", "YAML"),
        ("x" * (1 << 21), "at most"),
        (
            "a: &a0 [x, x]\nb:\n" + "".join(f"- &a{n + 1} [*a{n}, *a{n}]\n" for n in range(40)),
            "10,0",
        ),
        ("triton: 24.10\nfamilies: {ocr: }\nhub: !!bool 'zz'\n", "line 3"),
        ("triton: 24.10\nfamilies: {ocr: }\nhub: !!timestamp x\n", "without tags"),
        ("triton: 24.10\nfamilies: {ocr: }\nmodels: {<<: {}}\n", "merge key"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_profile_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in str(finding) for finding in refusals(tmp_path, text))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80) | st.text("{}[]:,&*!-| \n\"'#%@az019", max_size=60))
def test_any_bytes_are_a_profile_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | str
) -> None:
    path = tmp_path_factory.mktemp("any") / "p.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    assert caught.value.findings


KEYS = (
    *Profile.model_fields,
    *FamilyOptions.model_fields,
    *ModelOptions.model_fields,
    *BatchingOptions.model_fields,
    *("ocr", "asr", "a", "", "\0", "\x1b[1m", "<<"),
)
VALUES = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=4)
    | st.sampled_from(["24.10", "fp32", "cpu", "nan", "1e999", "path:x"])
)  # fmt: skip
anything = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.fixed_dictionaries(
        {"triton": st.just("24.10") | anything, "families": st.just({"ocr": None}) | anything},
        optional=dict.fromkeys(("device", "precision", "hub", "bls", "models"), anything),
    )
)
def test_any_values_are_a_profile_or_a_refusal(tmp_path: Path, content: dict[str, Any]) -> None:
    try:
        read(tmp_path, json.dumps(content))
    except ProfileError as error:
        assert error.findings
        assert str(error).replace("\n", "").isprintable()


def test_mistakes_without_number_are_not_all_told(tmp_path: Path) -> None:
    head = "triton: 24.10\nfamilies: {ocr: }\n"
    findings = refusals(tmp_path, head + "".join(f"k{n}: 1\n" for n in range(5000)))
    assert len(findings) == 101
    assert findings[-1].found == "5,000"
    again = refusals(tmp_path, head + "triton: 24.10\n" * 5000)
    assert len(again) == 100


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path, said in (
        (tmp_path, "a folder"),
        (tmp_path / "pipe.yaml", "a pipe"),
        (Path("/dev/zero"), "a device"),
        (Path("/proc/self/mem"), "Input/output error"),
        (tmp_path / "none.yaml", "found none"),
        (tmp_path / ("x" * 5000 + ".yaml"), "File name too long"),
        (tmp_path / "a\0b.yaml", "no file can have"),
        (tmp_path / "a\ud800b.yaml", "no file can have"),
    ):
        with pytest.raises(ProfileError, match=said) as caught:
            load_profile(path)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 400


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("triton: 24.10")
    path.chmod(0)
    if os.geteuid() != 0:
        with pytest.raises(ProfileError, match="Permission denied"):
            load_profile(path)
        return
    code = (
        "import os\n"
        "from repository.files.bounded_file import Unreadable, read_bounded\n"
        "from pathlib import Path\n"
        "os.setgid(65534), os.setuid(65534)\n"
        "try: read_bounded(Path('mine.yaml'), 9)\n"
        "except Unreadable as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(profile_module.__file__).parents[3])},
    )
    assert "Permission denied" in done.stdout, done.stderr


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ProfileError, match="Did you mean 'demo'"):
        load_profile("demp")
    with pytest.raises(ProfileError, match="found none"):
        load_profile("no/such/file.yaml")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "a\ud800", "~nobody-of-that-name/p.yaml", ""])
def test_any_name_that_no_profile_has_is_a_sentence(name: str) -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_every_shipped_profile_is_valid() -> None:
    assert "demo" in profiles()
    for name in profiles():
        assert load_profile(name).families


def test_the_demo_profile_is_offline_and_on_a_cpu() -> None:
    demo = load_profile("demo")
    assert (demo.hub, demo.device, list(demo.families)) == (False, "cpu", FAMILIES_OF_THE_DEMO)


def test_a_bound_is_a_number_from_zero_on(tmp_path: Path) -> None:
    head = 'triton: "24.10"\nfamilies:\n  ocr:\n    bounds: '
    for written, number in (("0.3", 0.3), ("1", 1.0), ("5e-2", 0.05)):
        profile = read(tmp_path, f"{head}{{error_rate: {written}}}\n")
        assert profile.families["ocr"].bounds == {"error_rate": number}
    for wrong in ("-0.1", "much", "nan", ".inf", "[1]", "inf"):
        (found,) = refusals(tmp_path, f"{head}{{error_rate: {wrong}}}\n")
        assert "bounds.error_rate" in found.where
