#!/usr/bin/env python3
"""mod_auth_openidc, as Debian ships it, against the sandbox's Pro Santé Connect: login, refresh, logout, client
certificate; and faults of the sandbox keep people out.

Usage: psc_apache.py BINARY. One line a check; ends with 1 where one is not as expected.
"""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse

from psc_lab import FAILED, Browser, Lab, expect

MODULES = pathlib.Path("/usr/lib/apache2/modules")
NAME = "mod_auth_openidc"

CONFIG = """
ServerRoot {root}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {root}/pid
Mutex file:{root} default
ErrorLog {root}/error.log
LogLevel warn
{modules}
DocumentRoot {root}/www
<Directory {root}/www>
  Options +Includes
  SetOutputFilter INCLUDES
</Directory>
OIDCProviderMetadataURL {discovery}
OIDCProviderAuthorizationEndpoint {wallet}
OIDCCABundlePath {ca}
OIDCClientID {client}
{authentication}
OIDCRedirectURI {base}/callback
OIDCDefaultLoggedOutURL {base}/bye.html
OIDCCryptoPassphrase {passphrase}
OIDCScope "openid scope_all"
OIDCAuthRequestParams acr_values=eidas1
OIDCPKCEMethod S256
OIDCResponseType code
OIDCRemoteUserClaim preferred_username
OIDCStateTimeout 120
OIDCSessionInactivityTimeout 1200
OIDCRefreshAccessTokenBeforeExpiry 118
OIDCCookieSameSite On
OIDCHTTPTimeoutLong 3
OIDCHTTPTimeoutShort 3
<Location />
  Require all granted
</Location>
<Location /private>
  AuthType openid-connect
  Require valid-user
</Location>
<Location /callback>
  AuthType openid-connect
  Require valid-user
</Location>
"""


