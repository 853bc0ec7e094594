"""What the gateway tells a client that it cannot answer, in the shape of OpenAI's API."""

from __future__ import annotations

from collections.abc import Mapping

from repository.errors import KitError


class GatewayError(KitError):
    """The base of the gateway's errors; what stops its start is told to whoever starts it."""


class ApiError(GatewayError):
    """A request that is not answered; the text is a sentence for the client.

    Args:
        status: the HTTP status.
        told: the sentence.
        param: the member of the request that is wrong, as ``messages[1].content``.
        code: a word for programs, as ``model_not_found``.
        headers: of the response, as ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        told: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(told)
        self.status, self.param, self.code = status, param, code
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, dict[str, str | None]]:
        """As JSON has it."""
        kind = "server_error" if self.status >= 500 else _KINDS.get(self.status, _KIND)
        told = {"message": str(self), "type": kind, "param": self.param, "code": self.code}
        return {"error": told}


_KIND = "invalid_request_error"
_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def invalid(told: str, param: str | None = None, code: str = "invalid_value") -> ApiError:
    """The error for a request that is not as it should be: status 400."""
    return ApiError(400, told, param=param, code=code)


def unsupported(param: str, told: str) -> ApiError:
    """The error for what OpenAI's API has and the gateway has not: status 400."""
    return invalid(told, param, "unsupported_parameter")


def overloaded(told: str, status: int = 503) -> ApiError:
    """The error for a server that has too much to do; the client may ask again in a second."""
    code = "rate_limit_exceeded" if status == 429 else "overloaded"
    return ApiError(status, told, code=code, headers={"Retry-After": "1"})
