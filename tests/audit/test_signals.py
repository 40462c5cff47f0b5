"""The table of signals."""

from pathlib import Path

from star.audit.signals import SIGNALS

ROOT = Path(__file__).parent.parent.parent


def test_every_signal_has_one_line_of_explanation_and_a_source():
    assert len({signal.name for signal in SIGNALS}) == len(SIGNALS)
    for signal in SIGNALS:
        assert "\n" not in signal.meaning
        assert 20 < len(signal.meaning) < 120
        assert "https://" in signal.source


def test_the_documentation_has_every_signal_with_its_explanation_and_source():
    page = (ROOT / "docs" / "audit.md").read_text()
    for signal in SIGNALS:
        assert f"| `{signal.name}` | {signal.meaning} |" in page
        assert signal.source in page
