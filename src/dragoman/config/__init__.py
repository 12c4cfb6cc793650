"""The configuration: a TOML file, overridden by the environment, as frozen and described values."""

from dragoman.config.errors import ConfigError, Mistake
from dragoman.config.loading import check, load
from dragoman.config.settings import Settings
from dragoman.config.values import Secret

__all__ = ["ConfigError", "Mistake", "Secret", "Settings", "check", "load"]
