"""One peer, asked over HTTPS. Every answer has a limit of time and of size, and only the peer's own address is spoken to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from directdnsonly import trust
from directdnsonly.peers import wire
from directdnsonly.peers.wire import NotAPeer
from directdnsonly.zone.name import ZoneName

USER_AGENT: Final = "DirectDNSOnly"
ASKER: Final = "DirectDNSOnly-Asker"  # who asks: an instance that is its own peer knows its word
_OK: Final = 200
_NO_REDIRECT: Final = "no redirect is followed: give the address to which it leads"
_NO_ANSWER: Final = "a proxy before it has no answer of it"
_WHY: Final[Mapping[int, str]] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _NO_REDIRECT),
    401: "the token, or user name and password, is not known there, or not from our network: has it been revoked, or is it"
    " another instance's?",
    403: "the token, or user name, has not the role peer there",
    404: "it knows no such question: does the same program run there?",
    405: "it knows no such question: does the same program run there?",
    429: "the token, or user name and password, was wrong too often, or it is asked too often",
    500: "see its log",
    502: _NO_ANSWER,
    503: "it is too busy, or its store is unavailable (dadns status there)",
    504: _NO_ANSWER,
    409: "it is this instance itself: give the address of the other one",
}


class HttpsPeer:
    """See exchange.Peer. Use as an async context manager; a pinned certificate is compared before the token is sent."""

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        authorization: str = "",
        ca_file: Path | None = None,
        fingerprint: str = "",
        timeout_s: float = 30.0,
        asker: str = "",
    ) -> None:
        """`url`: https://host:port, without a path. `authorization`: the header, instead of a token. `timeout_s`: of one answer as a whole, however slowly it comes.

        `asker`: the word of this instance, by which it knows its own question.
        """
        self._asker = asker
        self._url = httpx.URL(url)
        self._authorization = authorization or f"Bearer {token}"
        self._ca_file = ca_file
        self._fingerprint = fingerprint
        self._timeout_s = timeout_s
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> HttpsPeer:
        """Nothing is asked yet."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def summary(self, known: str) -> bytes:
        """See answering.Answering. Raises NotAPeer."""
        return await self._ask("GET", "buckets", wire.MOST_SUMMARY_BYTES, params={"known": known})

    async def marks(self, buckets: Sequence[int]) -> bytes:
        """See answering.Answering. Raises NotAPeer."""
        return await self._ask("POST", "marks", wire.MOST_MARKS_BYTES, json={"buckets": list(buckets)})

    async def states(self, names: Sequence[ZoneName], *, texts: bool) -> bytes:
        """See answering.Answering. Raises NotAPeer."""
        question = {"zones": [str(name) for name in names], "texts": texts}
        return await self._ask("POST", "states", wire.MOST_STATES_BYTES, json=question)

    async def _ask(self, method: str, path: str, most: int, **arguments: Any) -> bytes:
        url = self._url.copy_with(path=f"/api/v1/peer/{path}")
        try:
            async with asyncio.timeout(self._timeout_s):
                http = await self._opened()
                async with http.stream(method, url, **arguments) as answer:
                    if answer.status_code != _OK:
                        raise NotAPeer(_why(answer.status_code))
                    return await _read(answer, most)
        except TimeoutError:
            raise NotAPeer(f"{self._url} gave no whole answer in {self._timeout_s:g} s") from None
        except trust.NotTrusted as error:
            raise NotAPeer(f"{error}{self._hint(error)}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = f"{error or type(error).__name__}"
            raise NotAPeer(f"{self._url} cannot be asked: {why}{self._hint(error)}") from None

    def _hint(self, error: Exception) -> str:
        """What to look at, where the words of the library do not tell it."""
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return ": ca_file or fingerprint tells by what its certificate is known"
        if "WRONG_VERSION_NUMBER" in str(error):
            return ": no TLS is spoken there"
        if self._url.scheme == "http" and not isinstance(error, httpx.ConnectError):
            return ": does it speak TLS there (https://)?"
        return ""

    async def _opened(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                verify=await self._context(),
                timeout=self._timeout_s,
                follow_redirects=False,
                trust_env=False,  # no proxy of the environment may see the token
                headers={
                    "User-Agent": USER_AGENT,
                    "Authorization": self._authorization,
                    ASKER: self._asker,
                    "Accept-Encoding": "identity",  # what is read is bounded before it could be unpacked
                },
            )
        return self._http

    async def _context(self) -> ssl.SSLContext:
        if self._fingerprint:
            host, port = self._url.host, self._url.port or 443
            return await trust.by_fingerprint(host, port, self._fingerprint, timeout_s=self._timeout_s)
        return trust.by_authority(self._ca_file)


async def _read(answer: httpx.Response, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.aiter_raw():  # as it came: an answer that is packed all the same is no answer of ours
        size += len(part)
        if size > most:
            raise NotAPeer(f"it answers with more than {most} bytes")
        parts.append(part)
    return b"".join(parts)


def _why(status: int) -> str:
    return f"it answers HTTP {status}" + (f": {why}" if (why := _WHY.get(status)) else "")
