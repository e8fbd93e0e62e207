
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

# Vérifier un fichier
nav-check = Vérifier un fichier
check-title = Vérifier un fichier
check-lead = Déposez un message, une archive, un document : le banc le confronte aux exigences, sans produit, sans envoi, sans exécution.
check-files = Les fichiers
check-drop = Déposez les fichiers ici, ou choisissez-les
check-kinds = Message (.eml), archive IHE_XDM.zip, document CDA (.xml) ou PDF. Leur nature est reconnue à leur contenu.
check-go = Vérifier
check-limits = Au plus { $files } fichiers à la fois, { $one } Mo chacun, { $all } Mo en tout.
check-kept = Rien n'est écrit sur le disque : les fichiers restent { $minutes } minutes en mémoire, puis sont oubliés.
check-elsewhere = Sans cette page
check-elsewhere-text = La même vérification, en ligne de commande (sans serveur) et par l'API :
check-forgotten = Les fichiers ont été oubliés.
check-nothing = Aucun fichier n'a été envoyé. Choisissez un fichier, puis « Vérifier ».
check-busy = Deux vérifications sont déjà en cours. Réessayez dans un instant.
check-slow = L'envoi a duré plus de deux minutes et a été abandonné. Envoyez moins de fichiers à la fois.
check-too-many = { $count } fichiers ont été envoyés : rien n'a été vérifié.
check-gone = Ce résultat n'est plus là : les fichiers restent { $minutes } minutes en mémoire. Déposez-les de nouveau.
check-result = Résultat de la vérification
check-another = Vérifier un autre fichier
check-json = Télécharger le résultat (JSON)
check-forget = Oublier maintenant
check-good = Rien à signaler.
check-warned = Aucune erreur, des points à regarder.
check-bad = Des exigences ne sont pas respectées.
check-refused = Un fichier au moins n'a pas pu être vérifié en entier.
check-summary = { $files ->
    [one] 1 fichier
   *[other] { $files } fichiers
  } · { $errors ->
    [0] aucune erreur
    [one] 1 erreur
   *[other] { $errors } erreurs
  } · { $warnings ->
    [0] aucun avertissement
    [one] 1 avertissement
   *[other] { $warnings } avertissements
  }
check-too-large = Ce fichier est trop gros : il n'a pas été lu.
check-empty = Ce fichier est vide. Exportez-le de nouveau depuis le logiciel qui l'a produit.
check-kind-mail = Message
check-kind-xdm = Archive IHE_XDM
check-kind-cda = Document CDA
check-kind-pdf = PDF
check-kind-unknown = Fichier non reconnu
check-more = { $count ->
    [one] Un autre document n'est pas affiché : le résultat JSON le contient.
   *[other] { $count } autres documents ne sont pas affichés : le résultat JSON les contient.
  }
check-untitled = Document sans titre
check-critical = { $count ->
    [one] Un résultat critique
   *[other] { $count } résultats critiques
  }
check-action = Action
check-create = Création : document à intégrer
check-replace = Remplacement d'une version précédente
check-delete = Demande de suppression
check-patient = Patient
check-used = utilise { $name }
check-cog = lieu de naissance { $code }
check-ins = INS
check-nir = NIR, production
check-nia = NIA, production
check-ins-test = INS de test
check-ins-demo = INS de démonstration
check-type = Type (LOINC)
check-date = Date du document
check-id = Identifiant
check-version = Version
check-replaces = Remplace
check-results = Résultats de biologie
check-media = Fichiers inclus
check-file = Fichier
check-octets = { $count ->
    [0] 0 octet
    [one] { $count } octet
   *[other] { $count } octets
  }
check-kilo = { $count } Ko
check-mega = { $count } Mo
check-show = Voir le document
check-open = Ouvrir dans un onglet
check-text = Texte
check-pdf = PDF
check-unshown = Ce document ne peut pas être montré ainsi : { $problem }
check-unshown-next = Ses défauts sont parmi les constats de la page précédente.
check-errors = { $count ->
    [one] 1 erreur
   *[other] { $count } erreurs
  }
check-warnings = { $count ->
    [one] 1 avertissement
   *[other] { $count } avertissements
  }
check-remarks = { $count ->
    [one] 1 remarque
   *[other] { $count } remarques
  }
check-expected = Attendu
check-received = Constaté
