"""The commands, one file each with what it prints, and what they take.

`suite.cli` loads a command's file when it runs, so imports stand at the top, but for what loads torch
or pandas: a wrong request is answered first. Results go to standard output, progress and refusals
to standard error. The commands that write pages are in `reports.cli`; of `compare`, the text is here.
"""
