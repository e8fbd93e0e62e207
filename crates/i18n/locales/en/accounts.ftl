## Accounts
accounts-title = List of accounts
accounts-lead = One account per product: it comes with two test mailboxes, ready as soon as it is submitted.
accounts-create = Create a new account
accounts-import = Import a CSV
accounts-none = No account yet.
accounts-more = { $count ->
    [one] One more account is not shown here:
   *[other] { $count } more accounts are not shown here:
  }
accounts-status = Status
accounts-action = Action
accounts-access = Access to the tool
accounts-ready = Active
accounts-edit = Edit
accounts-delete = Delete
accounts-open = Open the jobs

account-lead = Your product, and two test identities: a person, a structure.
account-edit-title = Edit account { $nil }
account-edit-lead = Old executions stay under the identifier that they were made with. New identifiers get new mailboxes at once.
account-product = The product
account-mailboxes = The two test mailboxes
account-nil-hint = The identification number of the software, which Convergence shows as product reference.
account-nil-choose = Choose your NIL
account-version-hint = A new version of a known NIL is added to its account.
account-version-is = Version
account-versions = declared versions:
account-course = Path (optional)
account-course-hint = The part of the Ségur, such as MDV or DNS.
account-procedure = Procedure (optional)
account-procedure-hint = As Convergence names it.
account-status = Status of the procedure (optional)
account-status-hint = For example: En cours, A compléter.
account-type-hint = Personal where one professional reads it alone, organisational where several do.
account-type-per = PER: personal
account-type-org = ORG: organisational
account-psc-hint = The one of the test CPx: on the back of the card, in the CN field of its certificate, or SubjectNameID (preferred_username) in the information that Pro Santé Connect gives.
account-app-hint = The one of the structure in the test AUTH_CLI certificate: the OU field, or CN where it carries the identifier.
account-required = Fields marked with an asterisk are required.
account-cancel = Cancel
account-faults = { $count ->
    [one] One field needs correcting:
   *[other] { $count } fields need correcting:
  }
account-error-empty = This field is required.
account-error-same = The two identifiers are the same: a person and a structure have one each.
account-error-words = Give 100 characters at most, on one line.

account-created = The account was added. Both mailboxes are active.
account-created-next = Copy these values to your LPS, then open the jobs.
account-edited = The account was changed.
account-jobs = Open the jobs
account-configure = To configure in the LPS
account-configure-hint = Hosts and ports do not change: the LPS is configured once.
account-get-ca = Download the lab's authority (PEM)
account-get-certificate = Download the AUTH_CLI certificate (PEM, without its key)
account-runs = Latest executions
account-run-former = under the identifier { $identity }
account-all-runs = All its executions
account-delete-link = Delete this account…
account-delete-title = Delete account { $nil }?
account-delete-lost = The product, its list of prerequisites, its Pro Santé Connect client, its certificate and its key are erased. An execution under way is aborted.
account-delete-kept = Its past executions, their proofs and its mail stay. Both identifiers can be used by another product.
account-delete-button = Delete { $name }

fact-address = Address
fact-auth = Authentication
fact-host = Host
fact-starttls = STARTTLS port
fact-tls = TLS port
fact-issuer = Issuer
fact-discovery = Discovery document
fact-client = Client identifier (client_id)
fact-secret = Client secret (file)
fact-certificates = Certificates
fact-ca = Authority of the lab
fact-certificate = AUTH_CLI certificate and its chain
fact-key = Key of the certificate

## Dropped certificate
certificate-title = Read the identifiers in certificates
certificate-hint = Drop the authentication certificate of the CPx here, the one of the structure, or both (PEM or DER). Never the key: it is not needed.
certificate-read = Read
certificate-pasted = Certificate
certificate-none = No file was chosen.
certificate-person = PSC national identifier read: { $identity }
certificate-structure = AUTH_CLI national identifier read: { $identity }
certificate-subject = Subject: { $subject }
certificate-expired = This certificate has expired. The identifier is still good; the bench makes its own certificates.
certificate-with-key = This file held a private key too: it was neither read nor kept. Give it to nobody.
certificate-unreadable = This is no readable certificate. Export it as PEM or DER; from a .p12 or .pfx file, export the certificate without its key.
certificate-key-only = This file holds a private key only, which was not kept. Drop the certificate.
certificate-authority = This is the certificate of an authority. Drop the one of the person or of the structure.
certificate-no-identity = Neither CN nor OU carries a national identifier. Type it by hand.

