from abc import ABC, abstractmethod

from tritonclient._request import Request

class InferenceServerClientPlugin(ABC):
    @abstractmethod
    def __call__(self, request: Request) -> None: ...
