"""A client of one DirectAdmin server's API. Every answer is limited in time and size; only the server's own host is contacted.

A list is given out only with the proof that it is whole (`answers.whole`); everything else raises `NoList` with the
reason, and nothing may be concluded from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from directdnsonly.clock import Clock
from directdnsonly.reconcile import answers
from directdnsonly.reconcile.answers import NoList, NotReadable, Page, WholeList
from directdnsonly.reconcile.settings import DirectAdminServer
from directdnsonly.reconcile.tls import context_of
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

TRIES = 2  # a zone made or deleted while we page shifts the pages: once more, then it is no list
MAX_PAGES = 10_000
MAX_ZONES = 1_000_000
LARGE = 64 * 1024  # characters of an answer that is not read within the loop
REDIRECTS = frozenset({301, 302, 303, 307, 308})
OK, NOT_FOUND = 200, 404
USER_AGENT = "DirectDNSOnly"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer that stayed within its limits."""

    status: int
    body: str
    location: str = ""


class DirectAdminClient:
    """Use as an async context manager for one pass; its session ends with it."""

    def __init__(
        self, server: DirectAdminServer, *, clock: Clock, verify: bool, timeout_s: float, max_bytes: int, ipp: int
    ) -> None:
        self.server = server
        self._clock = clock
        self._verify = verify if server.verify_ssl is None else server.verify_ssl
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._ipp = ipp
        self._http: httpx.AsyncClient | None = None
        self._session = False

    async def __aenter__(self) -> DirectAdminClient:
        """Open the client; nothing is requested yet."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    # -- what it has

    async def zones(self) -> WholeList:
        """The complete list of the server's zones, proven to be complete. Raises NoList."""
        for left in reversed(range(TRIES)):
            asked_at = self._clock.now_s()
            try:
                pages = await self._pages()
                return await asyncio.to_thread(answers.whole, self.server.hostname, pages, asked_at=asked_at)
            except _Legacy as legacy:
                names = await asyncio.to_thread(answers.legacy_names, legacy.body)
                return await asyncio.to_thread(answers.listed, self.server.hostname, names, asked_at=asked_at)
            except NoList:
                if not left:
                    raise
        raise AssertionError  # the last try has returned or raised

    async def _pages(self) -> list[Page]:
        first = await self._page(1)
        if first.pages > MAX_PAGES:
            raise NoList(f"the list states {counted(first.pages, 'page')}")
        pages, zones = [first], len(first.names)
        for number in range(2, first.pages + 1):
            pages.append(await self._page(number))
            zones += len(pages[-1].names)
            if zones > MAX_ZONES:
                raise NoList(f"the list has more than {counted(MAX_ZONES, 'zone')}")
        return pages

    async def _page(self, number: int) -> Page:
        answer = await self._get("CMD_DNS_ADMIN", {"json": "yes", "page": str(number), "ipp": str(self._ipp)})
        if number == 1 and (answer.status == NOT_FOUND or answer.body.lstrip().startswith("list[]=")):
            if answer.status == NOT_FOUND:
                answer = await self._get("CMD_API_DNS_ADMIN", {})
            _require_ok(answer)
            raise _Legacy(answer.body)
        _require_ok(answer)
        return await _understood(answers.page_of, answer.body)

    async def owners(self) -> Mapping[str, str]:
        """The DirectAdmin user of each zone that has one. Raises NoList."""
        answer = await self._get("CMD_API_DOMAIN_OWNERS", {})
        _require_ok(answer)
        return await asyncio.to_thread(answers.owners_of, answer.body)

    async def zone(self, name: ZoneName) -> bytes:
        """One zone as zone file text. Raises NotReadable, whose `absent` says that the server denies having the zone."""
        try:
            answer = await self._get("CMD_API_DNS_CONTROL", {"domain": name})
            if answer.status == OK and answers.is_zone_text(answer.body):
                return answer.body.encode()
            records = {"domain": name, "json": "yes", "full_mx_records": "yes", "allow_dns_underscore": "yes"}
            answer = await self._get("CMD_API_DNS_CONTROL", {**records, "ttl": "yes"})
            _require_ok(answer)
        except NoList as error:
            raise NotReadable(str(error)) from error
        return (await _understood(answers.text_of_records, answer.body, name)).encode()

    async def login_test(self) -> None:
        """Check that the server accepts our credentials. Raises NoList if not."""
        answer = await self._get("CMD_API_LOGIN_TEST", {})
        _require_ok(answer)
        if answers.looks_like_html(answer.body):
            raise NoList("it answered a web page: wrong user name or password")
        if why := answers.error_of(answer.body):
            raise NoList(why)

    # -- its Multi Server Setup

    async def multi_server(self, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The Multi Server settings, or the answer to a change of them. Raises NoList."""
        if form is None:
            answer = await self._get("CMD_MULTI_SERVER", {"json": "yes"})
        else:
            answer = await self._ask("POST", "CMD_MULTI_SERVER", data={**form, "json": "yes"})
        _require_ok(answer)
        if answers.looks_like_html(answer.body):
            raise NoList("it answered a web page: no right to CMD_MULTI_SERVER")
        try:
            return dict(answers.tree_of(answer.body))
        except (ValueError, TypeError):
            raise NoList(answers.error_of(answer.body) or "the answer is not JSON") from None

    # -- speaking

    async def _get(self, command: str, parameters: Mapping[str, str]) -> Answer:
        return await self._ask("GET", command, params=parameters)

    async def _ask(self, method: str, command: str, **arguments: Any) -> Answer:
        """One request; if redirected to a login page, log in and repeat it. Raises NoList."""
        answer = await self._send(method, command, **arguments)
        if answer.status in REDIRECTS and not self._session and self._is_own(answer.location):
            await self._log_in(command)
            answer = await self._send(method, command, **arguments)
        if answer.status in REDIRECTS:
            raise NoList(f"it redirects to {answer.location[:100]!a}: not followed")
        return answer

    async def _log_in(self, referer: str) -> None:
        """Log in for a session, which the Evolution skin's pages require."""
        form = {
            "username": self.server.username,
            "password": self.server.password.get_secret_value(),
            "referer": f"/{referer}",
        }
        await self._send("POST", "CMD_LOGIN", data=form)
        assert self._http is not None
        if "session" not in self._http.cookies:
            raise NoList("it gave no session: wrong user name or password")
        self._session = True
        self._http.auth = httpx.Auth()  # none: the session speaks for us
        if token := self._http.cookies.get("csrftoken"):
            self._http.headers["X-CSRFToken"] = token

    def _is_own(self, location: str) -> bool:
        """Whether a redirect stays on the server; credentials are never sent elsewhere."""
        try:
            target = httpx.URL(self.server.origin).join(location)
        except httpx.InvalidURL:
            return False
        return (target.host, target.port) == (httpx.URL(self.server.origin).host, httpx.URL(self.server.origin).port)

    async def _send(self, method: str, command: str, **arguments: Any) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                http = await self._opened()
                async with http.stream(method, f"{self.server.origin}/{command}", **arguments) as answer:
                    body = await self._read(answer)
        except TimeoutError:
            raise NoList(f"{self.server.origin} gave no whole answer in {self._timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoList(f"{self.server.origin} cannot be asked: {error or type(error).__name__}") from None
        return Answer(status=answer.status_code, body=body, location=answer.headers.get("location", ""))

    async def _opened(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                auth=(self.server.username, self.server.password.get_secret_value()),
                verify=await context_of(self.server, verify=self._verify, timeout_s=self._timeout_s),
                timeout=self._timeout_s,
                follow_redirects=False,
                trust_env=False,  # no proxy of the environment may see an administrator's password
                headers={"User-Agent": USER_AGENT, "Accept": "*/*"},
            )
        return self._http

    async def _read(self, answer: httpx.Response) -> str:
        parts: list[bytes] = []
        size = 0
        async for part in answer.aiter_bytes():
            size += len(part)
            if size > self._max_bytes:
                raise NoList(f"its answer is larger than {self._max_bytes} bytes")
            parts.append(part)
        return b"".join(parts).decode("utf-8", "replace")


class _Legacy(Exception):
    """The server supports only the older list format."""

    def __init__(self, body: str) -> None:
        self.body = body


async def _understood(how: Callable[..., T], body: str, *more: Any) -> T:
    """Parse an answer, a large one in a thread so that pushes need not wait."""
    return how(body, *more) if len(body) <= LARGE else await asyncio.to_thread(how, body, *more)


def _require_ok(answer: Answer) -> None:
    if answer.status != OK:
        raise NoList(f"it answers HTTP {answer.status}")
