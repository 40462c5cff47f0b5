"""The report: a table, and a page with charts, from the run directory's files only.

`load.py` reads a run; `accuracy.py`, `training.py`, `effort.py`, `trust.py`, `specimens.py`, `cost.py` and `origin.py`
say what the sections of the page show; `charts.py` draws, `svg.py` for the page and `pictures.py` for papers; `page.py`
puts it together, and `at_work.py` keeps it up while a run goes on. `table.py` and `compare.py` are for the console.
"""

from star.report.at_work import WorkingPage
from star.report.page import PAGE, write_report
from star.report.table import print_table, print_verdict

__all__ = ["PAGE", "WorkingPage", "print_table", "print_verdict", "write_report"]
