"""Client of Dragoman's API."""

from dragoman_client._api import AsyncClient, Client
from dragoman_client._transport import UNSET, Problem

__all__ = ["UNSET", "AsyncClient", "Client", "Problem"]
