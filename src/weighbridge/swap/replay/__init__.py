"""Recorded requests asked again of another engine: would the route be as well off with it?"""

from weighbridge.swap.replay.asking import Judges, Progress, Replay, Terms, nobody
from weighbridge.swap.replay.course import Course
from weighbridge.swap.replay.drawing import Drawn, Question, draw, earlier, with_targets
from weighbridge.swap.replay.report import Report, report
from weighbridge.swap.replay.seams import Journal, plan_for

__all__ = [
    "Course",
    "Drawn",
    "Journal",
    "Judges",
    "Progress",
    "Question",
    "Replay",
    "Report",
    "Terms",
    "draw",
    "earlier",
    "nobody",
    "plan_for",
    "report",
    "with_targets",
]
