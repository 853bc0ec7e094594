"""What a profile says about a server that decodes elsewhere.

For example::

    families:
      decoder:
        engine: remote
        remote:
          url: http://decoder-predictor/v1
          model: models
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from builders.decoder.stages.reaching.address import address_of
from builders.kit.recipe.profile import Options, Real, refusal

Seconds = Annotated[Real, Field(ge=0.1, le=86_400)]


class RemoteOptions(Options):
    """The keys below ``families.decoder.remote``.

    Attributes:
        url: where the server's API begins, as ``http://decoder/v1``.
        model: what the server calls its model.
        api_key_env: the environment variable of Triton's that holds the server's key. The key
            itself stands nowhere in the repository.
        connect_seconds: for a connection.
        first_token_seconds: from when a request leaves the waiting ones until its first token,
            with all attempts.
        idle_seconds: from one token to the next.
        waiting_seconds: that a request may wait for others to end.
        retries: attempts after the first one, if a server is away or overloaded. None is made once
            a token has come.
    """

    url: str
    model: str = Field(min_length=1, max_length=500)
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")
    connect_seconds: Seconds = 5.0
    first_token_seconds: Seconds = 60.0
    idle_seconds: Seconds = 30.0
    waiting_seconds: Seconds = 60.0
    retries: int = Field(default=2, ge=0, le=10)

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            address_of(value)
        except ValueError as error:
            raise refusal(
                "where the server's API begins, as http://decoder/v1",
                "Write its address.",
                found=f"one that cannot be used: {error}",
            ) from None
        return value
