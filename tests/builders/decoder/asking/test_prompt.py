"""Prompts: transformers' own tokens, and no control token that a user wrote."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.exports.settings import as_json, make_template
from builders.decoder.stages.asking.messages import Image, Message, Part, Text
from builders.decoder.stages.asking.prompt import Prompts
from builders.decoder.stages.asking.request import Ask
from builders.decoder.stages.templating.template import BrokenTemplate
from builders.kit.invalid_argument import InvalidArgument
from builders.kit.sources.error import SourceError
from tests.builders.decoder.conftest import DEMO
from tests.builders.decoder.templates import ALL, QWEN_VL, SPECIAL
from tests.builders.decoder.tokenizers_made import MADE
from tests.builders.decoder.tokenizers_made import SPECIAL as TOKENS

IMAGE = "<image>"
TOKENIZERS = {name: make() for name, make in MADE.items()}

named = pytest.mark.parametrize("name", [*MADE])


def prompts(folder: Path, tokenizer: Tokenizer, template: str | None = QWEN_VL) -> Prompts:
    folder.mkdir(exist_ok=True)
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)
    settings = {
        "special": SPECIAL,
        "image_token": tokenizer.token_to_id(IMAGE),
        "image_text": IMAGE,
    }
    return Prompts(folder, settings, tokenizer)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Prompts]:
    """tokenizer and template -> what makes prompts"""
    folder = tmp_path_factory.mktemp("prompts")
    return {
        (name, template): prompts(folder / f"{name}_{template}", tokenizer, ALL[template])
        for name, tokenizer in TOKENIZERS.items()
        for template in ("chatml", "qwen_vl", "qwen_3", "llava", "mistral")
    }


def number(tokenizer: Tokenizer, text: str) -> int:
    found = tokenizer.token_to_id(text)
    assert found is not None
    return found


def ids(made: Prompts, *messages: Message) -> list[int]:
    found: list[int] = made.draft(Ask(messages=messages)).ids.tolist()
    return found


def transformers_ids(
    tokenizer: Tokenizer,
    template: str,
    messages: list[dict[str, Any]],
    special: dict[str, str] = SPECIAL,
) -> Any:
    from transformers import PreTrainedTokenizerFast

    loaded = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    return loaded.apply_chat_template(
        messages, chat_template=template, add_generation_prompt=True, return_dict=False
    )


ORDINARY = st.lists(
    st.sampled_from([*"ab <|>\n/[]é中😀", "   ", "Hello", " world", "</"]), max_size=10
)
WRITTEN = st.lists(
    st.sampled_from(
        [*TOKENS, "<think>", "</think>", *"<|>_ \n", "<|im", "_end|>", "ima", "ge>", "im_start"]
    ),
    max_size=8,
)


@pytest.mark.sampled(4)
@named
@pytest.mark.parametrize("template", ["chatml", "qwen_vl", "qwen_3", "mistral"])
@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(ORDINARY.map("".join), min_size=3, max_size=3))
def test_ordinary_texts_have_the_tokens_of_transformers(
    made: dict[tuple[str, str], Prompts], name: str, template: str, pieces: list[str]
) -> None:
    roles = ("user", "assistant", "user")
    messages = [{"role": role, "content": text} for role, text in zip(roles, pieces, strict=True)]
    expected = transformers_ids(TOKENIZERS[name], ALL[template], messages)
    found = ids(
        made[name, template], *(Message(each["role"], each["content"]) for each in messages)
    )
    assert found == expected


@pytest.mark.sampled(4)
@named
@pytest.mark.parametrize("template", ["chatml", "qwen_vl", "llava"])
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(WRITTEN.map("".join), min_size=2, max_size=4), image=st.booleans())
def test_users_write_no_control_token(
    made: dict[tuple[str, str], Prompts],
    name: str,
    template: str,
    texts: list[str],
    image: bool,
) -> None:
    prompt, tokenizer = made[name, template], TOKENIZERS[name]
    control = {number(tokenizer, each) for each in TOKENS}

    def controls(parts: list[str]) -> Counter[int]:
        content: list[Part] = [Text(part) for part in parts]
        if image:
            content.insert(1, Image())
        chat = Message("system", parts[0]), Message("user", tuple(content))
        ask = Ask(messages=chat, image_files=(b"one",) * image)
        found = prompt.draft(ask).ids.tolist()
        return Counter(each for each in found if each in control)

    assert controls(texts) == controls(["a"] * len(texts))


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(WRITTEN.map("".join), min_size=1, max_size=3))
def test_what_users_write_is_all_there(
    made: dict[tuple[str, str], Prompts], texts: list[str]
) -> None:
    tokenizer = TOKENIZERS["byte_level"]
    parts = tuple(map(Text, texts))
    found = ids(made["byte_level", "qwen_vl"], Message("user", parts))
    shown = tokenizer.decode(found, skip_special_tokens=False)
    assert f"<|im_start|>user\n{''.join(texts)}<|im_end|>" in shown


def test_the_demo_has_the_tokens_of_transformers(tmp_path: Path) -> None:
    template = tmp_path / "chat_template.jinja"
    make_template(DEMO, template)
    settings = dict(as_json(read_decoder(DEMO)))
    tokenizer = Tokenizer.from_file(str(DEMO / "tokenizer.json"))
    made = Prompts(tmp_path, settings, tokenizer)
    question = "How many red circles are there?"
    chat = (Message("user", (Image(), Text(question))),)
    draft = made.draft(Ask(messages=chat, image_files=(b"one",)))
    content = [{"type": "image"}, {"type": "text", "text": question}]
    expected = transformers_ids(
        tokenizer,
        template.read_text(),
        [{"role": "user", "content": content}],
        {"bos_token": "<s>", "eos_token": "<|end|>", "pad_token": "<pad>"},
    )
    assert draft.ids.tolist() == expected
    assert len(draft.filled([64]).ids) == len(expected) + 63


@named
def test_a_users_token_is_its_letters(made: dict[tuple[str, str], Prompts], name: str) -> None:
    tokenizer = TOKENIZERS[name]
    end = number(tokenizer, "<|im_end|>")
    found = ids(made[name, "chatml"], Message("user", "the <|im_end|> red"))
    around = ids(made[name, "chatml"], Message("user", "the red"))
    assert found.count(end) == around.count(end) == 2
    assert len(found) > len(around) + 5


def test_an_assistants_thoughts_stay_tokens(made: dict[tuple[str, str], Prompts]) -> None:
    tokenizer = TOKENIZERS["byte_level"]
    think = number(tokenizer, "<think>")
    chat = [Message("user", "a"), Message("assistant", "<think>b"), Message("user", "c")]
    assert ids(made["byte_level", "qwen_3"], *chat).count(think) == 1
    chat[0] = Message("user", "<think>a")
    assert ids(made["byte_level", "qwen_3"], *chat).count(think) == 1


def test_templates_see_what_they_look_for(made: dict[tuple[str, str], Prompts]) -> None:
    """Qwen 3's leaves out what was thought before."""
    tokenizer = TOKENIZERS["byte_level"]
    chat = [
        Message("user", "a"),
        Message("assistant", "<think>\nsecret\n</think>\n\nb"),
        Message("user", "c"),
    ]
    shown = tokenizer.decode(ids(made["byte_level", "qwen_3"], *chat))
    assert "secret" not in shown


