#!/usr/bin/env node
// A Vaguemestre adapter around imapflow and nodemailer.
//
// The bench runs it once per step: one JSON object on standard input, one JSON object as the last line of standard
// output (docs/adapters.md). To plug your own product in, keep `main` and replace the bodies of the steps.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import tls from 'node:tls';
import { ImapFlow } from 'imapflow';
import nodemailer from 'nodemailer';
import { archive, readDocuments, subject } from './xdm.mjs';

// The name that a client gives to EHLO: not the workstation's.
const EHLO_NAME = '[127.0.0.1]';
// A server certificate must be issued by this authority, whatever the environment (SC.MSS/CONF.27).
const ISSUER = 'ELEMENTAIRE ORGANISATIONS';

// The server said no, or we do not trust it: trying again would not help.
class Refused extends Error {}
// The server refused the access token: one renewal is allowed, then one more login.
class TokenRefused extends Refused {}

// --- Trust ---------------------------------------------------------------------------------------------------------

// The revocation lists as PEM; a kept one is used where the server cannot be reached (SC.MSS/CONF.22).
async function fetchCrls(request) {
  const keep = join(request.work_dir, 'crl');
  mkdirSync(keep, { recursive: true });
  return Promise.all((request.crl_urls ?? []).map(async (url) => {
    const path = join(keep, `${createHash('sha256').update(url).digest('hex').slice(0, 32)}.der`);
    let der;
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(5000), redirect: 'error' });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      der = Buffer.from(await answer.arrayBuffer());
      writeFileSync(`${path}.new`, der);
      renameSync(`${path}.new`, path);
    } catch (error) {
      try {
        der = readFileSync(path);
      } catch {
        throw new Refused(`no revocation list from ${url}, and none kept: ${error.message}`);
      }
    }
    return `-----BEGIN X509 CRL-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END X509 CRL-----\n`;
  }));
}

// The given anchors and no others, TLS 1.2 or later, revocation of the whole chain, whatever the environment says.
async function trust(request) {
  const crl = await fetchCrls(request);
  // Without any list no server is trusted, which is what the rule asks for; node would not check at all.
  if (!crl.length) throw new Refused('no revocation list is known: no server is trusted');
  const options = {
    ca: readFileSync(request.ca_file),
    crl, // one list each: node reads the first of a text and forgets the others
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    checkServerIdentity: (host, certificate) => tls.checkServerIdentity(host, certificate)
      ?? (certificate.issuer.CN?.includes(ISSUER) ? undefined : new Error(`the certificate was issued by ${certificate.issuer.CN}, not by ${ISSUER}`)),
  };
  if (request.auth.mechanism === 'external') {
    options.cert = readFileSync(request.auth.cert_file);
    options.key = readFileSync(request.auth.key_file);
  }
  return options;
}

// --- Credentials ---------------------------------------------------------------------------------------------------

// The access token lives in memory only, is thrown away when refused, and is renewed once at most.
class Credentials {
  constructor(request, options) {
    this.external = request.auth.mechanism === 'external';
    this.user = request.auth.user ?? request.mailbox.address;
    this.token = request.auth.access_token;
    // Where the bench expects a refusal, the credential is presented as it is.
    this.grant = request.expect_refusal ? null : request.auth.refresh;
    this.options = options;
    this.used = null;
  }

  mechanism() {
    return this.external ? 'EXTERNAL' : 'XOAUTH2';
  }

  present() {
    if (!this.external) this.used = createHash('sha256').update(this.token).digest('hex');
    return this.token;
  }

  // The SASL response in base64.
  response() {
    const text = this.external ? this.user : `user=${this.user}\x01auth=Bearer ${this.present()}\x01\x01`;
    return Buffer.from(text).toString('base64');
  }

