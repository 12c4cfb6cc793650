"""Commands for a running gateway, over a socket that only its own user can open."""
