"""Which form of content a template takes, found out by trying it."""

from __future__ import annotations

import pytest

from builders.decoder.stages.asking.contents import Contents, contents_of
from builders.decoder.stages.asking.marks import Guard
from builders.decoder.stages.asking.messages import Image, Message, Text
from builders.decoder.stages.templating.template import BrokenTemplate, ChatTemplate
from tests.builders.decoder.templates import ALL, PARTS, SPECIAL, TEXT_AND_PARTS, TEXTS

GUARDS = dict.fromkeys(("system", "user", "assistant"), Guard(()))


@pytest.mark.parametrize("name", [*ALL])
def test_forms(name: str) -> None:
    found = contents_of(ChatTemplate(ALL[name], SPECIAL), "<image>")
    assert found.texts is (name in TEXTS or name in TEXT_AND_PARTS)
    assert found.parts is found.images is (name in PARTS or name in TEXT_AND_PARTS)
    assert not contents_of(ChatTemplate(ALL[name], SPECIAL), None).images


def test_a_list_that_is_printed_is_not_looked_through() -> None:
    for shown in ("m.content", "m.content | tojson", "m.content ~ ''"):
        source = "{% for m in messages %}{{ " + shown + " }}{% endfor %}"
        assert contents_of(ChatTemplate(source, {}), None) == Contents(True, False, False)


CHAT = (
    Message("system", "Be brief."),
    Message("user", (Text("Before"), Image(), Text("after"))),
    Message("assistant", (Text("Yes."), Text("No."))),
)


def test_parts_for_a_template_of_texts() -> None:
    assert Contents(True, False, False).messages(CHAT, GUARDS, "<image>") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Before\n<image>\nafter"},
        {"role": "assistant", "content": "Yes.\nNo."},
    ]


def test_texts_for_a_template_of_parts() -> None:
    parts = [{"type": "text", "text": "Yes."}, {"type": "text", "text": "No."}]
    assert Contents(False, True, True).messages(CHAT, GUARDS, "<image>") == [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Before"},
                {"type": "image"},
                {"type": "text", "text": "after"},
            ],
        },
        {"role": "assistant", "content": parts},
    ]
    # It looks through parts, and passes over images.
    (_, user, _) = Contents(False, True, False).messages(CHAT, GUARDS, "<image>")
    assert user["content"] == [{"type": "text", "text": "Before\n<image>\nafter"}]


def test_either_is_given_as_it_is() -> None:
    made = Contents(True, True, True).messages(CHAT, GUARDS, "<image>")
    assert [type(each["content"]) for each in made] == [str, list, list]


def test_what_users_write_is_marked_by_their_role() -> None:
    guards = {**GUARDS, "user": Guard(("<image>",))}
    chat = [Message("user", (Image(), Text("<image>"))), Message("assistant", "<image>")]
    made = Contents(True, False, False).messages(chat, guards, "<image>")
    assert [each["content"] for each in made] == ["<image>\n<\ufdd2image>", "<image>"]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("", "writes out a question, found: it leaves it out"),
        ("{{ messages[0].contents }}", "found: it leaves it out"),
        (
            "{{ messages[0].content + 1 }}",
            "fails on these messages .TypeError.*can only concatenate",
        ),
        ("{{ raise_exception('never') }}", "refuses these messages: never"),
        ("{{ messages[0].content }}", "what was said before, found: it leaves it out"),
        (
            "{% if messages | length > 1 %}{{ raise_exception('one only') }}{% endif %}"
            "{{ messages[0].content }}",
            "what was said before, found: .* one only",
        ),
        ("{% for i in range(10**5) %}{% for j in range(10**5) %}{% endfor %}{% endfor %}", "work"),
    ],
)
def test_a_template_that_writes_no_chat_is_broken(source: str, told: str) -> None:
    with pytest.raises(BrokenTemplate, match=told):
        contents_of(ChatTemplate(source, SPECIAL), None)


def test_a_template_of_texts_has_to_leave_an_images_place() -> None:
    source = "{% for m in messages %}{{ m.content | replace('<image>', '') }}{% endfor %}"
    contents_of(ChatTemplate(source, {}), None)
    with pytest.raises(
        BrokenTemplate, match="writes out an image's place, found: it leaves it out"
    ):
        contents_of(ChatTemplate(source, {}), "<image>")
