## The Pro Santé Connect sandbox: e-CPS, identities, software, faults
psc-nav-home = Home
psc-nav-ecps = e-CPS
psc-nav-identities = Identities
psc-nav-clients = Software
psc-nav-faults = Faults
psc-actions = Actions
psc-save = Save
psc-remove = Remove
psc-refused = Nothing was saved:
psc-stale-title = Outdated form
psc-stale-text = This form was not shown in this browser since the last start. Nothing was done: open the page again and start over.

psc-home-person = In this browser you are { $name }: the next software will learn it without asking you.
psc-home-close = Close the Pro Santé Connect session
psc-home-waiting = { $count ->
    [0] No request waiting
    [one] One request waiting
   *[other] { $count } requests waiting
  }
psc-home-clients = { $count ->
    [0] No software declared
    [one] One software product declared
   *[other] { $count } software products declared
  }
psc-home-faults = { $count ->
    [0] No fault armed
    [one] One fault armed
   *[other] { $count } faults armed
  }

psc-logout-other-client = The parameter client_id is not that of the software which the ID token names: no session was closed.
psc-logout-told = { $count ->
    [one] One software product of this session is being told by your browser.
   *[other] { $count } software products of this session are being told by your browser.
  }
psc-logout-continue = Back to the software
psc-logout-frame = Session being closed in another software

psc-ecps-title = Simulated e-CPS telephone
psc-ecps-lead = Decoupled identification requests (CIBA) arrive here, as in the e-CPS application or on the workstation that has a card reader.
psc-ecps-late = This request waits no more: it was answered already, or its time has passed.
psc-ecps-none = No request is waiting. The page reloads by itself.
psc-ecps-code = Code shown by the software:
psc-ecps-card = CPx card
psc-ecps-mobile = e-CPS
psc-ecps-left = { $seconds } s left
psc-ecps-accept = Accept
psc-ecps-refuse = Refuse
psc-ecps-look = Refresh
psc-ecps-hint = To let a request expire, do not answer.

psc-identities-title = Test identities
psc-identities-lead = The people that can be played. They do not exist; those that you make or change here are kept.
psc-identities-samples = Add the ready-made identities
psc-identity-new = New identity
psc-identity-edit = Edit identity
psc-identity-taken = Another identity has this national identifier already.
psc-identity-name = Name
psc-identity-profession = Profession
psc-identity-id-hint = 8 and RPPS number, 0 and ADELI number, 5 SIRET / internal identifier, or ANS and the date as in EDIT.
psc-identity-civility = Title
psc-civility-mme = Ms
psc-civility-m = Mr
psc-identity-given = First name
psc-identity-family = Family name
psc-identity-first = First profession
psc-identity-second = Second profession
psc-identity-speciality = Speciality (code, such as SM26)
psc-identity-mode = Mode of practice
psc-mode-l = Self-employed
psc-mode-s = Employed
psc-mode-b = Volunteer
psc-identity-sector = Sector (code, such as SA07)
psc-identity-structure = Structure
psc-identity-structure-hint = Without a structure the person has no activity, as somebody retired.
psc-identity-structure-id = Technical identifier of the structure
psc-identity-postcode = Postcode
psc-identity-city = Town

psc-clients-title = Declared software
psc-clients-lead = What the industrial portal is in the real world: return addresses, secret or certificate, and what each software did.
psc-clients-none = No software is declared. Declare a product in the bench: its own will appear here.
psc-client-new = New software
psc-client-taken = Another software has this client_id already.
psc-client-name = Name shown
psc-client-auth = Authenticates by
psc-client-by-certificate = certificate
psc-client-by-secret = secret
psc-client-uris-hint = One address per line, compared character by character. https, except to this machine.
psc-client-after-logout = Return addresses after logout
psc-client-backchannel = Address told from server to server (back-channel logout)
psc-client-frontchannel = Address told by the browser (front-channel logout)
psc-client-subject = Subject of the ORG AUTH_CLI certificate (tls_client_auth)
psc-client-subject-hint = For instance CN=name of the service,OU=3 and SIRET,O=company name,ST=Paris (75),C=FR.
psc-client-bound = Bind access tokens to the certificate (cnf, x5t#S256)
psc-client-decoupled = Do not open decoupled identification (CIBA) to this software
psc-client-automatic = Automatic answer, for continuous integration
psc-client-automatic-hint = The person is the one of login_hint; without it, the choice is shown.
psc-automatic-none = None: a person answers
psc-automatic-accept = Accept
psc-automatic-refuse = Refuse
psc-automatic-expire = Let expire
psc-client-secret-new = New secret:
psc-client-secret-once = Copy it now, it will not be shown again. The one before is refused from now on.
psc-client-rotate = Renew the secret
psc-client-rotate-hint = The secret of a product of the bench is in its folder too: after a renewal, the one shown here counts.
psc-client-log = What the software did
psc-client-log-none = This software has done nothing yet.
psc-log-when = When
psc-log-how = Result
psc-log-what = What
psc-log-good = Done
psc-log-bad = Refused

psc-faults-title = Faults
psc-faults-lead = The sandbox goes wrong on demand, for one software or for all. Each fault that strikes is written in the journal.
psc-faults-everybody = All software
psc-faults-which = Fault
psc-faults-times = How often
psc-faults-times-hint = Empty: until you disarm it.
psc-faults-times-wrong = How often must be a whole number from 1 to 1000000.
psc-faults-arm = Arm
psc-faults-disarm = Disarm
psc-faults-armed = Armed faults
psc-faults-none = No fault is armed.
psc-faults-left = Left
psc-faults-unlimited = no limit
psc-faults-used = Struck
psc-fault-expired = Tokens that expired five minutes ago
psc-fault-future = Tokens dated one hour ahead
psc-fault-wrong-issuer = Tokens of another issuer
psc-fault-wrong-key = Tokens signed by another key
psc-fault-alg-none = Tokens without signature
psc-fault-other-identity = Tokens in the name of somebody else
psc-fault-missing-claims = Incomplete tokens
psc-fault-slow = Slow answers, by five seconds
psc-fault-unavailable-503 = Service unavailable
psc-fault-refresh-refused = Refresh refused
psc-fault-session-killed = Session closed before the answer
psc-fault-jwks-rotated = Signing key renewed before the tokens
psc-fault-down = Connection closed without an answer
psc-keys-title = Signing keys
psc-keys-text = The first one signs. The others stay published as long as their tokens may still be shown.
psc-keys-rotate = Renew the key
