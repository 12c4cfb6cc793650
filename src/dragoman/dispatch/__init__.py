"""From the queue to the carriers: window, route, retry."""
