"""One run, from its plan to its findings; the stores of this folder; result sets taken in and paired.

Only this room writes records, to the journal first: the coordinator those that workers return,
`intake` and `stores` those that come from elsewhere.
"""
