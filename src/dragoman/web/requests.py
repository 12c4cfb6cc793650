"""A call as its handler sees it: parsed once, and complete before the handler runs."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from typing import Final, Literal, Protocol, Self

from dragoman.web.refusals import Refusal
from dragoman.web.responses import Response

_KIND: Final = re.compile(r":[^{}]+\}")
"""What a placeholder of a path takes, behind its name."""

BodyFormat = Literal["json", "xml", "form", "multipart"]


class Parameters(dict[str, str]):
    """Query or form values by name; where a name is repeated the last one counts, as in PHP.

    `all` gives every value of a name in the order sent.
    """

    __slots__ = ("pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = tuple(pairs)
        super().__init__(self.pairs)

    def all(self, name: str) -> list[str]:
        """Lists every value given for a name."""
        return [value for key, value in self.pairs if key == name]

    def lowered(self) -> Self:
        """Returns the same values under lower-case names, for APIs that take any case."""
        return type(self)((name.lower(), value) for name, value in self.pairs)


class Served(Protocol):
    """What a request has to know of the API it is for; `operations.Dialect` is one."""

    @property
    def name(self) -> str: ...
    @property
    def cors(self) -> bool: ...
    @property
    def fallback_charset(self) -> str | None: ...
    @property
    def octets(self) -> bool: ...
    def refuse(self, request: "Request", refusal: Refusal, /) -> Response: ...


class Called(Protocol):
    """What a request has to know of its operation; `operations.Operation` is one."""

    @property
    def path(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def wrapper(self) -> str: ...
    @property
    def is_query_new(self) -> bool: ...
    @property
    def body_formats(self) -> tuple[BodyFormat, ...]: ...
    @property
    def at_once(self) -> "Callable[[Request, Callable[[Response], None]], None] | None": ...
    def handler(self, request: "Request", /) -> Awaitable[Response]: ...


@cache
def _scope_names(dialect: str, method: str, path: str, name: str) -> tuple[str, ...]:
    return dialect, scope_of_call(dialect, "get" if method == "head" else method, path, name)


def scope_of_call(dialect: str, method: str, path: str, name: str) -> str:
    """The scope of API keys that is one call alone; `name` is its own, empty without any."""
    return f"{dialect}_{name}" if name else name_of_call(dialect, method, path)


def name_of_call(dialect: str, method: str, path: str) -> str:
    """The name of a call without one of its own: `httpsms_post_send_sms`."""
    plain = _KIND.sub("}", path)
    parts = "".join(c if c.isalnum() else "_" for c in plain).split("_")
    return "_".join([dialect, method, *filter(None, parts)])


class Request:
    """One call: address, parameters, headers and the whole body, already within its limits.

    `operation` is None only when the kit refuses before one is found. `client` is the caller's
    address as text, empty where the server does not know it; `query_string` is the query as sent.
    """

    __slots__ = (
        "_header_list",
        "_headers",
        "body",
        "client",
        "dialect",
        "method",
        "operation",
        "path",
        "path_params",
        "query",
        "query_string",
        "raw_path",
    )

    def __init__(
        self,
        method: str,
        path: str,
        *,
        dialect: Served,
        operation: Called | None = None,
        path_params: Mapping[str, str] | None = None,
        query: Parameters | None = None,
        query_string: bytes = b"",
        headers: list[tuple[bytes, bytes]] | None = None,
        client: str = "",
        body: bytes = b"",
        raw_path: bytes = b"",
    ) -> None:
        self.method = method
        self.path = path
        self.dialect = dialect
        self.operation = operation
        self.path_params: Mapping[str, str] = path_params if path_params is not None else {}
        self.query = query if query is not None else Parameters()
        self.query_string = query_string
        self.client = client
        self.body = body
        self.raw_path = raw_path
        self._header_list = headers if headers is not None else []
        self._headers: dict[bytes, bytes] | None = None

    def again(self, client: str) -> "Request":
        """A request with the same head, of another caller, and without a body yet."""
        request = Request.__new__(Request)
        request.method = self.method
        request.path = self.path
        request.dialect = self.dialect
        request.operation = self.operation
        request.path_params = self.path_params
        request.query = self.query
        request.query_string = self.query_string
        request.client = client
        request.body = b""
        request.raw_path = self.raw_path
        request._header_list = self._header_list
        request._headers = self._headers
        return request

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Every header as sent, its name in lower case."""
        return self._header_list

    def header(self, name: bytes) -> bytes:
        """Returns a header by its lower-case name, the last one where repeated, else b""."""
        if self._headers is None:
            self._headers = dict(self._header_list)
        return self._headers.get(name, b"")

    def scope_names(self) -> tuple[str, ...]:
        """The scopes of API keys that the call is within: its API's name, and its own name."""
        if self.operation is None:
            return (self.dialect.name,)
        operation = self.operation
        return _scope_names(self.dialect.name, self.method.lower(), operation.path, operation.name)

    def authorization(self) -> tuple[str, str]:
        """The scheme in lower case and the credentials; both empty without the header."""
        scheme, _, rest = self.header(b"authorization").decode("latin-1").strip().partition(" ")
        return scheme.lower(), rest.strip()
