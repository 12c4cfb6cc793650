"""The SMPP server for customers: their binds, as one more way into the same use cases.

A customer's program (an ESME) binds here and submits; receipts and inbound texts go to whichever of
its binds takes them. `protocols/smpp` reads and writes the PDUs and keeps the states of a session;
`core/callbacks` keeps what waits for a bind. Nothing is decided here about a message.
"""
