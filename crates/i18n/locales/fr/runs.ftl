## Jobs, exécutions, campagnes, comparaison
nr = n° { $number }
jobs-title = Jobs
jobs-lead = Chaque job dit ce qu'il faut faire, attend votre logiciel, puis explique son verdict ligne à ligne.
jobs-no-product = Aucun compte pour l'instant : il faut deux BAL de test pour lancer un job.
jobs-create = Créer un compte
jobs-search = Chercher un job : mots du titre ou exigence (par exemple CONF.21)
jobs-search-clear = Tout afficher
jobs-all = { $count ->
    [one] Tous les jobs : 1
   *[other] Tous les jobs : { $count }
  }
jobs-found = { $count ->
    [0] Aucun job trouvé
    [one] 1 job trouvé
   *[other] { $count } jobs trouvés
  }
jobs-never = { $count ->
    [one] 1 jamais lancé
   *[other] { $count } jamais lancés
  }
jobs-nothing = Aucun job ne correspond. Essayez un seul mot, ou le numéro de l'exigence.
jobs-expand = Tout déplier
jobs-collapse = Tout replier
jobs-root-segur = Cas de tests de référencement SEGUR
jobs-root-unit = Cas de tests unitaires
jobs-root-beyond = Au-delà du référentiel
jobs-group-robustness = Robustesse
jobs-group-reading = Relève
jobs-group-sending = Envoi
jobs-reconstructed = contenu reconstitué
jobs-reconstructed-why = Le contenu du job de MOTCO2 n'est pas public : celui-ci est tiré de l'exigence.
jobs-progress = { $passed } sur { $count } réussis
jobs-run = Lancer
jobs-cli = En ligne de commande, avec un adaptateur
jobs-cli-text = Un adaptateur fait agir votre logiciel sans personne : tout le catalogue passe en quelques secondes, chez vous ou dans votre intégration continue. Remplacez lps par la commande de votre adaptateur.
jobs-cli-group = Tout le groupe :

job-auto = Automatisable
job-person = Manuel
job-attestation = Attestation
job-needs = Prérequis
job-check = Vérifier à nouveau
job-looked = Ce que le banc a vérifié
job-prepare = Préparation
job-test = Test
job-nothing-to-do = Rien à préparer.
job-window = Le banc ouvre une fenêtre et regarde ce que fait la boîte :
job-control = Témoin positif :
job-options = Options
job-timer = Délai (timer), en secondes
job-timer-hint = Le temps laissé pour agir sur le LPS. La dernière valeur est retenue ; une fenêtre ouverte se prolonge.
job-accelerated = Durées accélérées
job-accelerated-hint = Jeton de 5 s, inactivité de 3 s, réponses lentes de 2 s ; le verdict le dit.
job-runs = Dernières exécutions
job-runs-all = Voir les { $count } exécutions
job-identity = Identité du job
job-id = Identifiant
job-version = Version du banc
job-digest = Empreinte (SHA-256)
job-cli = Avec votre adaptateur :
job-definition = Définition

need-what = Réglage
need-value = Valeur
need-state = État
need-good = Prêt
need-bad = En défaut
need-address = Adresse de la BAL
need-identity = Identifiant national
need-imap-host = Serveur IMAP
need-imap-port = Port IMAP (STARTTLS)
need-smtp-host = Serveur SMTP
need-smtp-port = Port SMTP (STARTTLS)
need-ca = Autorité de certification (fichier)
need-issuer = Pro Santé Connect (issuer)
need-discovery = Document de découverte
need-client = client_id
need-secret = client_secret (fichier)
need-certificate = Certificat AUTH_CLI (fichier)
need-key = Clé AUTH_CLI (fichier)
preflight-address = Adresse
preflight-port = Port
preflight-tls = Confiance TLS
preflight-certificate = Certificat AUTH_CLI
preflight-token = Jeton Pro Santé Connect
preflight-mailbox = Boîte aux lettres
preflight-adapter = Adaptateur

stage-login = S'authentifier ({ $over })
stage-fetch = Relever la boîte ({ $over })
stage-send = Envoyer un message ({ $over })
stage-append = Ranger un message ({ $over })
stage-search = Chercher dans l'annuaire ({ $over })
stage-reply = Répondre à un message ({ $over })
stage-logout = Se déconnecter ({ $over })
stage-documents = { $count ->
    [one] un document
   *[other] { $count } documents
  }
