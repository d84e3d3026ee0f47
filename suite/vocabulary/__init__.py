"""Studies, recipes, grids, claims, metrics, figures and records, as data; finding `studies/*.py`; the notes.

Nothing here loads torch, pandas or NumPy, so that studies are listed at once. A study says what is
measured, never how it is run.
"""
