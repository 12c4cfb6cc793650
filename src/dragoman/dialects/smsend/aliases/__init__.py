"""TPOA aliases: the names and numbers that an account may send from."""
