from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.decoder.stages.running.sampling import NEAR, Sampler, Sampling

DRAWS = 4000


def _logits(seed: int, vocab: int = 5000) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, vocab).astype(np.float32)


def test_greedy_takes_the_largest() -> None:
    logits = _logits(1)
    assert Sampler(Sampling()).greedy
    assert Sampler(Sampling()).choose(logits) == int(logits.argmax())


@given(st.integers(0, 2**63 - 1), st.floats(0.1, 2), st.floats(0.05, 1), st.integers(0, 50))
def test_a_seed_gives_the_same_tokens_again(
    seed: int, temperature: float, top_p: float, top_k: int
) -> None:
    sampling = Sampling(temperature=temperature, top_p=top_p, top_k=top_k, seed=seed)
    one, other = Sampler(sampling), Sampler(sampling)
    rows = [_logits(each, 300) for each in range(5)]
    assert [one.choose(row) for row in rows] == [other.choose(row) for row in rows]


@pytest.mark.parametrize(
    ("top_p", "top_k"), [(1.0, 0), (0.8, 0), (1.0, 3), (0.9, 4), (0.01, 0), (1.0, 1)]
)
def test_draws_follow_the_shares_that_are_left(top_p: float, top_k: int) -> None:
    logits = np.array([2.0, 1.0, 0.5, 0.0, -1.0, -9.0], np.float32)
    shares = np.exp(logits / 0.7)
    order = np.argsort(-shares)
    if top_k:
        shares[order[top_k:]] = 0
    shares /= shares.sum()
    reached = np.cumsum(shares[order])
    shares[order[1:]] *= reached[:-1] < top_p
    shares /= shares.sum()
    sampler = Sampler(Sampling(temperature=0.7, top_p=top_p, top_k=top_k, seed=11))
    found = np.bincount([sampler.choose(logits) for _ in range(DRAWS)], minlength=6) / DRAWS
    assert found[shares == 0].sum() == 0
    assert np.abs(found - shares).max() < 4 * 0.5 / DRAWS**0.5


def test_a_flat_distribution_has_a_nucleus_beyond_the_nearest() -> None:
    vocab = 4 * NEAR
    sampler = Sampler(Sampling(temperature=1.0, top_p=0.9, seed=1))
    found = [sampler.choose(np.zeros(vocab, np.float32)) for _ in range(500)]
    assert max(found) > 2 * NEAR
    assert max(found) < 0.91 * vocab


def test_penalties_are_taken_from_what_was_generated() -> None:
    logits = np.array([1.0, 0.9, 0.1], np.float32)
    frequency = Sampler(Sampling(frequency_penalty=0.3))
    assert not frequency.greedy
    assert [frequency.choose(logits) for _ in range(5)] == [0, 1, 0, 1, 0]
    presence = Sampler(Sampling(presence_penalty=1.0))
    assert [presence.choose(logits) for _ in range(4)] == [0, 1, 2, 0]
    assert logits.tolist() == pytest.approx([1.0, 0.9, 0.1])
