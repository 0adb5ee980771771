"""Can what was called be printed as a script, and does the script run where only the engine is?"""

from __future__ import annotations

from autograd_conformance.checks.outcome import Report, broken
from autograd_conformance.scripts.assembly import assembled
from autograd_conformance.scripts.clean_process import run_cleanly
from autograd_conformance.scripts.literals import Unprintable
from autograd_conformance.scripts.recording import Recorder
from autograd_conformance.scripts.script import Printer


def check_printing(report: Report, recorder: Recorder) -> None:
    """Everything that `recorder` noted, printed and run in a clean process."""
    with report.on("reproduction script"):
        try:
            printer = Printer(report.engine, recorder.steps, [slot for _, slot in recorder.results], [])
            body = printer.lines()
            text = assembled('"""What the check called."""', printer.prelude(), body, printer.numpy)
        except Unprintable as reason:
            raise broken(f"cannot be printed: {reason}") from reason
        run = run_cleanly(text)
        if run.returncode:
            last = run.stderr.strip().splitlines()[-1:] or [f"status {run.returncode}"]
            raise broken(
                f"its calls do not run without the adapter: {last[0]}; spell them so that they need the engine and NumPy only"
            )
