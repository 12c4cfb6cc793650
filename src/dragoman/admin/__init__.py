"""The admin interface: what operators do to a gateway, as HTTP operations under `/admin/v1`.

A running gateway answers them on a Unix socket that only its own user can open (`server`), and,
where the configuration allows it, to operators with a token on its HTTP listener (`remote`). Where
no gateway runs, the command line runs the same operations in its own process. Each module of a
subject ends with the table of its operations; `operations` makes one of them for the web kit.
"""