stage-unqualified = INS non qualifiée
stage-patient = à un patient (Mon espace santé)
stage-patient-motco2 = à un patient (forme MOTCO2)
stage-close = réponse du patient bloquée
stage-refuse-token = le premier jeton est refusé
stage-old-tls = serveur limité à TLS 1.1
stage-fault = défaut « { $name } »
stage-implicit-tls = TLS dès le premier octet
stage-adapter-only = adaptateur seulement

start-timer = Le délai { $value } ne peut pas être utilisé.
start-timer-next = Donnez un nombre entier de secondes, entre 5 et 3600.

run-opening = La fenêtre s'ouvre.
reason-cancelled = L'exécution a été annulée.
reason-stopped = Le banc a été arrêté pendant l'exécution.
run-passed-checks = { $count ->
    [one] 1 vérification réussie
   *[other] { $count } vérifications réussies
  }
run-left = { $count ->
    [one] Il reste 1 seconde.
   *[other] Il reste { $count } secondes.
  }
run-seen = vu
run-window = La fenêtre est ouverte : le banc juge la boîte de ce compte. Vous pouvez fermer cette page, l'exécution continue.
run-prolong = Prolonger de 60 s
run-cancel = Annuler
run-read-again = Actualiser la page
run-queued-why = Une seule exécution à la fois par boîte. Celle-ci attend son tour, derrière l'exécution
run-adapter-works = Un adaptateur fait agir le client : rien à faire de votre côté.
run-all-passed = { $count ->
    [one] La vérification est réussie.
   *[other] Les { $count } vérifications sont réussies.
  }
run-is-unsupported = L'adaptateur a répondu qu'il ne sait pas faire ce que demande ce job.
run-is-not-started = L'exécution s'est arrêtée avant l'ouverture de sa fenêtre : rien n'a été jugé.
run-is-aborted = L'exécution a été interrompue : ce n'est pas un verdict sur le logiciel.
run-purged = Les éléments de cette exécution ont été effacés à la fin de leur durée de conservation ; le verdict reste.
run-control = Témoin positif : exécution
run-meanwhile = { $count ->
    [one] Pendant la fenêtre, votre LPS a ouvert 1 autre connexion, qui n'a pas été jugée.
   *[other] Pendant la fenêtre, votre LPS a ouvert { $count } autres connexions, qui n'ont pas été jugées.
  }
run-meanwhile-logins = { $count ->
    [one] Une authentification y a été tentée.
   *[other] { $count } authentifications y ont été tentées.
  }
run-meanwhile-mails = { $count ->
    [one] Un message y a été envoyé.
   *[other] { $count } messages y ont été envoyés.
  }
run-was-accelerated = Durées annoncées raccourcies (mode accéléré).
run-was-canned = Le message a été fourni tout prêt au client (--canned) : seul son transport est jugé.
run-was-truncated = Il y avait plus sur le fil qu'une preuve n'en garde : seul le début a été jugé.
run-after = Et maintenant
run-again = Relancer
run-again-by-hand = Relancer à la main
run-again-adapter = Avec l'adaptateur :
run-job-page = Page du job
run-compare-before = Comparer à n° { $number }
run-proof-rehearsal = C'est une répétition : ce n'est ni un numéro de test MOTCO2, ni une preuve auprès de l'ANS.
check-rule = Règle

log-node = Nœud
log-session = Session
log-level = Niveau
log-text = Texte
log-level-debug = Tout (debug)
log-level-info = Sans les lignes de protocole
log-level-verdict = Ce qui fonde le verdict
log-level-alert = Écarts seulement
log-fold = Replier les sessions
log-fold-one = Replier la session
log-unfold = Déplier la session
log-wrap = Retour à la ligne
log-count-all = Lignes %from% à %to% sur %total%
log-count-some = Lignes %from% à %to% sur %matched% retenues (%total% en tout)
log-utc = Heures UTC
log-pages = Pages du journal
log-before = Lignes précédentes
log-after = Lignes suivantes
log-nonsense = Le filtre { $value } n'a pas de sens : il est ignoré. Une session est un nombre entier.

runs-search = Mots du job ou numéro (n° 31)
runs-search-do = Rechercher
runs-filters = Filtres des exécutions
runs-more-filters = Groupe, job, exigence
runs-any = Tous
runs-since = Période
runs-since-all = Toutes
runs-since-24h = Depuis 24 h
runs-since-7d = Depuis 7 jours
runs-group = Groupe
runs-requirement = Exigence
runs-filter-do = Filtrer
runs-filter-clear = Effacer les filtres
runs-unfinished = Pas encore jugé
runs-queued = En file d'attente
runs-found = { $count ->
    [0] Aucune exécution
    [one] 1 exécution
   *[other] { $count } exécutions
  }