## Prerequisites
prereq-title = Prerequisites
prereq-lead = What MOTCO2 asks for before one starts. Tick them as you go, with the date; the bench itself does not wait.
prereq-done = Done on { $date }
prereq-convergence = Registration at Convergence
prereq-convergence-hint = convergence.esante.gouv.fr, in the name of the editor.
prereq-nil = The NIL
prereq-nil-hint = The product reference, on the page of the solution.
prereq-candidature = Application for a procedure
prereq-candidature-hint = The referencing aimed at, for this product and this version.
prereq-droits = Right to consult the solution
prereq-droits-hint = Without it the solution is not in MOTCO2's list.
prereq-cpx = Test CPx
prereq-cpx-hint = A test card, or a test e-CPS.
prereq-id-psc = Identifier of the natural person
prereq-id-psc-hint = The one of the test CPx: it names the personal or organisational mailbox.
prereq-id-app = Identifier of the legal person
prereq-id-app-hint = The one of the test AUTH_CLI certificate: it names the applicative mailbox.
prereq-bas-psc = Tests in the sandbox of Pro Santé Connect
prereq-bas-psc-hint = The software has logged in there at least once.

## Your procedures
products-title = Your procedures
products-nil = Product ref.
products-course = Path
products-procedure = Procedure
products-show = Show
products-entries = entries
products-search = Search
products-found = { $count ->
    [0] No product matches.
    [one] One product.
   *[other] { $count } products.
  }
products-place = Page { $page } of { $pages }
products-pages = Pages
products-previous = Previous
products-next = Next

## Import
import-title = Import products
import-lead = A list in CSV: each row is checked before anything is written.
import-list = The list
import-file = CSV file
import-paste = Or paste it here
import-hint = A header line, then one product per line, fields separated by semicolons or commas, in UTF-8, 1 MB at most. Required columns: nil, name, psc_id, app_id. Optional: version, type, parcours, demarche, statut.
import-check = Check the list
import-report = Row by row
import-line = Line
import-result = Result
import-row-good = Ready
import-row-bad = To correct
import-row-done = Imported
import-good = { $count ->
    [0] No row can be imported.
    [one] One row can be imported.
   *[other] { $count } rows can be imported.
  }
import-bad = { $count ->
    [one] One other needs correcting; it will be left out.
   *[other] { $count } others need correcting; they will be left out.
  }
import-commit = { $count ->
    [one] Import the valid row
   *[other] Import the { $count } valid rows
  }
import-done = { $count ->
    [0] No product was imported.
    [one] One product was imported. Its two mailboxes are active.
   *[other] { $count } products were imported. Their mailboxes are active.
  }
import-left = { $count ->
    [one] One row was left out.
   *[other] { $count } rows were left out.
  }

## Mailboxes: profiles, people, rights
mailbox-title = Mailboxes
mailbox-lead = What the servers offer each mailbox, who opens it, what it holds. A change counts from the next login on.
mailbox-profile = Profile of the servers
mailbox-modern = IMAP4rev1 and rev2 together, with every extension.
mailbox-rev1 = IMAP4rev1 alone (RFC 3501), with the extensions of its time.
mailbox-rev2 = IMAP4rev2 alone (RFC 9051).
mailbox-old = Bare IMAP4rev1, without any extension; SMTP with AUTH and SIZE alone.
mailbox-mailiz = As Mailiz does: a refused token gets the JSON, then the connection drops.
mailbox-oauthbearer = Offer OAUTHBEARER beside XOAUTH2 (curl takes it whenever it is there)
mailbox-quota = Quota, in MB
mailbox-rate = Messages a minute
mailbox-no-limit = Empty: no limit of its own.
mailbox-used = { $messages ->
    [0] no message
    [one] 1 message, { $mega } MB
   *[other] { $messages } messages, { $mega } MB
  }
mailbox-people = People allowed
mailbox-owner = owner: read, send
mailbox-read = read
mailbox-send-as = send as the mailbox
mailbox-revoke = Revoke
mailbox-identity = National identifier
mailbox-identity-hint = That of a person whom the sandbox's Pro Santé Connect knows: the PSC identifier of an account.
mailbox-authorise = Allow
mailbox-alone = This mailbox is its owner's alone; an organisational one (ORG) may have several people.
mailbox-saved = The choices of the mailbox are kept.
mailbox-number = { $value } is not a whole number from 1 to 1 000 000.
mailbox-number-next = Go back and give a number, or leave the field empty.
mailbox-unknown = This product has no such mailbox.
mailbox-unknown-next = Go back to the account: its addresses may have changed.
mailbox-one-owner = This mailbox is its owner's alone, who keeps all rights.
mailbox-one-owner-next = Register the product with an organisational mailbox (ORG) to allow several people.
mailbox-person = This person cannot be allowed that way.
mailbox-person-next = Give an identifier without spaces, of 64 characters at most, and at least one right.
mailbox-limit = This limit is not possible.
mailbox-limit-next = Give 1 to 60 000 messages a minute, or leave the field empty.
