"""What all tests of recipes share."""

import pytest

from star.errors import UserError
from star.recipe import load_recipe

BASE = """\
name: demo
task:
  kind: arithmetic
model:
  starter: {}
"""


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """Load recipe text with overrides; the file is always `demo.yaml`, and `more` starts on its line 6."""
    path = tmp_path_factory.mktemp("recipe") / "demo.yaml"

    def load(*overrides, base=BASE, more=""):
        path.write_text(base + more, encoding="utf-8")
        return load_recipe(path, overrides)

    return load


@pytest.fixture(scope="module")
def complaint(load):
    """The message of the error that loading raises."""

    def complaint(*overrides, **text):
        with pytest.raises(UserError) as caught:
            load(*overrides, **text)
        return str(caught.value)

    return complaint
