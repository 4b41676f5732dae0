"""Runs code that engines wrote: bounded, without network, with nothing of this machine to read or to harm.

`boxes` finds the sandbox, `inside` is what runs within it, `running` starts and ends it, `grading` makes grades of it.
"""
