"""Files that cannot be served are refused by a plan: with place, reason and remedy."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.numpy
from onnx import ModelProto, TensorProto, helper

from builders.kit.recipe.profile import ProfileError
from builders.onnx.examples.made_up import made_up
from builders.onnx.file.reading import read_file
from repository.onnx.content import OnnxError
from tests.builders.onnx.files import (
    FLOAT,
    INT64,
    Axes,
    Bench,
    external,
    graph,
    model,
    scorer,
    value,
    weights,
)

SOURCE = "mine.yaml, line 7, families.onnx.models.scorer.source"


def only(bench: Bench, source: str, **options: object) -> str:
    """The one sentence that a plan refuses a model with, without its place."""
    (finding,) = bench.refusals({"scorer": {"source": f"path:{source}", **options}})
    return str(finding).partition(f"{finding.where}")[2]


def one(
    operator: str,
    axes: Axes = ("N", 2),
    answer: Axes = ("N", 2),
    type: int = FLOAT,
    domain: str = "",
    **names: str,
) -> ModelProto:
    """A graph of one node."""
    x, y = names.get("x", "x"), names.get("y", "y")
    return model(
        graph(
            [helper.make_node(operator, [x], [y], domain=domain)],
            [value(x, type, axes)],
            [value(y, type, answer)],
        ),
        domains={domain: 1} if domain else None,
    )


def zipped() -> ModelProto:
    """A classifier as skl2onnx writes it where nobody said otherwise."""
    entry = helper.make_map_type_proto(INT64, helper.make_tensor_type_proto(FLOAT, []))
    return model(
        graph(
            [
                helper.make_node(
                    "LinearClassifier",
                    ["x"],
                    ["label", "p"],
                    domain="ai.onnx.ml",
                    coefficients=[1.0, 2.0],
                    intercepts=[0.0],
                    classlabels_ints=[0, 1],
                ),
                helper.make_node(
                    "ZipMap", ["p"], ["z"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]
                ),
            ],
            [value("x", FLOAT, ["N", 2])],
            [
                value("label", INT64, ["N"]),
                helper.make_value_info("z", helper.make_sequence_type_proto(entry)),
            ],
        ),
        domains={"ai.onnx.ml": 3},
    )


def no_inputs() -> ModelProto:
    constant = helper.make_node("Constant", [], ["y"], value_floats=[1.0])
    return model(graph([constant], [], [value("y", FLOAT, [1])]))


def no_outputs() -> ModelProto:
    return model(graph([helper.make_node("Neg", ["x"], ["y"])], [value("x", FLOAT, [2])], []))


def calls_itself() -> ModelProto:
    made = one("F", domain="own")
    again = helper.make_node("F", ["a"], ["b"], domain="own")
    made.functions.append(
        helper.make_function("own", "F", ["a"], ["b"], [again], [helper.make_opsetid("own", 1)])
    )
    return made


def in_a_branch_of_a_function(operator: str, domain: str = "") -> ModelProto:
    made = one("F", domain="own")
    then, other = (
        helper.make_graph(
            [helper.make_node(name, ["a"], ["c"], domain=of)],
            name,
            [],
            [value("c", FLOAT, None)],
        )
        for name, of in ((operator, domain), ("Neg", ""))
    )
    nodes = [
        helper.make_node(
            "Constant", [], ["yes"], value=helper.make_tensor("", TensorProto.BOOL, [], [True])
        ),
        helper.make_node("If", ["yes"], ["b"], then_branch=then, else_branch=other),
    ]
    imported = [helper.make_opsetid("", 17), helper.make_opsetid("acme", 1)]
    made.functions.append(helper.make_function("own", "F", ["a"], ["b"], nodes, imported))
    return made


def input_again() -> ModelProto:
    made = one("Neg")
    made.graph.output.append(made.graph.input[0])
    return made


GRAPHS: dict[str, tuple[Callable[[], ModelProto], str, str]] = {
    "a newer opset": (
        lambda: scorer(opset=23),
        "opset 21 at most, as Triton 24.10 has ONNX Runtime 1.19.2, found opset 23",
        'or write triton: "25.08" or newer',
    ),
    "an opset before all": (lambda: scorer(opset=6), "found opset 6", "Convert it"),
    "a newer file format": (
        lambda: scorer(ir=99),
        "found IR version 99",
        "Export it with IR version 10",
    ),
    "an axis of size 0": (
        lambda: one("Neg", answer=[None, None], axes=["N", 0]),
        "axis 1 of size 0 in [-1, 0]",
        "Export it with that axis dynamic",
    ),
    "no outputs": (no_outputs, "no graph with an output", "export it again"),
    "no inputs": (no_inputs, "expected inputs, found none", "Export it"),
    "maps": (zipped, "found sequence, as ZipMap makes", "options={'zipmap': False}"),
    "an operator of one's own": (
        lambda: one("Frob", domain="acme"),
        "found custom ones: acme.Frob",
        "Name the library that has them",
    ),
    "an operator of one's own in a function's branch": (
        lambda: in_a_branch_of_a_function("Frob", "acme"),
        "found custom ones: acme.Frob",
        "Name the library that has them",
    ),
    "a random operator in a function's branch": (
        lambda: in_a_branch_of_a_function("RandomUniformLike"),
        "random numbers: RandomUniformLike",
        "Give each a seed",
    ),
    "an operator of a later ONNX Runtime": (
        lambda: one("PagedAttention", domain="com.microsoft"),
        "of ONNX Runtime 1.19.2, as in Triton 24.10, found 'com.microsoft.PagedAttention'",
        'Write triton: "25.08" or newer',
    ),
    "no such operator": (lambda: one("Frob"), "found 'Frob', which it has not", "Export it again"),
    "a type that numpy has not": (
        lambda: one("Neg", type=TensorProto.BFLOAT16, answer=["N", 2]),
        "found bfloat16",
        "Cast the input to float",
    ),
    "an unprintable name": (
        lambda: one("Neg", x="a\nb"),
        "a name for each input that can be printed, found 'a\\nb'",
        "Name the input",
    ),
    "an empty name": (lambda: one("Neg", y=" "), "can be printed, found none", "Name the output"),
    "no shape": (
        lambda: one("Neg", axes=None, answer=None),
        "an input with a declared number of axes, found no shape",
        "Declare the input's shape",
    ),
    "an input for an output": (input_again, "found 2 of one name", "Put an Identity between them"),
    "an output of another size than is declared": (
        lambda: one("Neg", answer=["N", 3]),
        "the shape that the graph computes, [N, 2], found: [N, 3] declared",
        "Correct the output's shape",
    ),
    "an output of other axes than are declared": (
        lambda: one("Neg", answer=["N"]),
        "the shape that the graph computes, [N, 2], found: [N] declared",
        "Correct the output's shape",
    ),
    "a function that calls itself": (calls_itself, "must not be recursive", "Mend the graph"),
    "random numbers": (
        lambda: one("RandomNormalLike"),
        "draw random numbers: RandomNormalLike",
        "Give each a seed",
    ),
    "a graph that is none": (
        lambda: one("Add"),
        "found: [ONNXRuntimeError]",
        "Mend the graph",
    ),
}


@pytest.mark.parametrize("kind", GRAPHS)
def test_a_graph_that_cannot_be_served_is_refused(bench: Bench, kind: str) -> None:
    make, said, remedy = GRAPHS[kind]
    bench.save("scorer.onnx", make())
    findings = bench.refusals({"scorer": {"source": "path:scorer.onnx"}})
    assert {finding.where for finding in findings} == {SOURCE}
    assert said in str(findings[0]).replace("found [", "found: [")
    assert remedy in findings[0].remedy or remedy in findings[0].found


TORCH = b"PK\x03\x04" + bytes(26) + b"scorer/data.pkl"
OTHERS = {
    "scorer.pt": (TORCH, "a PyTorch file, a pickle", "torch.onnx.export"),
    "scorer.onnx": (TORCH, "a PyTorch file, a pickle", "torch.onnx.export"),
    "pytorch_model.bin": (b"abc", "a PyTorch file, a pickle", "torch.onnx.export"),
    "forest.pkl": (pickle.dumps({}), "a pickle", "skl2onnx for scikit-learn"),
    "forest.onnx": (pickle.dumps({}), "a pickle", "skl2onnx for scikit-learn"),
    "forest.joblib": (b"x", "a pickle", "skl2onnx for scikit-learn"),
    "w.safetensors": (
        safetensors.numpy.save({"a": weights(0, 2)}),
        "weights without the graph",
        "Export the model to ONNX",
    ),
    "w.onnx": (
        safetensors.numpy.save({"a": weights(0, 2)}),
        "weights without the graph",
        "Export the model to ONNX",
    ),
    "net.h5": (b"\x89HDF\r\n", "a Keras file", "tf2onnx"),
    "net.tflite": (b"x", "a TensorFlow Lite model", "tf2onnx"),
    "net.plan": (b"x", "a TensorRT plan", "Name the ONNX file"),
    "pointer.onnx": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "a Git LFS pointer",
        "git lfs pull",
    ),
    "empty.onnx": (b"", "the file is empty", "export it again"),
    "cut.onnx": (scorer().SerializeToString()[:200], "the file is cut off", "export it again"),
    "page.onnx": (b"\n<!DOCTYPE html><html>", "a web page", "from its address for downloads"),
    "packed.onnx": (
        b"PK\x03\x04" + bytes(26) + b"model.onnx",
        "a compressed archive",
        "name the ONNX file",
    ),
    "text.onnx": (b"hello, world", "found another file", "export it again"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_onnx_is_refused_with_what_to_do_instead(bench: Bench, name: str) -> None:
    content, found, remedy = OTHERS[name]
    bench.save(name, content)
    told = only(bench, name)
    assert found in told
    assert remedy in told


def test_a_newer_version_of_another_domain_is_refused(bench: Bench) -> None:
    made = zipped()
    made.opset_import[1].version = 5
    bench.save("scorer.onnx", made)
    told = bench.refusals({"scorer": {"source": "path:scorer.onnx"}}, triton="24.04")
    assert "version 4 of ai.onnx.ml at most, as Triton 24.04" in str(told[0])


def test_data_beside_the_file_has_to_be_there(bench: Bench) -> None:
    external(scorer(), bench.folder, "scorer.onnx")
    external(scorer(), bench.folder, "other.onnx", location="weights.onnx")
    assert "found 'weights.onnx', which is taken for a model" in only(bench, "other.onnx")
    data = bench.folder / "scorer.onnx.data"
    data.write_bytes(data.read_bytes()[:50])
    assert "found a file of 50 bytes. Fetch or save the model" in only(bench, "scorer.onnx")
    data.unlink()
    assert "in 'scorer.onnx.data' beside it, found no such file" in only(bench, "scorer.onnx")
    data.symlink_to("/etc/passwd")
    assert "ads out of it. Copy the folder" in only(bench, "scorer.onnx")


def test_inputs_that_do_not_fit_in_memory_are_not_made(bench: Bench) -> None:
    bench.save("scorer.onnx", one("Neg", axes=(10**5, 10**6), answer=(10**5, 10**6)))
    with pytest.raises(OnnxError, match=r"found: inputs of more than .* elements.*inputs: \["):
        made_up(read_file(bench.folder / "scorer.onnx"), {})


UNBATCHED: dict[str, tuple[Callable[[], ModelProto], str]] = {
    "a fixed first axis": (lambda: scorer(1, 1), "tensor 'x': expected a dynamic first axis"),
    "an output of fixed rows": (lambda: scorer("N", 4), "tensor 'y': expected a dynamic first"),
    "a scalar": (
        lambda: model(
            graph(
                [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)],
                [value("x", FLOAT, ["N", 2])],
                [value("y", FLOAT, [])],
            )
        ),
        "tensor 'y': expected a batch axis",
    ),
    "rows that are not the batch's": (
        lambda: model(
            graph(
                [helper.make_node("Concat", ["x", "x"], ["y"], axis=0)],
                [value("x", FLOAT, ["N", 2])],
                [value("y", FLOAT, ["M", 2])],
            )
        ),
        "tensor 'y': expected one row for each row of the batch",
    ),
    "an optional input": (
        lambda: model(
            graph(
                [helper.make_node("Mul", ["x", "k"], ["y"])],
                [value("x", FLOAT, ["N", 2]), value("k", FLOAT, [1])],
                [value("y", FLOAT, ["N", 2])],
                {"k": weights(0, 1)},
            )
        ),
        "tensor 'k': expected",
    ),
}


@pytest.mark.parametrize("kind", UNBATCHED)
def test_batching_is_refused_where_a_tensor_forbids_it(bench: Bench, kind: str) -> None:
    make, said = UNBATCHED[kind]
    bench.save("scorer.onnx", make())
    options = {"optional_inputs": ["k"]} if kind == "an optional input" else {}
    findings = bench.refusals(
        {"scorer": {"source": "path:scorer.onnx", "max_batch_size": 8, **options}}
    )
    assert said in " ".join(map(str, findings))
    for finding in findings:
        assert finding.where == "mine.yaml, line 8, families.onnx.models.scorer.max_batch_size"
        assert finding.remedy.startswith("Leave out max_batch_size")
    bench.plan({"scorer": {"source": "path:scorer.onnx"}})


def test_all_that_is_wrong_is_told_at_once(bench: Bench) -> None:
    bench.save("scorer.onnx", scorer())
    bench.save("fixed.onnx", scorer(1, 1))
    bench.save("model.pt", TORCH)
    findings = bench.refusals(
        {
            "gone": {"source": "path:gone.onnx"},
            "torch": {"source": "path:model.pt"},
            "fixed": {"source": "path:fixed.onnx", "max_batch_size": 2},
            "optional": {"source": "path:scorer.onnx", "optional_inputs": ["z"]},
        }
    )
    assert [finding.where.rpartition("models.")[2] for finding in findings] == [
        "gone.source",
        "torch.source",
        "fixed.max_batch_size",
        "fixed.max_batch_size",
        "optional.optional_inputs",
    ]


def test_options_are_held_to_what_there_is(bench: Bench) -> None:
    bench.save("scorer.onnx", scorer())
    source = "path:scorer.onnx"
    with pytest.raises(ProfileError) as caught:
        bench.plan(
            {
                "a b": {"source": source},
                "one": {"sourse": source},
                "two": {"source": source, "batching": {"enabled": True}},
                "three": {"source": source, "metric": "path:score.py:f"},
                "four": {"source": source, "dynamic_batching": True},
                "five": {"source": source, "max_batch_size": 2**31},
                "six": {"source": source, "queue": {"max_size": 2**32}},
            }
        )
    told = {finding.where.partition("onnx.models")[2]: finding for finding in caught.value.findings}
    assert told[".one.sourse"].remedy == "Did you mean 'source'?"
    assert told[".two.batching"].remedy == "Did you mean 'dynamic_batching'?"
    assert "a bound for the metric" in told[".three"].expected
    assert "max_batch_size" in told[".four"].expected
    beyond = {".five.max_batch_size", ".six.queue.max_size"}
    assert {told[each].expected for each in beyond} == {"at most 2147483647"}
    assert told.keys() == {
        ".one.source",
        ".one.sourse",
        ".two.batching",
        ".three",
        ".four",
        *beyond,
    }
    with pytest.raises(ProfileError, match=r"names of models of at most 200 letters.*found 'a b'"):
        bench.plan({"a b": {"source": source}})
    with pytest.raises(ProfileError, match="at most 200 letters"):
        bench.plan({"a" * 201: {"source": source}})


def test_a_family_twice_in_a_profile_is_refused(bench: Bench) -> None:
    bench.save("scorer.onnx", scorer())
    from builders.kit.recipe.profile import load_profile

    entry = "  onnx: {models: {scorer: {source: 'path:scorer.onnx'}}}\n"
    path = Path("twice.yaml")
    path.write_text(f"triton: 24.10\nfamilies:\n{entry}{entry}")
    with pytest.raises(ProfileError, match=r"line 4, families\.onnx: expected each key once"):
        load_profile(path)


def test_a_library_of_operators_has_to_be_one(bench: Bench) -> None:
    bench.save("scorer.onnx", one("Frob", domain="acme"))
    bench.save("frob.so", b"no library")
    library = f"path:{bench.folder / 'frob.so'}"
    told = only(bench, "scorer.onnx", operators=library)
    assert "expected a library of operators that onnxruntime" in told
    assert "frob.so: file too short. Build it for that" in told
    assert "a path that begins with '/'" in " ".join(
        map(
            str,
            bench.refusals({"scorer": {"source": "path:scorer.onnx", "operators": "path:frob.so"}}),
        )
    )
    told = only(bench, "scorer.onnx", operators="path:/nowhere/frob.so")
    assert "/nowhere/frob.so: expected a file, found none" in told


def test_a_checkpoint_without_onnx_is_refused_with_who_may_take_it(bench: Bench) -> None:
    folder = bench.folder / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(safetensors.numpy.save({"a": weights(0, 2)}))
    told = only(bench, "checkpoint")
    assert "expected a folder with an ONNX file, found none. Export the checkpoint" in told
    assert "the command wrap says which" in told
