"""The commands, one file each with what it prints, and what they take.

`suite.cli` loads a command's file when it runs, so imports stand at the top as anywhere. Results go
to standard output, progress and refusals to standard error.
"""
