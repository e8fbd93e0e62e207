// A whole IMAP session with imapflow (Node.js), which knows nothing of this server.
// usage: node session.cjs PORT CA USER TOKEN EXPIRED_TOKEN, with imapflow in NODE_PATH
const assert = require('node:assert');
const fs = require('node:fs');
const { ImapFlow } = require('imapflow');

const [port, ca, user, token, expired] = process.argv.slice(2);
const client = (accessToken) =>
  new ImapFlow({
    host: 'localhost',
    port: Number(port),
    secure: false,
    doSTARTTLS: true,
    auth: { user, accessToken },
    tls: { ca: fs.readFileSync(ca) },
    logger: false,
  });

async function main() {
  const refused = client(expired);
  refused.on('error', () => {});
  await assert.rejects(refused.connect(), (error) => error.authenticationFailed === true);

  const flow = client(token);
  await flow.connect();
  const folders = await flow.list({ statusQuery: { messages: true, unseen: true } });
  assert.equal(folders.find((folder) => folder.specialUse === '\\Sent').path, 'Sent');
  assert.equal(folders.find((folder) => folder.path === 'INBOX').status.messages, 1);
  const lock = await flow.getMailboxLock('INBOX');
  try {
    assert.equal(flow.mailbox.exists, 1);
    const message = await flow.fetchOne('*', { uid: true, flags: true, envelope: true, bodyStructure: true, source: true });
    assert.equal(message.envelope.subject, 'Résultats');
    assert.equal(message.envelope.from[0].name, 'Dr Zoé');
    assert.equal(message.bodyStructure.childNodes.length, 2);
    assert.equal(message.bodyStructure.childNodes[1].dispositionParameters.filename, 'IHE_XDM.zip');
    assert.ok(message.source.toString().endsWith('--b--\r\n'));
    const { content } = await flow.download('*', '2');
    const chunks = [];
    for await (const chunk of content) chunks.push(chunk);
    assert.equal(Buffer.concat(chunks).toString(), 'PK');
    assert.deepEqual(await flow.search({ header: { 'X-MSS-NIL': '2621' } }, { uid: true }), [message.uid]);
    assert.deepEqual(await flow.search({ subject: 'résultats', seen: false }), [1]);
    assert.ok(await flow.messageFlagsAdd('1', ['\\Seen', '$MDNSent']));
    const appended = await flow.append('INBOX', 'Subject: deux\r\n\r\nx\r\n', ['\\Flagged']);
    assert.equal(appended.uid, message.uid + 1);
    const exists = new Promise((resolve) => flow.once('exists', resolve));
    flow.idle();
    const other = client(token);
    await other.connect();
    await other.append('INBOX', 'Subject: trois\r\n\r\nx\r\n');
    await other.logout();
    assert.equal((await exists).count, 3);
    const moved = await flow.messageMove('2', 'Archive');
    assert.equal(moved.uidMap.size, 1);
    assert.ok(await flow.messageDelete('2'));
    assert.equal(flow.mailbox.exists, 1);
  } finally {
    lock.release();
  }
  await flow.mailboxCreate('Études');
  assert.equal((await flow.status('Études', { messages: true })).messages, 0);
  await flow.logout();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
