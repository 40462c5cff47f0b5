"""STaR: teach a language model to reason from its own successes, and audit what it learns.

Read `star/loop.py` first; the rest of the package is what its lines call. From Python: `from star import load_recipe,
run` (`star/api.py`, docs/api.md).
"""

from typing import Any

__version__ = "0.1.0"
__all__ = ["UserError", "load_recipe", "run"]


def __getattr__(name: str) -> Any:
    """What is imported from here, once it is asked for: `import star` imports nothing."""
    if name in ("load_recipe", "run"):
        from star import api

        return getattr(api, name)
    if name == "UserError":
        from star.errors import UserError

        return UserError
    raise AttributeError(f"module 'star' has no attribute {name!r}")
