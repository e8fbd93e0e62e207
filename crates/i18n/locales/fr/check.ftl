
# vaguemestre check
check-title = Contrôle de fichiers
check-kind-mail = message
check-kind-xdm = archive IHE_XDM
check-kind-cda = document CDA
check-kind-pdf = PDF
check-kind-unknown = fichier non reconnu
check-error = erreur
check-warning = avertissement
check-info = remarque
check-nothing = Rien à signaler.
check-severity = Gravité
check-rule = Exigence
check-finding = Constat
check-expected = attendu
check-received = reçu
check-place = Endroit
check-part = partie { $part }
check-line = ligne { $line }
check-summary = Fichiers { $files } - erreurs { $errors } - avertissements { $warnings }
