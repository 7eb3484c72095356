"""Views in words: texts, tables, reports."""
