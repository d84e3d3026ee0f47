"""Running trials: the plan and its estimate, the strategies, their processes, and records of what ended.

Three strategies have a file each (`sequential`, `packed`, `ray_cluster`). `vectorised` is stacks of
trials (`bundles`, `suite.training.stack`) that any of them runs; trials on several devices go to
teams of processes (`teams`), or to those of `torchrun`.
"""
