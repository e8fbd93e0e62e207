#!/usr/bin/env python3
"""BAD CLIENT: logs in before TLS, and so sends the token in clear (breaks SC.MSS/CONF.01, CONF.05, CONF.06)."""

import wire

request = wire.ask()
mechanism, response = wire.right_login(request)
accepted = []
for line in wire.places(request):
    try:
        if isinstance(line, wire.Imap):
            line.hear() if line.place["security"] == "starttls" else None
            line.say(f"b1 AUTHENTICATE {mechanism} {response}")
            accepted.append(line.end("b1").startswith("b1 OK"))
        else:
            if line.place["security"] == "starttls":
                line.reply()
                line.command("EHLO [127.0.0.1]")
            accepted.append(line.command(f"AUTH {mechanism} {response}")[0] == 235)
    except OSError:
        accepted.append(False)
if any(accepted):
    wire.tell("done", "the server took a login in clear")
wire.tell("refused", "every login in clear was refused; the token went out in clear all the same")
