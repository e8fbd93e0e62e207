#!/usr/bin/env python3
"""BAD CLIENT: prints what is no outcome: bytes that are not UTF-8, half a JSON object, and a last line of 100 KB."""

import sys

import wire

wire.ask()
sys.stdout.buffer.write(b'\xff\xfe\x00 not text\n{"outcome": "done", \n' + b"x" * 100_000 + b"\n")
sys.stdout.flush()
