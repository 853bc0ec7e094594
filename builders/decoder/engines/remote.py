"""The remote engine: a server with OpenAI's API decodes, behind the contract of ``generate``."""

from __future__ import annotations

from builders.decoder.engines.contract import NAME, OUTPUTS, inputs
from builders.decoder.remote_options import RemoteOptions
from builders.kit.graph import PythonModel, QueuePolicy
from builders.kit.graph.options import Number, Option, Text, Whole

IN_THE_ENGINE = QueuePolicy(max_size=0)
"""Requests wait in the engine, which bounds them itself."""

_SECONDS = Number(0.1, 86_400)


def pipeline(remote: RemoteOptions, *, slots: int, waiting: int, max_tokens: int) -> PythonModel:
    """The pipeline ``generate``.

    Args:
        remote: what the profile says about the server.
        slots: requests that are under way at once.
        waiting: requests that may wait.
        max_tokens: of an answer, where a request does not say.
    """
    settings: dict[str, tuple[object, Option]] = {
        "url": (remote.url, Text()),
        "model": (remote.model, Text()),
        "connect_seconds": (remote.connect_seconds, _SECONDS),
        "first_token_seconds": (remote.first_token_seconds, _SECONDS),
        "idle_seconds": (remote.idle_seconds, _SECONDS),
        "waiting_seconds": (remote.waiting_seconds, _SECONDS),
        "retries": (remote.retries, Whole(0, 10)),
        "slots": (slots, Whole(1, 256)),
        "waiting": (waiting, Whole(0, 1 << 16)),
        "max_tokens": (max_tokens, Whole(1, 1 << 20)),
    }
    if remote.api_key_env is not None:
        settings["api_key_env"] = (remote.api_key_env, Text(128))
    return PythonModel(
        name=NAME,
        inputs=inputs(),
        outputs=OUTPUTS,
        streamed=True,
        queue=IN_THE_ENGINE,
        stage="builders.decoder.stages.remote",
        parameters={name: str(value) for name, (value, _) in settings.items()},
        options={name: option for name, (_, option) in settings.items()},
    )
