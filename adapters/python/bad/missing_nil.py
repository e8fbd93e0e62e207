#!/usr/bin/env python3
"""BAD CLIENT: does everything right, but for the missing X-MSS-NIL (breaks SC.MSS/CONF.16)."""

import wire

wire.send(wire.ask(), [])
