"""The web console: pages for people, rendered on the server, at `/console`.

Another page is a view, a template and a service call; docs/console.md says how.
"""