  // Asks Pro Santé Connect for another access token (RFC 6749, section 6).
  async renew() {
    const { token_endpoint: endpoint, ...fields } = this.grant;
    this.grant = null;
    const form = new URLSearchParams({ grant_type: 'refresh_token', ...fields }).toString();
    const { checkServerIdentity: _, ...options } = this.options;
    const [status, body] = await new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': Buffer.byteLength(form) };
      const asked = https.request(endpoint, { method: 'POST', headers, timeout: 10000, ...options }, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part)).on('error', reject);
        answer.on('end', () => resolve([answer.statusCode, Buffer.concat(parts).toString()]));
      });
      asked.on('error', reject).on('timeout', () => asked.destroy(new Error('Pro Santé Connect does not answer')));
      asked.end(form);
    });
    // The body is not shown: it holds what must not be logged.
    if (status !== 200) throw new Refused(`Pro Santé Connect did not renew the token (HTTP ${status})`);
    this.token = JSON.parse(body).access_token;
  }

  // Opens a session; after a refused token: one renewal, one new connection, no loop (SC.MSS/CONF.11).
  async open(session) {
    try {
      return await session();
    } catch (error) {
      if (!(error instanceof TokenRefused) || !this.grant?.refresh_token) throw error;
      await this.renew();
      return session();
    }
  }
}

// --- IMAP ----------------------------------------------------------------------------------------------------------

// imapflow has no EXTERNAL: its own login is replaced by one command of its command engine.
class ExternalImap extends ImapFlow {
  async authenticate() {
    this.expectCapabilityUpdate = true;
    try {
      const answer = await this.exec('AUTHENTICATE', [{ type: 'ATOM', value: 'EXTERNAL' }], {
        onPlusTag: async () => this.write(Buffer.from(this.options.auth.user).toString('base64')),
      });
      answer.next();
    } catch (error) {
      throw Object.assign(error, { authenticationFailed: true });
    }
    await this.setAuthenticationState();
    return true;
  }
}

async function imapLogin(request, options, credentials) {
  const { host, port, security } = request.imap;
  const Client = credentials.external ? ExternalImap : ImapFlow;
  const auth = credentials.external ? { user: credentials.user } : { user: credentials.user, accessToken: credentials.present() };
  const secure = security === 'tls';
  // doSTARTTLS: without STARTTLS nothing is sent in clear.
  const client = new Client({ host, port, secure, doSTARTTLS: !secure, auth, tls: options, logger: false, disableAutoIdle: true });
  client.on('error', () => {}); // the pending command fails too, and says why
  try {
    await client.connect();
  } catch (error) {
    client.close();
    if (!error.authenticationFailed) throw error;
    if (['UNAVAILABLE', 'INUSE', 'LIMIT'].includes(error.serverResponseCode)) throw new Error('the IMAP server is not available for now');
    throw new (credentials.external ? Refused : TokenRefused)('the IMAP server refused the login');
  }
  return client;
}

// The header fields of the message with this Message-ID; waits for it a little, as a mailbox fills while we look.
async function findMessage(client, identifier, patience) {
  const until = Date.now() + patience;
  await client.mailboxOpen('INBOX', { readOnly: true });
  for (;;) {
    const uids = await client.search({ header: { 'message-id': identifier } }, { uid: true });
    if (uids?.length) {
      const { headers } = await client.fetchOne(String(uids.at(-1)), { headers: true }, { uid: true });
      return (name) => new RegExp(`^${name}:((?:.*)(?:\\r?\\n[ \\t].*)*)`, 'im').exec(headers.toString())?.[1].replace(/\s+/g, ' ').trim() ?? '';
    }
    if (Date.now() > until) throw new Error('the message to answer is not in the inbox');
    await new Promise((resolve) => { setTimeout(resolve, 200); });
    await client.noop();
  }
}

// --- SMTP ----------------------------------------------------------------------------------------------------------

