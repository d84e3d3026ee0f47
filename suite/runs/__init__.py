"""One run, from its plan to its findings; the stores of this folder; results taken in from elsewhere.

The coordinator is the only writer of records: workers return them.
"""
