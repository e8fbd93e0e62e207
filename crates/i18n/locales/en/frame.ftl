## The frame: navigation, product in use, failures
shell-menu = Menu
shell-foot = Help and information
nav-jobs = Jobs
nav-runs = Executions
nav-nodes = Nodes
nav-proofs = Proofs
nav-accounts = Accounts
nav-settings = Settings
nav-guide = User guide
nav-info = About this bench
nav-terms = Terms of use
nav-api = API
switch-label = Product in use:
switch-product = Its page: mailboxes, servers, prerequisites
switch-more = All accounts
copy = Copy
copy-done = Copied
copy-selected = Selected

failure-title = Request refused
failure-unknown-product = Unknown product
failure-unknown-job = Unknown job
failure-busy = Busy
failure-data = Data unavailable
failure-form = Go back to the previous page and correct the form.
failure-too-large = Send a smaller file.
error-unknown-product = No product of this bench has this NIL.
error-unknown-product-next = Choose it in the list of accounts, or create it.
error-unknown-job = No job has this name.
error-unknown-job-next = Look for it in the tree of jobs.
error-run = No execution of this bench has this number.
error-run-next = Look for it among the executions. An official test number comes from MOTCO2: this bench does not know it.
error-identity-in-use = The identifier { $identity } already belongs to product { $nil } - { $name }.
error-identity-in-use-next = Test identities cannot be shared between products: use another test card or certificate.
error-duplicate-version = This NIL is already registered with this version.
error-duplicate-version-next = Give a new version, or edit the existing account.
error-duplicate-nil = This NIL is already registered with other identifiers.
error-duplicate-nil-next = Give the same identifiers to add a version, or edit the existing account.
error-busy = An execution of this product is not finished.
error-busy-next = Wait for its verdict, or cancel it, then try again.
error-nil = This NIL cannot be used.
error-nil-next = Copy the reference that Convergence shows: letters, digits, dot, hyphen and underscore, 64 at most.
error-name = This name cannot be used.
error-name-next = Give a name of 1 to 200 characters, on one line.
error-identity = This identifier cannot name a mailbox.
error-identity-next = Copy the national identifier of the test card or certificate, such as 899700000018, without spaces or @.
error-version = This version cannot be used.
error-version-next = Give for example 2.1.2, 64 characters at most.

## Dashboard
home-welcome = Welcome to the bench
home-step-account = Create an account
home-step-account-text = Your NIL and two test identifiers: both mailboxes exist at once.
home-step-configure = Configure your LPS
home-step-configure-text = Addresses, servers, ports and certificates are ready to copy.
home-step-run = Run a job
home-step-run-text = Make your software act: the bench watches what goes over the wire.
home-step-proof = Read the verdict, take the proof away
home-step-proof-text = Expected, received, rule, line of the log, what to do; and a signed file.
home-unavailability = Unavailability:
home-projects = { $count ->
    [one] 1 project
   *[other] { $count } projects
  }
home-search = Project search: name, NIL, label or /regex/
home-search-short = Name, NIL, label or /regex/
home-search-go = Search
home-search-all = Show all
home-bad-regex = This expression cannot be read: { $why }. Correct it, or remove the slashes to search for words.
home-matching = { $count ->
    [0] No project matches.
    [one] One project matches.
   *[other] { $count } projects match.
  }
home-quiet = No execution in the last 24 hours.
home-lately = { $runs ->
    [one] 1 execution
   *[other] { $runs } executions
  } in the last 24 hours, { $failed ->
    [0] none failed
    [one] 1 failed
   *[other] { $failed } failed
  }, by { $by }
home-runs-word = in 24 hours
home-failed = { $count ->
    [one] 1 failed
   *[other] { $count } failed
  }
home-no-activity = Nothing in 24 hours
home-open-product = Details
home-latest = Latest executions
home-all-runs = All executions
home-start = Run a job
home-all-jobs = All jobs
home-mailboxes = The two test mailboxes
home-about-bench = Version, addresses, key of the proofs
home-about-nodes = State of the services
support-title = Ask for help
support-to = To
support-subject = Subject
support-subject-text = [Vaguemestre] NIL { $nil }, execution no. { $run }
support-body = Message
support-body-text = Product { $nil } - { $name } { $version }, execution no. { $run }, Vaguemestre bench { $bench }. What I did: … What I expected: … What I saw: …

