"""The words of a study file, as data: recipes, grids, claims, figures, and the record of a trial.

Nothing here loads torch, pandas or NumPy, so that studies are listed at once. A study says what is
measured, never how it is run.
"""
