#!/usr/bin/env python3
"""BAD CLIENT: presents words where a PSC access token is due (breaks SC.MSS/CONF.07)."""

import wire

request = wire.ask()
wire.try_logins(request, "XOAUTH2", wire.xoauth2(wire.user(request), "this-is-no-token"))
