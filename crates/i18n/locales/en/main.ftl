# Screen texts in English. Same identifiers as fr.ftl (a test compares the two files).

## The frame of every page
shell-skip = Skip to content
shell-nav = Main navigation
shell-language = Page language
shell-language-switch = Français
shell-rehearsal = Vaguemestre sandbox: test data and test identities only.

## Common error pages
error-not-found-title = Page not found
error-not-found-text = There is nothing at this address. Check the link.
error-home = Back to the home page
error-internal-title = The page could not be prepared
error-internal-text = This is a fault on our side; the server log gives the reason.

## Pro Santé Connect, sandbox
wallet-site = Pro Santé Connect — sandbox
wallet-title = Choose a test identity
wallet-lead = { $client } asks you to identify yourself.
wallet-lead-text = Choose the person you are playing and their means of identification. No password is asked for: these people do not exist.
wallet-back-to = You will be sent back to { $place }
wallet-hinted = Identity suggested by the software
wallet-identities = { $count ->
    [0] No test identity
    [one] One test identity
   *[other] { $count } test identities
  }
wallet-others = Other test identities
wallet-none-text = Register a product in the bench: the PSC identity of its account will appear here.
wallet-hint-unknown = The software suggests the identity { $hint }, which this sandbox does not know.
wallet-id = National identifier
wallet-accept-ecps = Accept with e-CPS
wallet-accept-card = Accept with CPx card
wallet-as = as { $name }
wallet-refuse = Refuse to log in
wallet-refuse-text = The software will receive the error access_denied, as if the person had refused.
wallet-hidden = { $count ->
    [one] One more identity is not shown: the software can suggest it with login_hint.
   *[other] { $count } more identities are not shown: the software can suggest them with login_hint.
  }
wallet-details = Details of the request
wallet-client = Software (client_id)
wallet-redirect = Return address (redirect_uri)
wallet-scope = Scope (scope)
wallet-acr = Level asked for (acr_values)

wallet-error-title = Identification request refused
wallet-error-lead = The sandbox cannot send the error back to the software: the return address is not safe.
wallet-error-received = Received
wallet-error-expected = Expected
wallet-error-next = What to do
wallet-error-nothing = (nothing)
wallet-error-client-missing = The client_id parameter is missing.
wallet-error-client-unknown = This client_id is not registered in this sandbox.
wallet-error-client-expected = a registered client_id
wallet-error-client-next = Copy the client_id shown with the product's account in the bench.
wallet-error-redirect-missing = The redirect_uri parameter is missing.
wallet-error-redirect-unknown = This return address is not registered for this software.
wallet-error-redirect-next = Register this address for the software, or correct it: the comparison is made character by character.
wallet-error-repeated = A parameter appears more than once in the request.
wallet-error-repeated-expected = each parameter once only
wallet-error-repeated-next = Correct the address that the software builds (RFC 6749, section 3.1).
wallet-stale-title = This request is no longer valid
wallet-stale-text = It has been used already, it is more than ten minutes old, or it comes from another browser. Start the login again from your software.
wallet-choice-title = Unknown identity
wallet-choice-text = The chosen identity has left the sandbox in the meantime. Start the login again from your software.

profession-10 = Physician
profession-21 = Pharmacist
profession-40 = Dental surgeon
profession-50 = Midwife
profession-60 = Nurse
profession-70 = Physiotherapist
profession-other = Profession { $code }
profession-employee = Employee of a structure
profession-none = No declared profession

wallet-home-title = The sandbox's Pro Santé Connect
wallet-home-text = The choice opens by itself when software asks for an identification. This is where identities, software and faults are arranged, and where e-CPS answers are played.
wallet-home-discovery = Discovery document
wallet-home-issuer = Issuer

logout-title = Logout
logout-done = The Pro Santé Connect session is closed. The tokens that came from it are no longer renewed.
logout-already = The session was closed already, or does not exist.
logout-hint-missing = The id_token_hint parameter is missing, or is not an identity token of this sandbox: no session was closed.
logout-redirect-unknown = The address post_logout_redirect_uri is not registered for this software: you have not been sent back.

