"""E-mail campaigns; off costs nothing."""
