"""Client of Dragoman's API."""

from dragoman_client._api import AsyncClient, Client
from dragoman_client._transport import Problem

__all__ = ["AsyncClient", "Client", "Problem"]
