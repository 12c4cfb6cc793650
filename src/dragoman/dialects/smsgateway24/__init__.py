"""The PHP-style calls of SMSGateway24 (`/getdata/…`): texts over one's own phones."""

from dragoman.dialects.smsgateway24.dialect import build_smsgateway24

__all__ = ["build_smsgateway24"]
