"""GSM text and user data: alphabets, parts, headers, WAP push; bytes and values only."""
