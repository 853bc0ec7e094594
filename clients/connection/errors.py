"""What a client says when a request fails: one sentence, never gRPC's own text.

For a failed connection gRPC has a status and a technical text. Triton's refusals have the same
statuses and a sentence for people. The beginning of the text tells which it is (:data:`_OWN`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tritonclient.utils import InferenceServerException

from clients.connection.address import Address
from clients.errors import ClientError


class RequestError(ClientError):
    """A request that got no answer.

    Attributes:
        code: the gRPC status' name, as ``INVALID_ARGUMENT`` or ``UNAVAILABLE``.
    """

    def __init__(self, code: str, sentence: str, *, arguments: Sequence[str] = ()) -> None:
        super().__init__(sentence, arguments=arguments)
        self.code = code


class CutOff(RequestError):
    """No connection was to be had, or it ended before the answer: a server's state may be lost.

    Attributes:
        sent: whether the request was sent, so that the server may have seen it.
    """

    def __init__(self, code: str, sentence: str, *, sent: bool) -> None:
        super().__init__(code, sentence)
        self.sent = sent


class UnknownModel(RequestError):
    """A model that the server does not serve, or not in that version."""


# Triton puts the request's id, and each ensemble that a failing step lies in, before the reason.
# So does its Python backend, whose instances have names of their own.
_PREFIX = re.compile(
    r"^(\[request id: [^\]]*\] |in ensemble '[^']*', "
    r"|Failed to process the request\(s\) for model '[^']*', message: |TritonModelException: )+"
)

_NO_SERVER = re.compile(r"failed to connect to all addresses|connections to all backends failing")
"""How the text begins if nothing answers; it depends on how a channel spreads its requests."""

_NOT_SENT = re.compile(rf"{_NO_SERVER.pattern}|errors resolving")
"""How the text begins if there was no connection, so nothing was sent."""

_CUT = re.compile(
    r"Socket closed|Stream removed|recvmsg:|sendmsg:|Connection reset|Broken pipe|End of TCP stream"
    r"|GOAWAY|keepalive watchdog|ping timeout|Endpoint (closing|read failed)|Transport closed"
)
"""How it begins when the connection ended before the answer."""

_OWN = re.compile(
    rf"{_NOT_SENT.pattern}|{_CUT.pattern}|Deadline Exceeded|(CLIENT|SERVER): "
    r"|(Sent|Received) message|Received http2 header|Received RST_STREAM|Failed to create channel"
    r"|Exception (de)?serializing|Locally cancelled|Cancell|CANCELLED|Method not |UNKNOWN:"
    r"|Stream closed|upstream connect error|no healthy upstream"
)
"""How the texts of gRPC itself begin."""


def code_of(problem: InferenceServerException) -> str:
    """The gRPC status' name, as ``UNAVAILABLE``."""
    return str(problem.status() or "UNKNOWN").removeprefix("StatusCode.")


def reason(problem: InferenceServerException) -> str:
    """The server's own sentence, or what gRPC says in plain words.

    A stage that failed adds a stack trace in the lines after the first.
    """
    message = _message(problem)
    if _is_own(problem):
        return _plainly(problem, None, None)
    return _PREFIX.sub("", message).strip() or "the server gave no reason"


def was_not_sent(problem: InferenceServerException) -> bool:
    """Whether there was no connection, as before a server listens: the server saw no request."""
    return code_of(problem) == "UNAVAILABLE" and bool(
        _NO_SERVER.match(_message(problem))
        and re.search("refused|reset|Socket closed|Broken pipe|End of TCP", _message(problem))
    )


def was_cut_off(problem: InferenceServerException) -> bool:
    """Whether the connection ended after the request was sent, and before its answer came."""
    return code_of(problem) == "UNAVAILABLE" and bool(_CUT.match(_message(problem)))


def is_unreachable(problem: InferenceServerException) -> bool:
    """Whether nothing answers at the address, which an overloaded server's refusal is not."""
    return code_of(problem) == "UNAVAILABLE" and bool(
        _NOT_SENT.match(_message(problem)) or _CUT.match(_message(problem))
    )


