
# vaguemestre check
check-title = Check of files
check-kind-mail = mail
check-kind-xdm = IHE_XDM archive
check-kind-cda = CDA document
check-kind-pdf = PDF
check-kind-unknown = file not recognised
check-error = error
check-warning = warning
check-info = remark
check-nothing = Nothing to report.
check-severity = Severity
check-rule = Requirement
check-finding = Finding
check-expected = expected
check-received = received
check-place = Place
check-part = part { $part }
check-line = line { $line }
check-summary = Files { $files } - errors { $errors } - warnings { $warnings }
