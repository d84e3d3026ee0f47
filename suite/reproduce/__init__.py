"""Running trials again from their records: bits compared, models kept, pictures shown.

Reproduction starts from the record alone: strategy, threads and company are the recorded ones, and
the data are loaded anew. Bits are compared in the order in which a trial makes them, so the first
difference is the nearest to its cause. What a clock measured is never compared, and a verdict is
asked again with the recorded seconds. With `--across` both sides run here and now: nothing differs
but what was asked for.
"""
