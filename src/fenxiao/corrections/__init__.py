"""Corrections: what was earned is a function of the facts now known, and differences are posted."""

from fenxiao.corrections.book import Book, Entry
from fenxiao.corrections.correcting import correct
from fenxiao.corrections.result import Correction

__all__ = ["Book", "Correction", "Entry", "correct"]
