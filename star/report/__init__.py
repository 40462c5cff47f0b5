"""The report: a curve, a table and a page, from the run directory's files only."""

from star.report.page import write_report
from star.report.table import print_table

__all__ = ["print_table", "write_report"]
