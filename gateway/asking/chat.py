"""A request for a chat's next message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.asking.fields import Fields
from gateway.asking.messages import Conversation, read_messages
from gateway.asking.sampling import Sampling, read_sampling
from gateway.settings import Limits

IGNORED = (
    *("user", "safety_identifier", "metadata"),
    # They are about where and how a prompt is kept, and it is kept where it can be.
    *("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"),
    # Without tools there are no calls.
    "parallel_tool_calls",
)
"""What changes no answer."""

_TOOLS = "models here call no tools"
REFUSED: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "tools": (([],), _TOOLS),
    "tool_choice": (("none", "auto"), _TOOLS),
    "functions": (([],), _TOOLS),
    "function_call": (("none", "auto"), _TOOLS),
    "web_search_options": ((), _TOOLS),
    "logprobs": ((False,), "pipelines give texts without probabilities"),
    "top_logprobs": ((0,), "pipelines give texts without probabilities"),
    "logit_bias": (({},), "pipelines take no weights of single tokens"),
    "response_format": (({"type": "text"},), "only {'type': 'text'} is, no schema is enforced"),
    "modalities": ((["text"],), "answers are texts"),
    "audio": ((), "answers are texts"),
    "prediction": ((), "there is no speculative decoding by a given text"),
    "reasoning_effort": (("none",), "models here are not told how long to reason"),
    "verbosity": (("medium",), "models here are not told how much to say"),
    "store": ((False,), "nothing is stored"),
    "service_tier": (("auto", "default"), "there is one tier"),
    "moderation": ((), "nothing is moderated here"),
    "min_tokens": ((0,), "pipelines have no least length"),
}
"""What is refused -> values that change nothing, and why others are refused."""


@dataclass(frozen=True)
class ChatRequest:
    """What was asked.

    Attributes:
        model: the pipeline.
        conversation: the messages.
        sampling: how the answer is chosen.
    """

    model: str
    conversation: Conversation
    sampling: Sampling


def read_chat(values: Mapping[str, Any], limits: Limits) -> ChatRequest:
    """The request, from its JSON object.

    Raises:
        ApiError: it is not as it should be, or asks for what is not supported.
    """
    fields = Fields(values)
    model = fields.needed("model", fields.text("model"))
    fields.refuse(REFUSED)
    fields.ignore(*IGNORED)
    sampling = read_sampling(fields, limits.choices)
    conversation = read_messages(fields, limits.images)
    fields.end()
    return ChatRequest(model, conversation, sampling)
