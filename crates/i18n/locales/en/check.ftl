
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
