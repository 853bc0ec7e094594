"""An S3 client from AWS's usual settings, and its errors as sentences."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.credentials.providers import (
    AWSConfigProvider,
    ChainedProvider,
    EnvAWSProvider,
    IamAwsProvider,
    Provider,
)
from minio.error import InvalidResponseError, MinioException, S3Error
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError, SSLError

from repository.transfer.errors import TransferError, plain
from repository.transfer.s3.pool import S3Pool

_CREDENTIALS = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or AWS_PROFILE with "
    "~/.aws/credentials."
)
_REMEDIES = {
    "NoSuchBucket": ("no such bucket", "Create it, or check its name, AWS_ENDPOINT_URL and region"),
    "AccessDenied": (
        "access is denied",
        "The key needs s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject here",
    ),
    "InvalidAccessKeyId": ("the access key is not known", "Check AWS_ACCESS_KEY_ID"),
    "SignatureDoesNotMatch": ("the secret key is not right", "Check AWS_SECRET_ACCESS_KEY"),
    "NoSuchUpload": ("another push ended this upload", "Let one push end, then push again"),
    "ExpiredToken": ("the session has expired", "Sign in again, or renew AWS_SESSION_TOKEN"),
    "AuthorizationHeaderMalformed": ("another region", "Set AWS_REGION to the bucket's"),
}

_STUMBLES = (
    *(SyntaxError, TypeError, AttributeError, KeyError, IndexError),
    *(RecursionError, OverflowError),
)
"""The client's error for a malformed answer: its XML, or what is in it, is broken."""


def connect() -> tuple[Minio, S3Pool]:
    """A client and its connections, as AWS's own tools would choose endpoint and credentials.

    AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL (as ``http://127.0.0.1:9000``), AWS_REGION or
    AWS_DEFAULT_REGION, AWS_CA_BUNDLE; credentials from the environment, the shared credentials
    file, or the identity of the pod or machine, unless AWS_EC2_METADATA_DISABLED is set.

    Raises:
        TransferError: the endpoint is no URL.
    """
    variables = os.environ
    address = variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL") or ""
    parts = urlsplit(address or "https://s3.amazonaws.com")
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise TransferError(
            f"AWS_ENDPOINT_URL: expected a URL as https://host:port, found '{address}'. Correct it."
        )
    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    chain: list[Provider] = [EnvAWSProvider(), AWSConfigProvider()]
    if variables.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
        # Where nothing answers at the metadata address, one second is enough to know it.
        quick = urllib3.PoolManager(timeout=urllib3.Timeout(1, read=5), retries=False)
        chain.append(IamAwsProvider(http_client=quick))
    pool = S3Pool(variables.get("AWS_CA_BUNDLE"))
    client = Minio(
        endpoint=parts.netloc,
        secure=parts.scheme == "https",
        region=region or ("us-east-1" if address else None),
        credentials=ChainedProvider(chain),
        http_client=pool,
    )
    return client, pool


@contextlib.contextmanager
def told(place: str) -> Iterator[None]:
    """Turns the client's errors into sentences about a place.

    Raises:
        TransferError: anything that the client or the connection raised.
    """
    try:
        yield
    except TransferError:
        raise
    except S3Error as error:
        said = plain(f"{error.code}: {error.message}")
        unknown = (said, "Look into the server's log")
        found, remedy = _REMEDIES.get(error.code or "", unknown)
        raise TransferError(f"{place}: expected to use it, found: {found}. {remedy}.") from error
    except MaxRetryError as error:
        reason = error.reason
        if isinstance(reason, SSLError):
            found = f"a certificate that is not trusted ({reason})"
            remedy = "Name its authority in AWS_CA_BUNDLE."
        else:
            found = f"no answer from {getattr(error.pool, 'host', 'it')} ({_plain(reason)})"
            remedy = "Check AWS_ENDPOINT_URL, the network and that the server runs."
        found = plain(found, 400)
        raise TransferError(f"{place}: expected a connection, found {found} {remedy}") from error
    except (HTTPError, InvalidResponseError, MinioException) as error:
        raise TransferError(
            f"{place}: expected a whole answer, found: {_plain(error)} Try again; what is right "
            "is not sent twice."
        ) from error
    except OSError as error:
        said = plain(error.strerror or str(error))
        raise TransferError(f"{place}: {said}. Try again.") from error
    except _STUMBLES as error:
        # ElementTree tells of XML that is none with a SyntaxError, the client of one that is
        # another with whatever it stumbles over.
        raise _no_s3(place) from error
    except ValueError as error:
        # The providers of credentials say with it that they have none, the client that it takes
        # no bucket of this name.
        if "credential" in str(error).lower() or "provider" in str(error).lower():
            found, remedy = "none", _CREDENTIALS
            raise TransferError(
                f"{place}: expected credentials, found {found}. {remedy}"
            ) from error
        if isinstance(error, UnicodeError) or "bucket" not in str(error).lower():
            raise _no_s3(place) from error
        raise TransferError(f"{place}: {plain(str(error))}. Correct the address.") from error


def _no_s3(place: str) -> TransferError:
    return TransferError(
        f"{place}: expected an answer of S3's, found another. Check AWS_ENDPOINT_URL, and look "
        "into the server's log."
    )


def _plain(error: BaseException | None) -> str:
    if isinstance(error, ProtocolError):  # urllib3 tells it as objects within one another
        return "a connection that broke off."
    text = str(error).partition(": ")[2] or str(error)
    return f"{plain(text, 160).rstrip('.')}."
