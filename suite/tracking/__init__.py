"""Keeping records: the journal first, MLflow second. One writer, the coordinator, writes both."""
