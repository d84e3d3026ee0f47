"""The command line: a table of commands, of which the one that runs is loaded and no other."""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import signal
import sys

import click

from suite.ground.cache import ensure_home
from suite.ground.errors import RequestError, nearest

# Each command's line of help and where it is. The pages' commands are in `reports`, which stands
# above `suite`: this table names them, and nothing here imports them.
COMMANDS = {
    "list": ("Show studies, their claims and tiers.", "suite.commands.list:list_"),
    "plan": ("Show what a run would do, and what it costs.", "suite.commands.plan:plan"),
    "run": ("Run every trial that is not in the store yet.", "suite.commands.run:run"),
    "verdicts": ("Show the findings of latest runs.", "suite.commands.verdicts:verdicts"),
    "results": ("Show or write the trials of a run.", "suite.commands.results:results"),
    "report": ("Write the pages of latest runs.", "reports.cli:report"),
    "reproduce": ("Run trials again and compare bits.", "suite.commands.reproduce:reproduce"),
    "published": ("Write the pages of the results that come along.", "reports.cli:published"),
    "compare": ("Set two result sets side by side.", "reports.cli:compare"),
    "export": ("Write all results to one archive.", "reports.cli:export"),
    "import": ("Take an archive's results in.", "suite.commands.import_:import_"),
    "forget": ("Remove a study's results.", "suite.commands.forget:forget"),
    "check": (
        "Try components: a network, rule, loss, source, or all that a study defines.",
        "suite.commands.check:check",
    ),
    "train": ("Train one recipe, no study.", "suite.commands.train:train"),
    "try": ("Rank a few networks on data of one's own.", "suite.commands.try_:try_"),
    "submit": ("Write a competition's file to hand in.", "suite.commands.submit:submit"),
    "new": ("Write a study file to fill in.", "suite.commands.new:new"),
    "ui": ("Open MLflow's UI on the store.", "suite.commands.ui:ui"),
}


class Commands(click.Group):
    """A group that loads a command when it runs, and answers an unknown one with the nearest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][1].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (words, _) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise RequestError(f"there is no command '{args[0]}' {nearest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"max_content_width": 100})
def cli() -> None:
    """Rules of thumb about training neural networks, put on trial."""


def main() -> None:
    """Run the command line. Exit 0: done; 1: a check failed; 2: wrong request; 130: interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter is no fault
    ensure_home()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)
    if "TORCHELASTIC_RUN_ID" in os.environ:
        from suite.execution import torchrun

        if torchrun.started():
            torchrun.take_part(_run)
    sys.exit(_run())


def _stop(*_: object) -> None:
    """Stop at the first Ctrl-C when what is finished is safe everywhere, at the second at once."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # the journal has it all the same
    raise KeyboardInterrupt


def _run() -> int:
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()  # what cannot be written shows here, and not when Python has ended
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        code = 2
    except BrokenPipeError:  # who reads has had enough
        _leave_output()
        code = 1
    except OSError as error:
        code = _refuse(_system_says(error))
    except click.ClickException as error:
        code = _refuse(error.format_message())
    except (ImportError, MemoryError, SystemError) as error:
        # Most of the libraries are read when they are needed, and that needs memory.
        said = str(error).partition("\n")[0] or "there is no memory left"
        code = _refuse(f"a library cannot be loaded here: {type(error).__name__}: {said}")
    except RequestError as error:
        code = _refuse(str(error))
    except (KeyboardInterrupt, click.Abort):
        print("interrupted; finished trials are kept, and the next run goes on", file=sys.stderr)
        code = 130
    except SystemExit as ended:
        code = ended.code
    return code or 0


def _system_says(error: OSError) -> str:
    """Return in one line what the system refused of which no one else has made a sentence."""
    if error.errno == errno.ENOSPC and not error.filename:
        _leave_output()
        return f"standard output cannot be written: {error.strerror}"
    said = f"the system says: {error.strerror or error}"
    if error.filename:
        said += f": {error.filename!r}"
    if error.errno == errno.EMFILE:
        said += " (raise the limit, `ulimit -n`, or take fewer --workers)"
    return said


def _leave_output() -> None:
    """Give up standard output, which Python would otherwise write to once more at its end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(message: str) -> int:
    print(f"suite: {' '.join(map(str.strip, message.splitlines()))}", file=sys.stderr)
    return 2
