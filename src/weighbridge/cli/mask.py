"""`weighbridge mask`: find personal data and secrets, put surrogates in their place, bring the values back."""

from __future__ import annotations

import typer

from weighbridge.cli import mask_bench, mask_drill, mask_eval, mask_file, mask_models, mask_spans, mask_text

app = typer.Typer(
    help="Find personal data and secrets, mask them, and bring them back.",
    no_args_is_help=True,
)
app.command()(mask_spans.spans)
app.command()(mask_text.apply)
app.command()(mask_text.restore)
app.command()(mask_text.forget)
app.command()(mask_file.file)
app.command()(mask_drill.drill)
app.command("eval")(mask_eval.evaluate)
app.command()(mask_bench.bench)
app.add_typer(mask_models.app, name="models")
