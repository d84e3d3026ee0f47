"""Keeping records: the journal, archives of it, and MLflow, which is filled from it.

The journal is written line by line and flushed to the disk before anything else happens to a
record; MLflow is filled by one thread of the coordinator, beside training, and never from workers.
When the last trials are timed, that thread is handed nothing until they are done. One run at a time
works in a folder: it holds a lock that the system lets go of when the process ends, however it
ends, and a second run is refused in one line.
"""