class Apache:
    """A server of one's own, on a free port."""

    def __init__(self, lab, client, authentication):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.root = lab.folder / f"apache-{client}"
        (self.root / "www/private").mkdir(parents=True)
        (self.root / "www/private/index.html").write_text('user=<!--#echo var="REMOTE_USER" --> id=<!--#echo var="OIDC_CLAIM_SubjectNameID" -->.')
        (self.root / "www/bye.html").write_text("bye")
        self.base, self.lab, self.client, self.authentication = f"http://127.0.0.1:{self.port}", lab, client, authentication

    def start(self, secret=None):
        """Writes the configuration and starts; waits for the port."""
        names = "mpm_event authn_core authz_core authz_user mime dir include auth_openidc alias env"
        modules = "\n".join(
            f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in names.split() if (MODULES / f"mod_{name}.so").exists()
        )
        text = CONFIG.format(
            root=self.root, port=self.port, modules=modules, discovery=self.lab.up["psc"]["wallet_discovery"], wallet=f"{self.lab.issuer}/protocol/openid-connect/auth",
            ca=self.root / "ca.pem", client=self.client, base=self.base, passphrase=os.urandom(16).hex(),
            authentication=self.authentication.format(secret=secret),
        )
        (self.root / "mime.types").write_text("text/html html\n")
        shutil.copy(self.lab.ca_file, self.root / "ca.pem")  # apache2 is another user, the data directory is closed
        (self.root / "httpd.conf").write_text(text + f"\nTypesConfig {self.root}/mime.types\n")
        os.chmod(self.lab.folder, 0o755)
        for path in [self.root, *self.root.rglob("*")]:
            os.chmod(path, 0o755 if path.is_dir() else 0o644)
        command = [shutil.which("apache2") or "/usr/sbin/apache2", "-f", str(self.root / "httpd.conf"), "-DFOREGROUND"]
        if os.getuid() == 0:
            with open(self.root / "httpd.conf", "a", encoding="utf-8") as file:
                file.write("User www-data\nGroup www-data\n")
            shutil.chown(self.root, "www-data")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            if self.process.poll() is not None:
                raise RuntimeError(self.process.stderr.read())
            time.sleep(0.1)
        raise RuntimeError("apache2 does not answer")

    def log(self):
        """What it said last."""
        return (self.root / "error.log").read_text(errors="replace")[-2500:]

    def enter(self):
        """A new person's way in: her browser, and the page she ends at."""
        browser = Browser(self.lab.ca_file)
        back = browser.accept(f"{self.base}/private/", f"{self.base}/callback")
        page = browser.open(back)
        if page.location:
            page = browser.open(urllib.parse.urljoin(self.base, page.location))
        return browser, page

    def stop(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait(20)


def is_in(page):
    """Whether the page knows the person."""
    found = re.search(r"user=(\S+) id=(\S+)\.", page.text)
    return bool(found) and page.status == 200 and found.group(1) != "(none)"


def judge(lab):
    """Every check."""
    apache = Apache(lab, NAME, "OIDCClientSecret {secret}")
    secret = lab.register(NAME, f"{apache.base}/callback", f"{apache.base}/bye.html")
    apache.start(secret)
    try:
        browser, page = apache.enter()
        expect(f"{NAME}: login and user information", is_in(page), page.text + apache.log())
        page = browser.open(f"{apache.base}/private/")
        expect(f"{NAME}: the session lasts", is_in(page))
        time.sleep(3)  # 120 s of life, renewed from 118 s before its end
        page = browser.open(f"{apache.base}/private/")
        log = lab.browser.open(urllib.parse.urljoin(lab.wallet, f"/clients/edit?client={NAME}")).text
        expect(f"{NAME}: refresh before the end", is_in(page) and "by=refresh" in log, log[-800:])
        out = browser.open(f"{apache.base}/callback?logout={urllib.parse.quote(apache.base + '/bye.html')}")
        left = browser.open(out.location) if out.location else out
        expect(f"{NAME}: logout goes through Pro Santé Connect and comes back", (left.location or "").startswith(f"{apache.base}/bye.html"), f"{out.location} {left.status} {left.location}")
        page = browser.open(f"{apache.base}/private/")
        expect(f"{NAME}: after the logout nobody is in", not is_in(page) and page.status == 302, page.text)
        for fault in ("expired", "future", "wrong-issuer", "wrong-key", "alg-none", "missing-claims", "slow:5s", "unavailable-503", "down"):
            lab.arm(NAME, fault, "5")
            try:
                page = apache.enter()[1]
                inside, seen = is_in(page), f"{page.status} {page.text}"
            except Exception as error:  # noqa: BLE001: the wallet itself may be struck
                inside, seen = False, str(error)
            lab.disarm()
            expect(f"{NAME}: fault {fault} keeps people out", not inside, seen)
        lab.arm(NAME, "other-identity")
        apache.enter()
        log = apache.log()
        expect(f"{NAME}: fault other-identity: the user information is refused", "from userinfo endpoint does not match" in log, log)
        lab.disarm()
        expect(f"{NAME}: healthy again", is_in(apache.enter()[1]), apache.log())
        lab.arm(NAME, "jwks-rotated")
        expect(f"{NAME}: a rotated key is followed", is_in(apache.enter()[1]), apache.log())
        for fault in ("refresh-refused", "session-killed"):
            browser, _ = apache.enter()
            lab.arm(NAME, fault, "5")
            time.sleep(3)
            browser.open(f"{apache.base}/private/")
            lab.disarm()
            log = apache.log()
            expect(f"{NAME}: fault {fault} makes the refresh fail", "could not be refreshed" in log, log)
    finally:
        apache.stop()

    from_certificate(lab)


def from_certificate(lab):
    """A client certificate instead of a secret."""
    cert, key = lab.certificate()
    subject = subprocess.run(
        ["openssl", "x509", "-in", cert, "-noout", "-subject", "-nameopt", "RFC2253"], capture_output=True, text=True, check=True
    ).stdout.partition("subject=")[2].strip()
    name = f"{NAME}-certificate"
    settings = f"OIDCClientTokenEndpointCert {cert}\nOIDCClientTokenEndpointKey {key}\nOIDCProviderTokenEndpointAuth none"
    apache = Apache(lab, name, settings)
    lab.register(name, f"{apache.base}/callback", f"{apache.base}/bye.html", certificate_subject=subject)
    os.chmod(pathlib.Path(cert).parent, 0o755)
    for file in (cert, key):
        os.chmod(file, 0o644)  # of a throw-away lab; apache2 reads them as another user
    apache.start()
    try:
        page = apache.enter()[1]
        expect(f"{NAME}: a client certificate instead of a secret", is_in(page), f"{page.status} {page.text} {apache.log()[-400:]}")
    finally:
        apache.stop()


def main():
    """Starts a sandbox and takes the module through it."""
    for needed, why in ((MODULES / "mod_auth_openidc.so", "libapache2-mod-auth-openidc"), (pathlib.Path("/usr/sbin/apache2"), "apache2")):
        if not needed.exists():
            print(f"SKIP {why}: not installed")
            return 0
    lab = Lab(os.path.abspath(sys.argv[1]))
    try:
        judge(lab)
    finally:
        lab.stop()
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