// Both mechanisms by hand: nodemailer has no EXTERNAL, and puts a token in the AUTH line, which may hold 512 octets
// while a token of Pro Santé Connect is longer (RFC 4954, section 4).
const authenticate = (credentials) => async (line) => {
  let answer = await line.sendCommand(`AUTH ${credentials.mechanism()}`);
  if (answer.status === 334) answer = await line.sendCommand(credentials.response());
  if (answer.status === 334) answer = await line.sendCommand(''); // the JSON refusal wants an empty answer
  if (answer.status !== 235) throw Object.assign(new Error('the SMTP server refused the login'), { status: answer.status });
};

async function smtp(request, options, credentials, work) {
  const { host, port, security } = request.smtp;
  const secure = security === 'tls';
  const transport = nodemailer.createTransport({
    host, port, secure, requireTLS: !secure, name: EHLO_NAME, tls: options,
    auth: { type: 'custom', method: credentials.mechanism(), user: credentials.user },
    customAuth: { [credentials.mechanism()]: authenticate(credentials) },
    disableFileAccess: true, disableUrlAccess: true,
  });
  try {
    return await work(transport);
  } catch (error) {
    if (error.code !== 'EAUTH') throw error;
    if (error.responseCode >= 400 && error.responseCode < 500) throw new Error(`the SMTP server refused for now (${error.responseCode})`);
    throw new (credentials.external ? Refused : TokenRefused)(`the SMTP server refused the login (${error.responseCode ?? 'closed'})`);
  } finally {
    transport.close();
  }
}

// The X-MSS-* headers.
function indicators(request, documents) {
  const { to, facts = {} } = request.message;
  const found = { 'X-MSS-NIL': request.nil }; // on every mail (ECO.2.4.3)
  if (documents.length) { // these two on mails with documents, and on no other (ECO.2.4.1, ECO.2.4.2)
    found['X-MSS-CODECDA'] = documents.map((one) => one.code).join(',');
    found['X-MSS-INS'] = documents.some((one) => one.qualified()) ? 'O' : 'N';
  }
  // FIN only towards a patient, and only where the professional asked for it (ECO.2.2.8).
  const toPatient = facts.to_patient || to.some((address) => address.toLowerCase().endsWith('@patient.mssante.fr'));
  if (toPatient && facts.close) found['X-MSS-MES'] = 'FIN';
  return found;
}

// The mail that the facts ask for; `parent` reads the header of what it answers.
function compose(request, parent) {
  const { message } = request;
  const documents = readDocuments(message.documents ?? []);
  const sender = request.mailbox.address;
  const mail = {
    from: sender,
    to: message.to,
    subject: documents.length ? subject(documents) : message.subject ?? 'Message de test',
    text: message.text ?? '',
    textEncoding: 'quoted-printable',
    headers: indicators(request, documents),
    // nodemailer would write X-Mss-Nil: the same to a mail server, not to a person who reads the log.
    normalizeHeaderKey: (key) => (/^x-mss-/i.test(key) ? key.toUpperCase() : key),
    attachments: [],
  };
  if (parent) {
    // RFC 5322, section 3.6.4.
    mail.inReplyTo = parent('Message-ID');
    mail.references = `${parent('References') || parent('In-Reply-To')} ${mail.inReplyTo}`.trim().split(' ');
    mail.subject = /^re:/i.test(parent('Subject')) ? parent('Subject') : `Re: ${parent('Subject')}`;
  }
  if (documents.length) {
    mail.attachments.push({ filename: 'IHE_XDM.zip', contentType: 'application/zip', content: archive(documents, sender) });
    // A structured document wants a PDF/A-1 made of its text as well (ECO.2.1.5): this example has none, a product must.
    for (const one of documents) {
      const content = one.embeddedPdf();
      if (content) mail.attachments.push({ filename: one.pdfName(), contentType: 'application/pdf', content });
    }
  }
  return mail;
}

// --- Steps: what to replace by your own product ---------------------------------------------------------------------

