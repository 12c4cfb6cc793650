"""E-mail campaigns: lists, who is on them, issues, templates."""
