"""The report of a weighing: one HTML file, and the same as Markdown, JUnit XML and figures."""

from weighbridge.weigh.report.html import render

__all__ = ["render"]
