"""The one exception that is meant for the user. Imports only the standard library.

Everything a user can mend (a recipe, a data file, a model path, a run directory) raises `UserError`; the command line
prints its message without a traceback and exits with 2. Any other exception is a bug of ours and keeps its traceback.
"""


class UserError(ValueError):
    """What is wrong, where (file, key, line, id), the value, and what to do about it."""
