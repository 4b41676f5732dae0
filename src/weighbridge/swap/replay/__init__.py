"""Recorded requests asked again of another engine: would the route be as well off with it?"""

from weighbridge.swap.replay.asking import Journal, Judges, Progress, Replay, Terms, nobody, plan_for
from weighbridge.swap.replay.course import Course
from weighbridge.swap.replay.drawing import Drawn, Question, draw, with_targets
from weighbridge.swap.replay.report import Report, report

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
    "nobody",
    "plan_for",
    "report",
    "with_targets",
]
