"""A sandbox and a person's browser, for the clients of other makes that log in with its Pro Santé Connect."""

import html
import http.cookiejar
import json
import pathlib
import re
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

FAILED = []


def expect(name, good, seen=""):
    """Notes one result."""
    print(f"  {'ok  ' if good else 'FAIL'} {name}", flush=True)
    if not good:
        FAILED.append(name)
        print("       " + str(seen)[:600])


class Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are looked at, not followed."""

    def redirect_request(self, *_):
        return None


class Page:
    """One answer."""

    def __init__(self, answer, url):
        self.status, self.location = answer.status, answer.headers.get("Location")
        self.text, self.url = answer.read().decode(errors="replace"), url

    def hidden(self, name):
        """The value of a hidden field."""
        found = re.search(f'name="{name}" value="([^"]*)"', self.text)
        return html.unescape(found.group(1)) if found else None


class Browser:
    """Keeps cookies, knows the lab's authority."""

    def __init__(self, ca_file):
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        https = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_file))
        self.opener = urllib.request.build_opener(https, cookies, Stay, urllib.request.ProxyHandler({}))
        self.opener.addheaders = [("Accept", "text/html,*/*"), ("User-Agent", "Mozilla/5.0")]

    def open(self, url, form=None):
        """One request."""
        body = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            return Page(self.opener.open(url, body, timeout=30), url)
        except urllib.error.HTTPError as answer:
            return Page(answer, url)

    def accept(self, url, until):
        """Follows the way to the wallet's page, accepts as its first person, and gives the address of return."""
        page = self.open(url)
        for _ in range(5):
            if page.location is None:
                break
            target = urllib.parse.urljoin(page.url, page.location)
            if target.startswith(until):
                return target
            page = self.open(target)
        found = re.search(r'value="(MOBILE [^"]+)"', page.text)
        if not found:
            raise RuntimeError(f"no choice at {page.url}: {page.status} {page.text[:300]}")
        choice = found.group(1)
        target = urllib.parse.urljoin(page.url, "/auth/decision")
        return self.open(target, {"request": page.hidden("request"), "choice": choice}).location


class Lab:
    """A running sandbox."""

    def __init__(self, binary):
        self.binary, self.folder = binary, pathlib.Path(tempfile.mkdtemp(prefix="vaguemestre-psc-"))
        self.server = subprocess.Popen(
            [binary, "up", "--ports", "auto", "--json", "--data", str(self.folder / "data")],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        self.up = json.loads(self.server.stdout.readline())
        self.ca_file, self.issuer = self.up["ca_file"], self.up["psc"]["issuer"]
        self.browser = Browser(self.ca_file)
        self.metadata = json.loads(self.browser.open(self.up["psc"]["wallet_discovery"]).text)
        self.wallet = self.metadata["authorization_endpoint"]
        self.desk("/identities/samples", "/identities")  # people to log in as

    def desk(self, to, shown, **form):
        """A form of the desk."""
        seal = self.browser.open(urllib.parse.urljoin(self.wallet, shown)).hidden("seal")
        return self.browser.open(urllib.parse.urljoin(self.wallet, to), {"seal": seal, **form})

    def register(self, client_id, redirect, bye, **more):
        """A new client; gives its secret, which is shown once."""
        page = self.desk(
            "/clients", "/clients/edit", new="1", client_id=client_id, redirect_uris=redirect,
            post_logout_redirect_uris=bye, decoupled="1", **more,
        )
        found = re.search(r'class="note good".*?class="mono">([^<]+)<', page.text, re.S)
        return html.unescape(found.group(1)) if found else None

    def arm(self, client_id, fault, times="1"):
        """Arms a fault."""
        self.desk("/faults", "/faults", client=client_id, fault=fault, times=times)

    def disarm(self):
        """Disarms every fault."""
        while number := re.search(r'name="id" value="(\d+)"', self.browser.open(urllib.parse.urljoin(self.wallet, "/faults")).text):
            self.desk("/faults/disarm", "/faults", id=number.group(1))

    def answer(self, choice):
        """What the person presses on her telephone; gives the page she saw."""
        page = self.browser.open(urllib.parse.urljoin(self.wallet, "/ecps"))
        form = {"seal": page.hidden("seal"), "request": page.hidden("request"), "choice": choice}
        self.browser.open(urllib.parse.urljoin(self.wallet, "/ecps"), form)
        return page

    def certificate(self):
        """A client certificate and its key, as files."""
        data, out = str(self.folder / "data"), self.folder / "cert"
        add = ["account", "add", "--nil", "2621", "--name", "P", "--psc-id", "899700000018", "--app-id", "163254178"]
        subprocess.run([self.binary, *add, "--data", data, "--json"], check=True, capture_output=True)
        subprocess.run(
            [self.binary, "cert", "--nil", "2621", "--out", str(out), "--data", data, "--json"],
            check=True, capture_output=True,
        )
        return str(out / "auth_cli.pem"), str(out / "auth_cli.key")

    def stop(self):
        """Ends the server."""
        self.server.terminate()
        self.server.wait(20)
