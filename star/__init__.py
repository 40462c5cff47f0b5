"""STaR: teach a language model to reason from its own successes, and audit what it learns.

Read `star/loop.py` first; the rest of the package is what its lines call.
"""

__version__ = "0.1.0"
