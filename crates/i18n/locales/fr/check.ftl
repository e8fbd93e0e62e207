
# vaguemestre check
filecheck-title = Contrôle de fichiers
filecheck-kind-mail = message
filecheck-kind-xdm = archive IHE_XDM
filecheck-kind-cda = document CDA
filecheck-kind-pdf = PDF
filecheck-kind-unknown = fichier non reconnu
filecheck-error = erreur
filecheck-warning = avertissement
filecheck-info = remarque
filecheck-nothing = Rien à signaler.
filecheck-severity = Gravité
filecheck-rule = Exigence
filecheck-finding = Constat
filecheck-expected = attendu
filecheck-received = reçu
filecheck-place = Endroit
filecheck-part = partie { $part }
filecheck-line = ligne { $line }
filecheck-summary = Fichiers { $files } - erreurs { $errors } - avertissements { $warnings }
