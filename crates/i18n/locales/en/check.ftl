
# vaguemestre check
filecheck-title = Check of files
filecheck-kind-mail = mail
filecheck-kind-xdm = IHE_XDM archive
filecheck-kind-cda = CDA document
filecheck-kind-pdf = PDF
filecheck-kind-unknown = file not recognised
filecheck-error = error
filecheck-warning = warning
filecheck-info = remark
filecheck-nothing = Nothing to report.
filecheck-severity = Severity
filecheck-rule = Requirement
filecheck-finding = Finding
filecheck-expected = expected
filecheck-received = received
filecheck-place = Place
filecheck-part = part { $part }
filecheck-line = line { $line }
filecheck-summary = Files { $files } - errors { $errors } - warnings { $warnings }

# Check a file
nav-check = Check a file
check-title = Check a file
check-lead = Drop a mail, an archive, a document: the bench holds it against the requirements, with no product, no sending, no run.
check-files = The files
check-drop = Drop the files here, or choose them
check-kinds = A mail (.eml), an IHE_XDM.zip archive, a CDA document (.xml) or a PDF. What they are is told by what they hold.
check-go = Check
check-limits = At most { $files } files at a time, { $one } MB each, { $all } MB in all.
check-kept = Nothing is written to the disk: files stay in memory for { $minutes } minutes, then they are forgotten.
check-elsewhere = Without this page
check-elsewhere-text = The same check, on the command line (no server needed) and through the API:
check-forgotten = The files are forgotten.
check-nothing = No file was sent. Choose a file, then press Check.
check-busy = Two checks are under way already. Try again in a moment.
check-slow = The upload took more than two minutes and was given up. Send fewer files at a time.
check-too-many = { $count } files were sent: nothing was checked.
check-gone = This result is gone: files stay in memory for { $minutes } minutes. Drop them again.
check-result = Result of the check
check-another = Check another file
check-json = Download the result (JSON)
check-forget = Forget now
check-good = Nothing to report.
check-warned = No error, some points to look at.
check-bad = Requirements are not met.
check-refused = At least one file could not be checked whole.
check-summary = { $files ->
    [one] 1 file
   *[other] { $files } files
  } · { $errors ->
    [0] no error
    [one] 1 error
   *[other] { $errors } errors
  } · { $warnings ->
    [0] no warning
    [one] 1 warning
   *[other] { $warnings } warnings
  }
check-too-large = This file is too large: it was not read.
check-empty = This file is empty. Export it again from the software that made it.
check-kind-mail = Mail
check-kind-xdm = IHE_XDM archive
check-kind-cda = CDA document
check-kind-pdf = PDF
check-kind-unknown = File not recognised
check-more = { $count ->
    [one] One more document is not shown: the JSON result has it.
   *[other] { $count } more documents are not shown: the JSON result has them.
  }
check-untitled = Untitled document
check-critical = { $count ->
    [one] One critical result
   *[other] { $count } critical results
  }
check-action = Action
check-create = Creation: a document to file
check-replace = Replacement of an earlier version
check-delete = Request to delete
check-patient = Patient
check-used = known as { $name }
check-cog = place of birth { $code }
check-ins = INS
check-nir = NIR, production
check-nia = NIA, production
check-ins-test = test INS
check-ins-demo = demonstration INS
check-type = Type (LOINC)
check-date = Date of the document
check-id = Identifier
check-version = Version
check-replaces = Replaces
check-results = Laboratory results
check-media = Embedded files
check-file = File
check-octets = { $count ->
    [0] 0 bytes
    [one] { $count } byte
   *[other] { $count } bytes
  }
check-kilo = { $count } KB
check-mega = { $count } MB
check-show = Show the document
check-open = Open in a tab
check-text = Text
check-pdf = PDF
check-unshown = This document cannot be shown that way: { $problem }
check-unshown-next = Its defects are among the findings of the page before.
check-errors = { $count ->
    [one] 1 error
   *[other] { $count } errors
  }
check-warnings = { $count ->
    [one] 1 warning
   *[other] { $count } warnings
  }
check-remarks = { $count ->
    [one] 1 remark
   *[other] { $count } remarks
  }
check-expected = Expected
check-received = Received
