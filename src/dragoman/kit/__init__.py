"""Small tools without a domain: clock, identifiers, back-off, token bucket, redaction."""
