"""What operators and their tools ask over HTTP: health and metrics."""
