"""The open scorecard document: written, read, verified and compared. See `docs/scorecard-format.md`."""

from weighbridge.weigh.document.carried import extract
from weighbridge.weigh.document.changed import Diff
from weighbridge.weigh.document.changes import diff
from weighbridge.weigh.document.checking import Verification, verify
from weighbridge.weigh.document.reading import Opened, open_document
from weighbridge.weigh.document.rebuilding import weighing_of
from weighbridge.weigh.document.shape import FORMAT, VERSION, Document
from weighbridge.weigh.document.writing import document, embed, embed_in, write

__all__ = [
    "FORMAT",
    "VERSION",
    "Diff",
    "Document",
    "Opened",
    "Verification",
    "diff",
    "document",
    "embed",
    "embed_in",
    "extract",
    "open_document",
    "verify",
    "weighing_of",
    "write",
]