runs-nothing = Aucune exécution ne correspond à ces filtres.
runs-official = Aucune exécution de ce banc ne porte le numéro { $number }. Si c'est un numéro de test officiel, il vient de MOTCO2 : ce banc ne le connaît pas.
runs-page = Page { $page } sur { $pages }
runs-pages = Pages
runs-before = Plus récentes
runs-after = Plus anciennes
runs-driver = Conduite
runs-by-adapter = adaptateur
runs-by-person = à la main
runs-campaign = Campagne
runs-compare = Comparer
runs-compare-pick = À comparer
runs-compare-this = Comparer l'exécution n° { $number }
runs-compare-hint = Cochez deux exécutions.
runs-nonsense-page = La page { $value } n'existe pas : voici la première.
runs-nonsense-verdict = Le verdict { $value } n'existe pas : ce filtre est ignoré.
runs-nonsense-since = La période { $value } n'existe pas : ce filtre est ignoré.
runs-nonsense-campaign = La campagne { $value } n'est pas un nombre : ce filtre est ignoré.

campaign-title = Campagne { $number }
campaign-progress = { $done } sur { $all } terminées
campaign-seed = graine
campaign-accelerated = durées accélérées
campaign-left-out = Non lancés, aucun adaptateur ne peut agir à la place d'une personne :
campaign-again = Relancer
campaign-again-failed = { $count ->
    [one] Relancer l'échec
   *[other] Relancer les { $count } échecs
  }
campaign-again-remaining = { $count ->
    [one] Relancer le reste (1 sans verdict)
   *[other] Relancer le reste ({ $count } sans verdict)
  }
campaign-again-all = Tout relancer
campaign-again-adapter = Cette campagne a été conduite par un adaptateur : relancez-la là où il se trouve.
campaign-proof = Télécharger la preuve de la campagne
campaign-which = Il n'y a rien à relancer sous le nom { $value }.
campaign-which-next = Choisissez les échecs, le reste ou tout, sur la page de la campagne.
campaign-nothing = Il n'y a rien à relancer.
campaign-nothing-next = Toutes les exécutions demandées ont déjà leur verdict.

compare-title = Comparer deux exécutions
compare-two = Il faut deux exécutions pour comparer.
compare-two-next = Cochez-en deux dans la liste des exécutions.
compare-other-job = Ces deux exécutions ne sont pas du même job : seules les exigences communes se comparent.
compare-checks = Vérifications
compare-no-check = Aucune des deux n'a de vérification à comparer.
compare-differing = { $count ->
    [0] Aucune différence de verdict ni de constat.
    [one] Une vérification diffère.
   *[other] { $count } vérifications diffèrent.
  }
compare-differs = diffère
compare-absent = pas de vérification
compare-log = Journal
compare-log-hint = Lignes que l'autre journal n'a pas, sans tenir compte des heures ni des numéros.
compare-only = Seulement dans n° { $number }
compare-nothing = Rien.

posterior-link = Juger un message déjà reçu
posterior-title = Juger un message déjà reçu
posterior-tag = a posteriori
posterior-mark = Jugement a posteriori : aucune preuve.
posterior-why = Il explique, rien de plus : il n'a pas de numéro, n'est pas conservé et ne compte dans aucun dossier. Pour une preuve, lancez le job.
posterior-candidates = Messages des 10 dernières minutes
posterior-refresh = Actualiser
posterior-none = Aucun message de cette boîte depuis 10 minutes. Envoyez-en un depuis le LPS, puis actualisez.
posterior-at = Reçu à
posterior-to = Destinataires
posterior-size = Octets
posterior-queue = File
posterior-judge = Juger
posterior-current = jugé ci-dessus

requirements-title = Registre des exigences
requirements-lead = Chaque exigence en nos mots, et les jobs qui la jugent. Le texte officiel reste celui de l'ANS.
requirements-coverage = { $judged } exigences sur { $all } sont jugées par au moins un job.
requirements-id = Exigence
requirements-text = En clair
requirements-boxes = Boîtes
requirements-likely = à confirmer
requirements-none = aucun job

trouble-run = Aucune exécution ne porte le numéro { $number }
trouble-campaign = Aucune campagne ne porte le numéro { $number }
trouble-number-official = Un numéro de test officiel vient de MOTCO2 : ce n'est pas une exécution de ce banc.
trouble-number-next = Les numéros de ce banc sont affichés en haut de chaque exécution et dans la liste des exécutions.