## The bench
bench-site = Vaguemestre — the bench
bench-dashboard = Dashboard
bench-lead = The secure health mail tests, on your own machine: run a job, make your software act, read the verdict and take the proof away. This is a rehearsal: the official number comes from MOTCO2.
bench-jobs = Jobs
bench-product = Product
bench-for = For
bench-never = Never run
bench-run-job = Run job
bench-mailbox-per = Personal or organisational mailbox (Pro Santé Connect)
bench-mailbox-app = Applicative mailbox (AUTH_CLI)
bench-client = Pro Santé Connect client
bench-runs = Executions
bench-no-run = No execution.
account-new = Create an account
account-nil = Product reference (NIL)
account-name = Product name
account-version = Version (optional)
account-psc = PSC national identifier
account-app = AUTH_CLI national identifier
account-type = Type of the PSC mailbox
account-hint = The identifiers name the two mailboxes, usable at once. Two products cannot share them.
account-submit = Create
runs-number = Execution
runs-job = Job
runs-state = Verdict
runs-when = Start
runs-duration = Duration
verdict-passed = Succeeded
verdict-failed = Failed
verdict-inconclusive = Inconclusive
verdict-unsupported = Not supported
verdict-not-started = Not started (prerequisites)
verdict-aborted = Aborted
verdict-attested = Attested
verdict-not-applicable = Not applicable
phase-queued = Queued, behind execution no. { $run }
phase-waiting = Waiting for you
phase-running = Running
run-title = Execution no. { $number }
run-your-turn = Waiting for you
run-lps = On the LPS
run-bench = On the bench
run-checks = The verdict explained
run-line = line { $line } of the log
run-expected = Expected
run-received = Received
run-next = What to do
run-proof = Proof
run-proof-get = Download the proof
run-proof-hint = Signed, it holds everything that the judge saw: anyone can verify it and replay it.
run-log = Log
run-log-raw = Raw log
run-strangers = { $count ->
    [one] One other connection took place during the window: it is counted, never judged.
   *[other] { $count } other connections took place during the window: they are counted, never judged.
  }
run-adapter = Adapter, for information:
run-live = The log is shown as the run goes on; the verdict will appear by itself.

## Command line
cli-up-ready = The bench and its sandbox answer:
cli-up-stop = Ctrl-C to stop.
cli-up-bench = Bench (browser)
cli-up-ca = Trust anchor
cli-up-dns = For a client to find the servers by DNS SRV, send { $domain } to this DNS, depending on the system:
cli-up-dns-53 = {"  "}(port 53 only: start again with --dns-port 53)
cli-up-dns-container = Container
cli-account-added = The account was added. Both mailboxes are active.
cli-account-none = No product: vaguemestre account add
cli-left-out = { $job }: not run, no adapter can act for a person
cli-summary = { $passed } of { $total } succeeded.
cli-proof-saved = Proof saved: { $path }
cli-verify-pinned = Valid proof: signed by the expected key, verdicts replayed with the same result.
cli-verify-integrity = Valid proof: integrity only (no pinned key), verdicts replayed with the same result.
cli-verify-key = Key
cli-verify-invalid = Proof refused: { $why }
cli-cert-written = AUTH_CLI certificate, key and the lab's anchor written to { $path }:
cli-demo-title = Demonstration: the LPS of Vaguemestre goes through every job of the bench.
cli-demo-proof = Proof of the campaign (rehearsal): { $path }
cli-demo-open = Your turn: open the bench in a browser, or configure your LPS.

# vaguemestre backup, vaguemestre doctor
cli-backup-done = Copy made and read back: { $path } ({ $files } files).
cli-backup-use = To use it: vaguemestre up --data { $path } (with --renumber while the original still runs)
cli-doctor-sound = { $path }: nothing to report.
cli-doctor-findings = { $path }: { $count } finding(s).
cli-doctor-error = [error]
cli-doctor-warning = [warning]
cli-doctor-where = count: { $count } - first: { $place }
cli-doctor-repair = Can be repaired without any loss: run again with --repair
cli-doctor-repaired = Repaired.
cli-doctor-restore = Cannot be repaired without loss: go back to the last copy (vaguemestre backup).
cli-doctor-make-room = Make room in the mailbox, or raise its quota.
cli-doctor-integrity = The database file is damaged
cli-doctor-uid-order = A folder would give a UID a second time
cli-doctor-mod-sequences = A folder lags behind the changes of its messages
cli-doctor-numbers = A body's number would be given twice
cli-doctor-missing-bodies = Messages have lost their content
cli-doctor-pieces = Pieces of messages are missing or too many
cli-doctor-lost-messages = Messages are in a folder that does not exist
cli-doctor-counts = The counts of a folder (messages, bytes) are wrong
cli-doctor-references = Contents are miscounted, or in no folder
cli-doctor-orphans = Pieces belong to no message
cli-doctor-learned = The search texts do not match the messages
cli-doctor-drafts = Interrupted transfers take room
cli-doctor-quota = A mailbox is over its quota
cli-doctor-open-secrets = Secret files can be read by other users
cli-faulty-ready = The misbehaving mail server answers:
cli-faulty-mailbox = Mailbox
cli-faulty-token = Token (XOAUTH2)
cli-faulty-reached = { $name } (line { $line }): { $times ->
    [one] reached once
   *[other] reached { $times } times
  }
cli-faulty-not-reached = { $name } (line { $line }): fault not reached
