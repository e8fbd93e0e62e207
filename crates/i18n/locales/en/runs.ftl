## Jobs, runs, campaigns, comparison
nr = no. { $number }
jobs-title = Jobs
jobs-lead = Each job says what to do, waits for your software, then explains its verdict line by line.
jobs-no-product = No account yet: a job needs two test mailboxes.
jobs-create = Create an account
jobs-search = Find a job: words of its title, or a requirement (such as CONF.21)
jobs-search-clear = Show all
jobs-all = { $count ->
    [one] All jobs: 1
   *[other] All jobs: { $count }
  }
jobs-found = { $count ->
    [0] No job found
    [one] 1 job found
   *[other] { $count } jobs found
  }
jobs-never = { $count ->
    [one] 1 never run
   *[other] { $count } never run
  }
jobs-nothing = No job matches. Try a single word, or the number of the requirement.
jobs-expand = Expand all
jobs-collapse = Collapse all
jobs-root-segur = SEGUR referencing test cases
jobs-root-unit = Unit test cases
jobs-root-beyond = Beyond the référentiel
jobs-group-robustness = Robustness
jobs-group-reading = Reading mail
jobs-group-sending = Sending mail
jobs-reconstructed = reconstructed content
jobs-reconstructed-why = The content of MOTCO2's job is not public: this one comes from the requirement.
jobs-progress = { $passed } of { $count } succeeded
jobs-run = Run
jobs-cli = On the command line, with an adapter
jobs-cli-text = An adapter makes your software act with nobody at hand: the whole catalogue takes a few seconds, at your desk or in your continuous integration. Replace lps by the command of your adapter.
jobs-cli-group = The whole group:

job-auto = Can be automated
job-person = By hand
job-attestation = Attestation
job-needs = Prerequisites
job-check = Check again
job-looked = What the bench has checked
job-prepare = Preparation
job-test = Test
job-nothing-to-do = Nothing to prepare.
job-window = The bench opens a window and watches what the mailbox does:
job-control = Positive control:
job-options = Options
job-timer = Timer, in seconds
job-timer-hint = The time to act on the LPS. The last value is remembered; an open window can be prolonged.
job-accelerated = Accelerated durations
job-accelerated-hint = Token 5 s, idle 3 s, slow answers 2 s; the verdict says so.
job-runs = Latest runs
job-runs-all = See all { $count } runs
job-identity = Identity of the job
job-id = Identifier
job-version = Version of the bench
job-digest = Digest (SHA-256)
job-cli = With your adapter:
job-definition = Definition

need-what = Setting
need-value = Value
need-state = State
need-good = Ready
need-bad = At fault
need-address = Mailbox address
need-identity = National identifier
need-imap-host = IMAP server
need-imap-port = IMAP port (STARTTLS)
need-smtp-host = SMTP server
need-smtp-port = SMTP port (STARTTLS)
need-ca = Certificate authority (file)
need-issuer = Pro Santé Connect (issuer)
need-discovery = Discovery document
need-client = client_id
need-secret = client_secret (file)
need-certificate = AUTH_CLI certificate (file)
need-key = AUTH_CLI key (file)
preflight-address = Address
preflight-port = Port
preflight-tls = TLS trust
preflight-certificate = AUTH_CLI certificate
preflight-token = Pro Santé Connect token
preflight-mailbox = Mailbox
preflight-adapter = Adapter

stage-login = Log in ({ $over })
stage-fetch = Fetch the mailbox ({ $over })
stage-send = Send a mail ({ $over })
stage-append = Put a mail away ({ $over })
stage-search = Search the directory ({ $over })
stage-reply = Answer a mail ({ $over })
stage-logout = Log out ({ $over })
stage-documents = { $count ->
    [one] one document
   *[other] { $count } documents
  }
