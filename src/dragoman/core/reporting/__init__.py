"""Questions about what was sent and received: searches, stories, traffic."""
