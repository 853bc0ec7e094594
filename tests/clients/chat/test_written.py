"""What an answer looks like in a terminal, whatever characters it has."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from clients.cli.chat.written import escaped
from repository.cli.show import harmless

TEXTS = st.text(
    st.characters() | st.sampled_from("\x1b\x07\r\n\t\x7f\x9b\u2028\u202e\u2066é日\u00a0👩\u200d")
)


@given(TEXTS)
def test_nothing_in_it_steers_a_terminal(text: str) -> None:
    for each in escaped(text):
        assert each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(each) not in {
            *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        }


@given(TEXTS, TEXTS)
def test_it_does_not_matter_where_a_piece_ends(first: str, second: str) -> None:
    assert escaped(first) + escaped(second) == escaped(first + second)


def test_what_people_write_stays() -> None:
    text = "Café\u00a0: 日本\u3000語, שלום,\tنعم 👩\u200d👧\n"
    assert escaped(text) == text
    assert escaped("\x1b[31m\r\x9b\u202e") == r"\x1b[31m\r\x9b\u202e"


@given(TEXTS)
def test_json_keeps_its_values(text: str) -> None:
    shown = harmless(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(shown) == {"text": text}
    assert not {*shown} & {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u202e"}
