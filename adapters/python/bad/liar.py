#!/usr/bin/env python3
"""BAD CLIENT: says that all is done, and never opens a connection (a verdict must come from the wire)."""

import wire

wire.ask()
wire.tell("done", "250 2.0.0 Ok: queued as 4F2D61A0B3C")
