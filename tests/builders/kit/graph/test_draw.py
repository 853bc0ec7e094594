import xml.etree.ElementTree as xml
from dataclasses import replace

from builders.kit.graph import Ensemble, OnnxModel, PythonModel, Tensor, as_ensemble, draw
from repository.arrays import DType
from tests.builders.kit.declared import export


def tensor(name: str, optional: bool = False) -> Tensor:
    return Tensor(name, DType.UINT8, {"height": -1, "channel": 3}, optional)


DECODE = PythonModel(name="decode", inputs=(tensor("file"),), outputs=(tensor("page"),), stage="s")
FIND = OnnxModel(
    name="find", inputs=(tensor("page"),), outputs=(tensor("map"),), export=export("find")
)
CUT = PythonModel(
    name="cut", inputs=(tensor("page"), tensor("map")), outputs=(tensor("crops"),), stage="s"
)
PIPELINE = Ensemble(
    name="demo <1>",
    inputs=(tensor("file"), tensor("unused", True)),
    outputs=(tensor("crops"),),
    steps=DECODE >> FIND >> CUT,
)


def test_text_has_every_step_and_tensor_with_its_type() -> None:
    lines = draw.text(PIPELINE).splitlines()
    assert lines[0].startswith("demo <1>: file UINT8[height, channel=3], unused UINT8")
    assert "  2. find (ONNX)" in lines
    assert "       -> map UINT8[height, channel=3]" in lines
    assert sum(line.startswith("       <- page") for line in lines) == 2


def test_mermaid_joins_nodes_by_tensor() -> None:
    lines = draw.mermaid(PIPELINE).splitlines()
    assert lines[0] == "flowchart TD"
    assert '    n1 -- "page" --> n2' in lines
    assert '    n1 -- "page" --> n3' in lines
    assert '    n3 -- "crops" --> n4' in lines


def test_svg_is_well_formed_and_draws_every_box_inside_its_frame() -> None:
    root = xml.fromstring(draw.svg(PIPELINE))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    space = "{http://www.w3.org/2000/svg}"
    boxes = [box.attrib for box in root.iter(f"{space}rect") if "x" in box.attrib]
    assert len(boxes) == 5
    for box in boxes:
        assert 0 <= float(box["x"]) <= width - float(box["width"])
        assert 0 <= float(box["y"]) <= height - float(box["height"])
    words = {text.text for text in root.iter(f"{space}text")}
    assert {"request", "response", "decode", "find", "cut", "page", "map", "crops"} <= words


def test_what_a_stage_calls_is_shown() -> None:
    for count, shown in ((1, "Python, calls find"), (3, "Python, calls 3 models")):
        calls = tuple(replace(FIND, name="find" * (i + 1)) for i in range(count))
        drawn = as_ensemble(replace(CUT, calls=calls))
        assert f"       calls {', '.join(each.name for each in calls)}" in draw.text(drawn)
        assert f"calls {' and '.join(each.name for each in calls)}</i>" in draw.mermaid(drawn)
        assert f">{shown}</text>" in draw.svg(drawn)
