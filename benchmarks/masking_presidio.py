"""The other side of `benchmarks/masking.py`: run by the interpreter of Presidio's own environment, never by ours.

Reads one JSON object a line, `{"texts": [...]}`, and answers `{"spans": [...], "wall": [...], "cpu": [...]}`: the spans
of each text as [start, end, label], and the milliseconds that each took.
"""

from __future__ import annotations

import json
import sys
import time

import tldextract  # type: ignore[import-not-found]  # of the other environment
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # type: ignore[import-not-found]  # of the other environment
from presidio_analyzer.nlp_engine import SpacyNlpEngine  # type: ignore[import-not-found]  # of the other environment


def main() -> None:
    """Answer until there is nothing more to answer."""
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())  # the list that it brings along
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers()
    engine = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": sys.argv[1]}])
    analyzer = AnalyzerEngine(nlp_engine=engine, registry=registry)
    analyzer.analyze(text="Warm up, please, Mr Smith.", language="en")
    for line in sys.stdin:
        spans, wall, cpu = [], [], []
        for text in json.loads(line)["texts"]:
            started, worked = time.perf_counter(), time.process_time()
            found = analyzer.analyze(text=text, language="en")
            cpu.append((time.process_time() - worked) * 1000)
            wall.append((time.perf_counter() - started) * 1000)
            spans.append([[one.start, one.end, one.entity_type] for one in found])
        print(json.dumps({"spans": spans, "wall": wall, "cpu": cpu}), flush=True)


if __name__ == "__main__":
    main()
