"""Commands for a running gateway, over a socket that only its own user can open.

A line of JSON is a request (`requests`), a line of JSON the answer (`answers`); `commands` says
what each request does, whether it came over the socket or the command line opened the house itself.
"""
