"""Effects, quantities, changes and provenance in words, in every language of the catalogue.

Verdicts are worded for the terminal, for MLflow and for the pages, so words are no affair of pages.
"""