## Nodes
nodes-title = Nodes
nodes-lead = The services of the bench, asked at this very moment. None of these questions opens a session: they count in no execution.
nodes-again = Ask again
nodes-all-well = All services of this bench answer.
nodes-down-count = { $count ->
    [one] One service does not answer.
   *[other] { $count } services do not answer.
  }
nodes-asked = at { $time }
nodes-address = Address
nodes-said = Answer
nodes-took = Delay
node-up = Answers
node-down = Does not answer
node-absent = Absent
node-banc = Bench
node-banc-role = These pages and the API.
node-imap = IMAP, STARTTLS
node-imap-role = Reading of mailboxes, encrypted after STARTTLS.
node-imaps = IMAP, TLS
node-imaps-role = Reading of mailboxes, encrypted from the start.
node-smtp = SMTP, STARTTLS
node-smtp-role = Sending, encrypted after STARTTLS.
node-smtps = SMTP, TLS
node-smtps-role = Sending, encrypted from the start.
node-psc = Pro Santé Connect
node-psc-role = Sandbox of the identity provider: tokens and sessions.
node-pki = PKI
node-pki-role = Certificates and revocation lists of the lab.
node-dns = DNS
node-dns-role = Autoconfiguration of mailboxes.
node-annuaire = Annuaire Santé
node-annuaire-role = Search for MSSanté addresses.
node-lps = LPS
node-lps-role = The connector of Vaguemestre, as an example of a client.

## Proofs
proofs-title = Proofs
proofs-lead = A signed file for each judged execution: the scenario, the exchanges, the messages and the verdict. It can be verified and replayed elsewhere. This is a rehearsal: the official number comes from MOTCO2.
proofs-of = Proofs of NIL { $nil }
proofs-of-all = Proofs of all products
proofs-mine = Those of the product in use
proofs-all = Those of all products
proofs-none = No proof: a judged execution gives one.
proofs-get = Download
proofs-verify = Verify a proof
proofs-file = File of the proof
proofs-pin = Expected key (optional)
proofs-pin-hint = The fingerprint or the public key of whoever signed. Without it, only integrity is verified.
proofs-verify-go = Verify
proofs-own-key = Fingerprint of this bench's key:
proofs-valid = Valid proof
proofs-valid-pinned = It is signed by the expected key, and each verdict gives the same result when replayed.
proofs-valid-own = It is signed by this bench, and each verdict gives the same result when replayed.
proofs-valid-integrity = Nothing has changed since it was signed, and each verdict gives the same result when replayed. The key is not this bench's: give the expected key to know who signed.
proofs-invalid = Proof refused
proofs-invalid-why = It cannot be believed: { $why }. Ask whoever made it for the original file.
proofs-unreadable = Unreadable file
proofs-unreadable-why = This is not a proof: { $why }. Give a file downloaded from the page of an execution.
proofs-campaign = Campaign
proofs-made = Made on
proofs-version = Version of Vaguemestre
proofs-key = Fingerprint of the key

## Settings
settings-lead = They hold for the whole bench and apply to the next executions.
settings-saved = The settings are saved.
settings-people = Display
settings-runs = Executions
settings-language = Language
settings-language-hint = For whoever has not chosen with the button of the header.
settings-language-browser = The browser's
settings-support = Support address
settings-support-hint = Offered with a subject and a message ready to copy.
settings-notice = Notice of unavailability
settings-notice-hint = Shown on top of the dashboard. Empty: nothing is announced.
settings-person = Time for a person, in seconds
settings-person-hint = A job takes the last time that was used for it.
settings-adapter = Time for each step of an adapter, in seconds
settings-adapter-hint = Beyond it the adapter is stopped and the step is inconclusive.
settings-retention = Logs are kept, in days
settings-retention-hint = Then exchanges and messages are erased; the verdict stays. 0: everything is kept.
settings-domain-hint = Chosen once, at the first start: vaguemestre up --domain.
settings-accelerated = Accelerated durations
settings-accelerated-hint = The durations that services announce are shortened, so that nobody waits two minutes for a token to expire. Each verdict says so. Dates remain true.
settings-durations = Announced durations
settings-duration = Duration
settings-real = Real
settings-fast = Accelerated
settings-check = Checking files
settings-user-domains = Patients' addresses (user domains)
settings-user-domains-hint = One a line: a domain, an address, or a # for each digit before the @. Empty: Mon espace santé and MOTCO2's patient. The one that jobs have persons write to is always known.
settings-save = Save
settings-number = Give a whole number, 0 or more.
settings-fault-retention = Give 0 to 3650 days.
settings-fault-timer = Give 1 to 3600 seconds.
settings-fault-support = Give a mail address, or nothing.
settings-fault-user-domains = Give 20 lines at most: patient.mssante.fr, 184131175@example.fr or #########@example.fr.
settings-fault-notice = Give a notice of 500 characters at most.
timing-token = Pro Santé Connect access token
timing-refresh = Refresh token
timing-idle = Silence on an IMAP session before it is closed
timing-slow = Simulated slow answer
timing-control = Age of a positive control that still counts