async function stepLogin(request, options, credentials) {
  const done = [];
  if (request.imap?.host) {
    await (await credentials.open(() => imapLogin(request, options, credentials))).logout();
    done.push('IMAP');
  }
  if (request.smtp?.host) {
    await credentials.open(() => smtp(request, options, credentials, (transport) => transport.verify()));
    done.push('SMTP');
  }
  if (!done.length) throw new Error('the request gives neither an IMAP nor an SMTP server');
  return `logged in and out: ${done.join(', ')}`;
}

async function stepFetch(request, options, credentials) {
  const client = await credentials.open(() => imapLogin(request, options, credentials));
  const { exists } = await client.mailboxOpen('INBOX');
  let detail = 'the inbox is empty';
  if (exists) {
    const { uid, source } = await client.fetchOne('*', { uid: true, source: true });
    writeFileSync(join(request.work_dir, `${uid}.eml`), source);
    await client.messageFlagsAdd(String(uid), ['\\Seen'], { uid: true });
    detail = `${exists} message(s), UID ${uid} read (${source.length} octets)`;
  }
  await client.logout();
  return detail;
}

async function stepSend(request, options, credentials) {
  const { message, mailbox } = request;
  const envelope = { from: mailbox.address, to: message.to };
  const mail = message.eml_file ? { raw: readFileSync(message.eml_file) } : compose(request, null);
  return deliver(request, options, credentials, { ...mail, envelope });
}

async function stepReply(request, options, credentials) {
  const client = await credentials.open(() => imapLogin(request, options, credentials));
  const parent = await findMessage(client, request.message.facts.in_reply_to, (request.deadline_ms ?? 20000) / 2);
  await client.logout();
  if (!request.message.to?.length) request.message.to = [/<([^>]*)>/.exec(parent('From'))?.[1] ?? parent('From')];
  const envelope = { from: request.mailbox.address, to: request.message.to };
  return deliver(request, options, credentials, { ...compose(request, parent), envelope });
}

async function deliver(request, options, credentials, mail) {
  const { response } = await credentials.open(() => smtp(request, options, credentials, (transport) => transport.sendMail(mail)));
  return response;
}

const STEPS = { login: stepLogin, logout: stepLogin, fetch: stepFetch, send: stepSend, reply: stepReply };

// --- The protocol --------------------------------------------------------------------------------------------------

// What kind of end a failure is: a refusal is final, an error may go away.
function outcomeOf(error) {
  if (error instanceof Refused) return 'refused';
  if (error.code === 'EENVELOPE' || error.code === 'EMESSAGE') return error.responseCode >= 500 ? 'refused' : 'error';
  const codes = [error.code, error.cause?.code, error.reason].join(' ');
  if (error.tlsFailed || /ERR_(SSL|TLS)|CERT|CRL|ETLS|EPROTO|SELF_SIGNED|UNABLE_TO/.test(codes) || /certificate|ssl routines|TLS|CRL/.test(error.message)) return 'refused';
  return 'error';
}

function tell(outcome, detail, used = null) {
  const line = `${JSON.stringify({ outcome, detail: String(detail).slice(0, 2000), token_used_sha256: used })}\n`;
  process.stdout.write(line, () => process.exit(outcome === 'unsupported' ? 3 : 0));
}

async function main() {
  let request;
  try {
    request = JSON.parse(readFileSync(0, 'utf8'));
    if (request.protocol !== 1) throw new Error('not protocol 1');
  } catch {
    return tell('error', 'the request cannot be read: this adapter speaks protocol 1');
  }
  const step = Object.hasOwn(STEPS, request.step ?? '') ? STEPS[request.step] : null;
  if (!step) return tell('unsupported', `the step ${request.step} is not done by this adapter`);
  let credentials = null;
  setTimeout(() => tell('error', 'no end before the deadline', credentials?.used), (request.deadline_ms ?? 20000) - 500).unref();
  try {
    const options = await trust(request);
    credentials = new Credentials(request, options);
    return tell('done', await step(request, options, credentials), credentials.used);
  } catch (error) {
    return tell(outcomeOf(error), error.message, credentials?.used);
  }
}

await main();