@named
def test_a_text_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    tokenizer = MADE[name]()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=64)
    made = prompts(tmp_path, tokenizer, None)
    text = "Hello <|im_end|> <image> the red circle"
    draft = made.draft(Ask(text=text, image_files=(b"one",)))
    plain = TOKENIZERS[name].encode(text).ids
    assert draft.ids.dtype == np.int64 and draft.ids.tolist() == plain
    assert draft.places.tolist() == [plain.index(number(tokenizer, IMAGE))]


def test_the_tokenizer_adds_a_beginning_to_a_text_alone(tmp_path: Path) -> None:
    from tokenizers import processors

    tokenizer = MADE["byte_level"]()
    begin = number(tokenizer, "<s>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", begin)]
    )
    made = prompts(tmp_path, tokenizer)
    assert made.draft(Ask(text="a")).ids[0] == begin
    for content in ("a", "a <s>"):
        found = ids(made, Message("user", content))
        assert begin not in found and tokenizer.encode(content).ids[0] == begin


def test_rows_stand_in_the_images_places(made: dict[tuple[str, str], Prompts]) -> None:
    tokenizer = TOKENIZERS["byte_level"]
    content = (Image(), Text("<image> and"), Image())
    ask = Ask(messages=(Message("user", content),), image_files=(b"one", b"two"))
    draft = made["byte_level", "qwen_vl"].draft(ask)
    assert len(draft.places) == 2
    prompt = draft.filled([3, 1])
    image = number(tokenizer, IMAGE)
    assert prompt.ids.dtype == np.int64
    assert (prompt.ids == image).nonzero()[0].tolist() == [
        *range(prompt.places[0], prompt.places[0] + 3),
        prompt.places[1],
    ]
    assert len(prompt.ids) == len(draft.ids) + 2
    rest = prompt.ids[prompt.ids != image]
    assert rest.tolist() == draft.ids[draft.ids != image].tolist()
    with pytest.raises(InvalidArgument, match=r"each of the 2 places for images .* found 1"):
        draft.filled([4])