## Information, terms, guide
info-lead = What one asks for when helping somebody from afar.
info-facts = Facts
info-this = This bench
info-address = Address
info-domain = Domain of the mailboxes
info-data = Data
info-crl = Revocation lists
info-documents = To read
terms-lead = This bench runs on your premises, under your responsibility, and speaks to nobody else.
terms-what = What it is for
terms-what-text = Vaguemestre prepares the software of health professionals for the tests of secure health mail: it plays the operator, Pro Santé Connect and the PKI, watches what the software does, and says why a test passes or fails.
terms-not = What it is not
terms-not-text = A verdict or a file of this bench is neither a MOTCO2 test number nor a proof towards the Agence du numérique en santé. Vaguemestre is neither published nor approved by it.
terms-data = Data
terms-data-text = Put nothing but test data in it. Never the INS, the name or the document of a real person: messages, logs and proofs are kept unencrypted in the data directory.
terms-data-local = Nothing is sent out of this machine. The bench listens on the loopback only, and deleting its data directory erases everything.
terms-identities = Identities and certificates
terms-identities-text = The identities of Pro Santé Connect and the certificates are made by the bench. The authority of its lab must never be trusted by software in production.
terms-licence = Licence
terms-licence-text = The software is free (MIT or Apache 2.0), provided as it is, without warranty.
guide-lead = An afternoon is enough: create the account, configure the LPS, run the jobs, read, correct, take the proofs away.
guide-account = 1. Create the account
guide-account-text = You need the product's NIL and two national test identifiers, of a person and of a structure. They name the two mailboxes, active at once. Drop the test certificates on the form: it reads the identifiers for you.
guide-configure = 2. Configure the LPS
guide-configure-text = The product's page gives each address, host, port and path, with a Copy button. The personal or organisational mailbox opens with a token of Pro Santé Connect (XOAUTH2), the applicative mailbox with the AUTH_CLI certificate of the structure (EXTERNAL).
guide-trust-text = The LPS must trust the authority of the lab, and it alone, in the place of IGC-Santé. If certificate verification has to be switched off to connect, the test has no meaning any more.
guide-run = 3. Run a job
guide-run-text = Read the preparation and the test, on the LPS and on the bench, then run the job: a window opens and waits for your software, 120 seconds unless you decide otherwise. One click prolongs it. You may close the browser: the execution goes on.
guide-read = 4. Read the verdict
guide-read-text = On top, what was expected, what was received, the rule, the line of the log and what to do. Below, the whole log, one line for each exchange.
guide-passed = The software did what the requirement asks, and the bench saw it.
guide-failed = It did something else: the line of the log shows it.
guide-inconclusive = The bench saw nothing to judge: nobody came, or the positive control is missing.
guide-not-started = A prerequisite was missing before the window opened: nothing is said of the software.
guide-aborted = The execution was cut: cancelled, or the bench was restarted.
guide-proof = 5. Take the proof away
guide-proof-text = Each judged execution gives a signed file, to be verified on the Proofs page or with vaguemestre verify. Then run the same test on MOTCO2 to get the official number.
guide-automate = Run again without anybody
guide-automate-text = An adapter is a small program that makes your software act. The bench starts it for each step, and the JUnit report goes to your continuous integration.
guide-words = The words
guide-word-bal = Mailbox: personal (PER), organisational (ORG) or applicative (APP).
guide-word-cpx = Card of the CPS, CPE, CPF, CPA family: here, a test card.
guide-word-ins = National health identity: a number and its OID, with the traits of the person.
guide-word-lps = Software of a health professional: what the bench tests.
guide-word-nil = Identification number of the software: the product reference of Convergence.
guide-word-psc = Pro Santé Connect: the identity provider of professionals.
guide-word-auth-cli = Certificate of IGC-Santé by which a structure authenticates.
