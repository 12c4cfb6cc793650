"""Multimedia messages over MM7 (3GPP TS 23.140 s. 8.7): SOAP over HTTP, the content beside it."""