stage-unqualified = INS not qualified
stage-patient = to a patient (Mon espace santé)
stage-patient-motco2 = to a patient (MOTCO2's form)
stage-close = the patient's answer blocked
stage-refuse-token = the first token is refused
stage-old-tls = server limited to TLS 1.1
stage-fault = fault “{ $name }”
stage-implicit-tls = TLS from the first byte
stage-adapter-only = adapter only

start-timer = The timer { $value } cannot be used.
start-timer-next = Give a whole number of seconds, between 5 and 3600.

run-opening = The window is being opened.
reason-cancelled = The run was cancelled.
reason-stopped = The bench was stopped during the run.
run-passed-checks = { $count ->
    [one] 1 check passed
   *[other] { $count } checks passed
  }
run-left = { $count ->
    [one] 1 second left.
   *[other] { $count } seconds left.
  }
run-seen = seen
run-window = The window is open: the bench judges the mailbox of this account. You may close this page, the run goes on.
run-prolong = Prolong by 60 s
run-cancel = Cancel
run-read-again = Refresh the page
run-queued-why = One run at a time for each mailbox. This one waits for its turn, behind run
run-adapter-works = An adapter makes the client act: nothing to do on your side.
run-all-passed = { $count ->
    [one] The check passed.
   *[other] All { $count } checks passed.
  }
run-is-unsupported = The adapter answered that it cannot do what this job asks.
run-is-not-started = The run ended before its window opened: nothing was judged.
run-is-aborted = The run was aborted: this is no verdict on the software.
run-purged = What this run rested on was thrown away when its time was over; the verdict stays.
run-control = Positive control: run
run-meanwhile = { $count ->
    [one] During the window your LPS opened 1 other connection, which was not judged.
   *[other] During the window your LPS opened { $count } other connections, which were not judged.
  }
run-meanwhile-logins = { $count ->
    [one] One login was tried on it.
   *[other] { $count } logins were tried on them.
  }
run-meanwhile-mails = { $count ->
    [one] One mail was sent on it.
   *[other] { $count } mails were sent on them.
  }
run-was-accelerated = Announced durations were shortened (accelerated mode).
run-was-canned = The client was handed a ready message (--canned): only its transport is judged.
run-was-truncated = There was more on the wire than a proof keeps: only the beginning was judged.
run-after = What now
run-again = Run again
run-again-by-hand = Run again by hand
run-again-adapter = With the adapter:
run-job-page = Page of the job
run-compare-before = Compare with no. { $number }
run-proof-rehearsal = This is a rehearsal: neither a MOTCO2 test number, nor a proof towards the ANS.
check-rule = Rule

log-node = Node
log-session = Session
log-level = Level
log-text = Text
log-level-debug = Everything (debug)
log-level-info = Without protocol lines
log-level-verdict = What the verdict rests on
log-level-alert = Deviations only
log-fold = Fold sessions
log-fold-one = Fold session
log-unfold = Unfold session
log-wrap = Wrap lines
log-count-all = Lines %from% to %to% of %total%
log-count-some = Lines %from% to %to% of %matched% kept (%total% in all)
log-utc = UTC times
log-pages = Pages of the log
log-before = Previous lines
log-after = Next lines
log-nonsense = The filter { $value } makes no sense: it is ignored. A session is a whole number.

runs-search = Words of the job, or number (no. 31)
runs-search-do = Search
runs-filters = Filters of the runs
runs-more-filters = Group, job, requirement
runs-any = All
runs-since = Period
runs-since-all = All
runs-since-24h = Last 24 h
runs-since-7d = Last 7 days
runs-group = Group
runs-requirement = Requirement
runs-filter-do = Filter
runs-filter-clear = Clear filters
runs-unfinished = Not judged yet
runs-queued = Queued
runs-found = { $count ->
    [0] No run
    [one] 1 run
   *[other] { $count } runs
  }
runs-nothing = No run matches these filters.
runs-official = No run of this bench has the number { $number }. If it is an official test number, it comes from MOTCO2: this bench does not know it.
runs-page = Page { $page } of { $pages }
runs-pages = Pages
runs-before = Newer
runs-after = Older
runs-driver = Driven
runs-by-adapter = by an adapter
runs-by-person = by hand
runs-campaign = Campaign
runs-compare = Compare
runs-compare-pick = To compare
runs-compare-this = Compare run no. { $number }
runs-compare-hint = Tick two runs.
runs-nonsense-page = There is no page { $value }: here is the first.
runs-nonsense-verdict = There is no verdict { $value }: this filter is ignored.
runs-nonsense-since = There is no period { $value }: this filter is ignored.
runs-nonsense-campaign = The campaign { $value } is not a number: this filter is ignored.

campaign-title = Campaign { $number }
campaign-progress = { $done } of { $all } finished
campaign-seed = seed
campaign-accelerated = accelerated durations
campaign-left-out = Not run, no adapter can act in a person's place:
campaign-again = Run again
campaign-again-failed = { $count ->
    [one] Run the failed one again
   *[other] Run the { $count } failed ones again
  }
campaign-again-remaining = { $count ->
    [one] Run the rest again (1 without a verdict)
   *[other] Run the rest again ({ $count } without a verdict)
  }
campaign-again-all = Run all again
campaign-again-adapter = This campaign was driven by an adapter: run it again where the adapter is.
campaign-proof = Download the proof of the campaign
campaign-which = There is nothing to run again under the name { $value }.
campaign-which-next = Choose the failures, the rest or all, on the page of the campaign.
campaign-nothing = There is nothing to run again.
campaign-nothing-next = All the runs asked for have their verdict already.

compare-title = Compare two runs
compare-two = It takes two runs to compare.
compare-two-next = Tick two in the list of runs.
compare-other-job = These two runs are not of the same job: only the requirements that they share compare.
compare-checks = Checks
compare-no-check = Neither has a check to compare.
compare-differing = { $count ->
    [0] No difference in verdict or finding.
    [one] One check differs.
   *[other] { $count } checks differ.
  }
compare-differs = differs
compare-absent = no check
compare-log = Log
compare-log-hint = Lines that the other log has not, whatever the times and numbers.
compare-only = Only in no. { $number }
compare-nothing = Nothing.

posterior-link = Judge a message already received
posterior-title = Judge a message already received
posterior-tag = a posteriori
posterior-mark = Judged a posteriori: no proof.
posterior-why = It explains, nothing more: it has no number, is not kept, and counts in no file. For a proof, run the job.
posterior-candidates = Messages of the last 10 minutes
posterior-refresh = Refresh
posterior-none = No message from this mailbox for 10 minutes. Send one from the LPS, then refresh.
posterior-at = Received at
posterior-to = Recipients
posterior-size = Octets
posterior-queue = Queue
posterior-judge = Judge
posterior-current = judged above

requirements-title = Registry of requirements
requirements-lead = Each requirement in our own words, and the jobs that judge it. The official wording is the ANS's.
requirements-coverage = { $judged } of { $all } requirements are judged by at least one job.
requirements-id = Requirement
requirements-text = In plain words
requirements-boxes = Mailboxes
requirements-likely = to be confirmed
requirements-none = no job

trouble-run = No run has the number { $number }
trouble-campaign = No campaign has the number { $number }
trouble-number-official = An official test number comes from MOTCO2: it is not a run of this bench.
trouble-number-next = This bench's numbers are at the top of each run and in the list of runs.