@pytest.mark.parametrize(
    ("text", "given", "told"),
    [
        ("a <image>", {}, "the 1 places .* found none"),
        ("a", {"image_files": (b"one",)}, "the 0 places .* found 1"),
        ("<image> <image>", {"image_files": (b"one",)}, "the 2 places .* found 1"),
        ("<image>", {"image_tokens": (1, 2)}, "the 1 places .* found 2"),
    ],
)
def test_a_text_has_a_place_for_each_image(
    made: dict[tuple[str, str], Prompts], text: str, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidArgument, match=told):
        made["byte_level", "qwen_vl"].draft(Ask(text=text, **given))


def test_a_texts_places_say_how_many_images_the_rows_are(
    made: dict[tuple[str, str], Prompts],
) -> None:
    ask = Ask(text="<image> <image>", image_rows=np.zeros((4, 2), np.float32))
    assert len(made["byte_level", "qwen_vl"].draft(ask).places) == 2


def test_a_text_without_images_has_no_places() -> None:
    tokenizer = MADE["byte_level"]()
    made = Prompts(Path("/nothing"), {"image_token": None, "image_text": None}, tokenizer)
    draft = made.draft(Ask(text="<image>"))
    assert draft.places.tolist() == []
    assert draft.filled([]).ids.tolist() == draft.ids.tolist()
    with pytest.raises(InvalidArgument, match="each of the 0 places for images"):
        draft.filled([4])


def test_messages_need_a_template(tmp_path: Path) -> None:
    made = prompts(tmp_path, MADE["byte_level"](), None)
    with pytest.raises(InvalidArgument, match="no chat template; give the prompt in text_input"):
        ids(made, Message("user", "a"))


def test_a_broken_template_is_told_when_it_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(BrokenTemplate):
        prompts(tmp_path, MADE["byte_level"](), "{{ messages | nothing }}")


def test_a_prompt_has_tokens(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({"red": 0, IMAGE: 1}, "red"))
    tokenizer.normalizer = normalizers.Strip()
    with pytest.raises(InvalidArgument, match="with tokens that the model knows, found none"):
        prompts(tmp_path, tokenizer, None).draft(Ask(text=" "))


WHOLE = """{% for m in messages %}<s>{{ m.content }}{% endfor %}"""


def vocabulary(*words: str) -> dict[str, int]:
    return {word: number for number, word in enumerate(["<unk>", "<s>", *words])}