def failure(
    problem: InferenceServerException, address: Address, seconds: float | None = None
) -> RequestError:
    """What to raise for it.

    Args:
        problem: what tritonclient raised.
        address: of the server.
        seconds: how long the answer was waited for.
    """
    if _is_own(problem):
        code, sentence = code_of(problem), _plainly(problem, address, seconds)
        if was_not_sent(problem) or was_cut_off(problem):
            return CutOff(code, sentence, sent=was_cut_off(problem))
        return RequestError(code, sentence)
    first = next((line for line in reason(problem).splitlines() if line.strip()), "")
    kind = UnknownModel if "unknown model" in first else RequestError
    return kind(code_of(problem), first.strip())


def _message(problem: InferenceServerException) -> str:
    return problem.message() or ""


def _is_own(problem: InferenceServerException) -> bool:
    message = _message(problem)
    # Without a text there is only the status to tell of.
    return not message.strip() or bool(_OWN.match(message))


def _plainly(
    problem: InferenceServerException, address: Address | None, seconds: float | None
) -> str:
    """A sentence for what gRPC itself says, by its status."""
    server = f"the server at {address}" if address else "the server"
    match code_of(problem):
        case "UNAVAILABLE":
            return _unavailable(_message(problem), address)
        case "DEADLINE_EXCEEDED":
            within = f" within {seconds:g} s" if seconds is not None else " in time"
            return f"{server} did not answer{within}; allow it more time, or see whether it is busy"
        case "RESOURCE_EXHAUSTED":
            sizes = re.search(r"\((\d+) vs\. (\d+)\)", _message(problem))
            found = f": {int(sizes[1]):,} bytes, at most {int(sizes[2]):,}" if sizes else ""
            what = "answer" if re.search("CLIENT: Received", _message(problem)) else "request"
            whom = "this client" if "CLIENT: " in _message(problem) else server
            return f"the {what} is larger than {whom} takes{found}; send a smaller file"
        case "CANCELLED":
            return f"the request to {server} was cancelled before its answer came"
        case "UNIMPLEMENTED":
            return f"{server} answers gRPC and is no Triton; check the address"
        case "UNAUTHENTICATED" | "PERMISSION_DENIED":
            return f"{server} asks for credentials, which this client does not send"
        case "INTERNAL" if "serializing" in _message(problem):
            return "the request is too large to be sent; gRPC takes less than 2 GiB"
        case code:
            return (
                f"{server} broke the request off (gRPC status {code}); its log may say why, and "
                "so may that of a gateway before it"
            )


def _unavailable(message: str, address: Address | None) -> str:
    where = str(address) if address else "the address"
    by_way = f" by way of the proxy {address.proxy}" if address and address.proxy else ""
    direct = f"; to reach {address.host} directly, add it to no_proxy" if by_way and address else ""
    if re.match("upstream connect error|no healthy upstream", message):  # Envoy's words
        return f"the gateway at {where} has no server behind it that answers; see its pods"
    gateway = re.search(r"Received http2 header with status: (\d+)", message)
    refused = re.search(r"HTTP proxy returned response code (\d+)", message)
    if refused:
        return f"no way to {where}{by_way}: the proxy refused with HTTP status {refused[1]}{direct}"
    if gateway:
        return f"a gateway at {where} answered with HTTP status {gateway[1]}, and no Triton"
    if "errors resolving" in message:
        host = f"the name {address.host}" if address else "the server's name"
        return f"{host} is not known here, so no server is asked; check the address"
    if re.search("CERTIFICATE_VERIFY_FAILED|certificate verify failed", message):
        return (
            f"the certificate of {where} is not trusted here; name the file of its authority in "
            "the variable GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"
        )
    if re.search("Tls handshake|Ssl handshake|SSL_ERROR", message):
        return f"{where} does not speak TLS; leave out https:// or grpcs://"
    if "Failed parsing HTTP/2" in message:
        return f"what answers at {where} does not speak gRPC; Triton's gRPC port is 8001"
    if _CUT.match(message):
        return (
            f"the connection to {where}{by_way} was cut off before the answer came; the server "
            "may have ended: its log says why"
        )
    if by_way:
        return f"no server answers at {where}{by_way}{direct}"
    return f"no server answers at {where}; start one with `python -m runtime serve`"
