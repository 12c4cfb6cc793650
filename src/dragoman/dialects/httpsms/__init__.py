"""The two PHP-style calls `send_sms.php` and `dlr.php`, one message a request."""

from dragoman.dialects.httpsms.dialect import build_httpsms

__all__ = ["build_httpsms"]