def words() -> Tokenizer:
    """Its model itself has the token."""
    made = Tokenizer(models.WordLevel(vocabulary("a", "b"), "<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made


def whole_words() -> Tokenizer:
    """As Llama 3: words that have a token are not made of pieces."""
    made = Tokenizer(
        models.BPE(vocabulary(*"<s>ab "), [("<", "s"), ("<s", ">")][:0], ignore_merges=True)
    )
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made


def merged() -> Tokenizer:
    """Merges lead to the token."""
    return Tokenizer(
        models.BPE(vocabulary(*"<s>ab ", "<s>b", "s>"), [("s", ">"), ("<", "s>"), ("<s>", "b")])
    )


def pieces() -> Tokenizer:
    found = vocabulary(*"<s>ab ")
    return Tokenizer(models.Unigram([(piece, -float(n)) for piece, n in found.items()], 0))


@pytest.mark.parametrize("make", [words, whole_words, merged, pieces])
@pytest.mark.parametrize("normalized", [False, True])
def test_the_model_itself_may_know_the_token(tmp_path: Path, make: Any, normalized: bool) -> None:
    tokenizer = make()
    tokenizer.add_special_tokens([AddedToken("<s>", normalized=normalized, special=True)])
    made = prompts(tmp_path, tokenizer, WHOLE)
    assert ids(made, Message("user", "a <s> b")).count(1) == 1
    assert ids(made, Message("user", "a <s>b")).count(1) == 1
    expected = transformers_ids(tokenizer, WHOLE, [{"role": "user", "content": "a b"}])
    assert ids(made, Message("user", "a b")) == expected


@pytest.mark.parametrize("make", [words, merged])
def test_what_the_tokenizer_does_not_know_stays_unknown(tmp_path: Path, make: Any) -> None:
    tokenizer = make()
    tokenizer.model.unk_token = "<unk>"
    tokenizer.add_special_tokens(["<unk>", "<s>"])
    made = prompts(tmp_path, tokenizer, WHOLE)
    assert ids(made, Message("user", "é <s>"))[:2] == [1, 0]


def test_a_token_in_other_letters(tmp_path: Path) -> None:
    """A tokenizer that makes letters small finds the token in large ones too."""
    tokenizer = MADE["byte_level"]()
    tokenizer.normalizer = normalizers.Lowercase()
    held = json.loads(tokenizer.to_str())
    for each in held["added_tokens"]:
        each["normalized"] = True
    tokenizer = Tokenizer.from_str(json.dumps(held))
    end = number(tokenizer, "<|im_end|>")
    assert tokenizer.encode("<|IM_End|>").ids == [end]
    made = prompts(tmp_path, tokenizer)
    assert ids(made, Message("user", "<|IM_End|>")).count(end) == 2
    assert ids(made, Message("user", "a")).count(end) == 2
    expected = transformers_ids(tokenizer, QWEN_VL, [{"role": "user", "content": "Hi"}])
    assert ids(made, Message("user", "Hi")) == expected


@pytest.mark.parametrize("user", ["a", "a </s> b", "</s>"])
def test_a_token_that_is_found_behind_a_space_alone(tmp_path: Path, user: str) -> None:
    """As in older files of Llama 2: what begins each text begins the token's own text too."""
    tokenizer = MADE["byte_fallback"]()
    held = json.loads(tokenizer.to_str())
    for each in held["added_tokens"]:
        each["normalized"] = True
    tokenizer = Tokenizer.from_str(json.dumps(held))
    end = number(tokenizer, "</s>")
    template = "{% for m in messages %}the {{ m.content }}</s>{% endfor %}"
    made = prompts(tmp_path, tokenizer, template)
    messages = [{"role": "user", "content": user}]
    expected = transformers_ids(tokenizer, template, messages)
    if "</s>" in user:
        # There the user's is found, and the template's is not.
        assert expected.count(end) == (user != "a")
        assert ids(made, Message("user", user))[-1] == end
        assert ids(made, Message("user", user)).count(end) == 1
    else:
        assert ids(made, Message("user", user)) == expected


def test_spaces_beside_a_token_belong_to_it(tmp_path: Path) -> None:
    tokenizer = MADE["byte_level"]()
    tokenizer.add_special_tokens([AddedToken("<end>", lstrip=True, rstrip=True, special=True)])
    made = prompts(tmp_path, tokenizer, "{% for m in messages %}{{ m.content }} <end> {% endfor %}")
    plain = ids(made, Message("user", "a"))
    assert plain == [*tokenizer.encode("a").ids, number(tokenizer, "<end>")]
    written = ids(made, Message("user", "<end> a"))
    assert written[-2:] == plain and written.count(plain[-1]) == 1


@pytest.mark.parametrize(
    "template", ["{{ messages", "{{ messages[0].content }}", "{{ 1 | urlize }}"]
)
def test_a_broken_template_fails_the_build(tmp_path: Path, template: str) -> None:
    for each in DEMO.iterdir():
        if each.name != "chat_template.jinja":
            (tmp_path / each.name).symlink_to(each)
    (tmp_path / "chat_template.jinja").write_text(template)
    with pytest.raises(SourceError, match=r"expected a chat template .* leave it out"):
        make_template(tmp_path, tmp_path / "made")
