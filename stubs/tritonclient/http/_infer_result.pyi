from typing import Any, Self

import numpy.typing as npt

class InferResult:
    def __init__(self, response: object, verbose: bool) -> None: ...
    @classmethod
    def from_response_body(
        cls,
        response_body: bytes,
        verbose: bool = False,
        header_length: int | None = None,
        content_encoding: str | None = None,
    ) -> Self: ...
    def as_numpy(self, name: str) -> npt.NDArray[Any] | None: ...
    def get_output(self, name: str) -> dict[str, Any] | None: ...
    def get_response(self) -> dict[str, Any]: ...
