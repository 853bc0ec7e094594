"""``GET /v1/models``: the models that can be asked for something here."""

from __future__ import annotations

from openai.types import Model as ApiModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.front import Front, front_of
from gateway.triton.catalogue import Model, Use
from gateway.triton.failures import no_model


async def models(request: Request) -> Response:
    """All of them.

    Raises:
        ApiError: the server behind does not answer.
    """
    front = front_of(request)
    listed = [_told(each, front) for each in await front.catalogue.models()]
    return JSONResponse({"object": "list", "data": listed})


async def model(request: Request) -> Response:
    """One of them.

    Raises:
        ApiError: there is no such model, or the server behind does not answer.
    """
    front, name = front_of(request), request.path_params["name"]
    known = [each for each in await front.catalogue.models() if each.name == name]
    if not known:
        raise no_model(name[:60])
    return JSONResponse(_told(known[0], front))


def _told(model: Model, front: Front) -> dict[str, object]:
    told = ApiModel(id=model.name, created=front.started, object="model", owned_by="triton")
    uses = [use.value for use in Use if use in model.uses]
    return {**told.model_dump(mode="json", exclude_unset=True), "uses": uses}
