"""`cadence doctor`: how the installation is, and how to mend what is not well. Reads only; says no secret.

The command line and the button in `/cadence` ask the same questions: `examine` is given to the handlers as a function.
"""

from bot.doctor.page import lines, spoken_in
from bot.doctor.visit import Ground, examine, unsettled, visit

__all__ = ["Ground", "examine", "lines", "spoken_in", "unsettled", "visit"]
