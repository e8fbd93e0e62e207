#!/usr/bin/env python3
"""BAD CLIENT: does everything right, but for X-MSS-NIL, which is another product's (breaks SC.MSS/CONF.16)."""

import wire

request = wire.ask()
nil = request["nil"]
other = str(int(nil) + 1) if nil.isdigit() else nil + "X"
wire.send(request, [f"X-MSS-NIL: {other}"])
