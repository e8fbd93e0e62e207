#!/usr/bin/env python3
"""BAD CLIENT: asks for EXTERNAL and shows no client certificate (breaks SC.MSS/CONF.12)."""

import wire

request = wire.ask()
wire.try_logins(request, "EXTERNAL", wire.b64(request["mailbox"]["address"]), with_certificate=False)
