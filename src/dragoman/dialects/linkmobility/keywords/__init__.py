"""Keywords on numbers, and the services that texts with them are forwarded to (LINK v2 s. 12, 13).

A service of the manual is a forwarding here.
"""
