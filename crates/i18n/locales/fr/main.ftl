# Textes des écrans, en français. Mêmes identifiants que en.ftl (un test compare les deux fichiers).
# Écrire des espaces ordinaires devant : ; ? ! et » : les espaces fines insécables sont posées au chargement.

## Cadre commun des pages
shell-skip = Aller au contenu
shell-nav = Navigation principale
shell-language = Langue de la page
shell-language-switch = English
shell-rehearsal = Bac à sable Vaguemestre : données et identités de test seulement.

## Pages d'erreur communes
error-not-found-title = Page introuvable
error-not-found-text = Il n'y a rien à cette adresse. Vérifiez le lien.
error-home = Revenir à l'accueil
error-internal-title = La page n'a pas pu être préparée
error-internal-text = C'est une faute de notre côté ; le journal du serveur en donne la raison.

## Pro Santé Connect, bac à sable
wallet-site = Pro Santé Connect — bac à sable
wallet-title = Choisir une identité de test
wallet-lead = { $client } demande à vous identifier.
wallet-lead-text = Choisissez la personne que vous jouez et son moyen d'identification. Aucun mot de passe n'est demandé : ces personnes n'existent pas.
wallet-back-to = Retour prévu vers { $place }
wallet-hinted = Identité proposée par le logiciel
wallet-identities = { $count ->
    [0] Aucune identité de test
    [one] Une identité de test
   *[other] { $count } identités de test
  }
wallet-others = Autres identités de test
wallet-none-text = Déclarez un produit dans le banc : l'identité PSC de son compte apparaîtra ici.
wallet-hint-unknown = Le logiciel propose l'identité { $hint }, que ce bac à sable ne connaît pas.
wallet-id = Identifiant national
wallet-accept-ecps = Accepter avec l'e-CPS
wallet-accept-card = Accepter avec la carte CPx
wallet-as = en tant que { $name }
wallet-refuse = Refuser la connexion
wallet-refuse-text = Le logiciel recevra l'erreur access_denied, comme si la personne avait refusé.
wallet-hidden = { $count ->
    [one] Une autre identité n'est pas affichée : le logiciel peut la proposer avec login_hint.
   *[other] { $count } autres identités ne sont pas affichées : le logiciel peut les proposer avec login_hint.
  }
wallet-details = Détail de la demande
wallet-client = Logiciel (client_id)
wallet-redirect = Adresse de retour (redirect_uri)
wallet-scope = Portée (scope)
wallet-acr = Niveau demandé (acr_values)

wallet-error-title = Demande d'identification refusée
wallet-error-lead = Le bac à sable ne peut pas renvoyer l'erreur au logiciel : l'adresse de retour n'est pas sûre.
wallet-error-received = Reçu
wallet-error-expected = Attendu
wallet-error-next = Que faire
wallet-error-nothing = (rien)
wallet-error-client-missing = Le paramètre client_id manque.
wallet-error-client-unknown = Ce client_id n'est pas déclaré dans ce bac à sable.
wallet-error-client-expected = un client_id déclaré
wallet-error-client-next = Recopiez le client_id affiché avec le compte du produit dans le banc.
wallet-error-redirect-missing = Le paramètre redirect_uri manque.
wallet-error-redirect-unknown = Cette adresse de retour n'est pas déclarée pour ce logiciel.
wallet-error-redirect-next = Déclarez cette adresse pour le logiciel, ou corrigez-la : la comparaison est faite caractère par caractère.
wallet-error-repeated = Un paramètre est présent plusieurs fois dans la demande.
wallet-error-repeated-expected = chaque paramètre une seule fois
wallet-error-repeated-next = Corrigez l'adresse que le logiciel construit (RFC 6749, section 3.1).
wallet-stale-title = Cette demande n'est plus valable
wallet-stale-text = Elle a déjà servi, elle a plus de dix minutes, ou elle vient d'un autre navigateur. Recommencez la connexion depuis votre logiciel.
wallet-choice-title = Identité inconnue
wallet-choice-text = L'identité choisie a disparu du bac à sable entre-temps. Recommencez la connexion depuis votre logiciel.

profession-10 = Médecin
profession-21 = Pharmacien
profession-40 = Chirurgien-dentiste
profession-50 = Sage-femme
profession-60 = Infirmier
profession-70 = Masseur-kinésithérapeute
profession-other = Profession { $code }
profession-employee = Personnel de structure
profession-none = Sans profession déclarée

wallet-home-title = Le Pro Santé Connect du bac à sable
wallet-home-text = La page de choix s'ouvre d'elle-même quand un logiciel demande une identification. Ici se préparent les identités, les logiciels et les pannes, et se jouent les réponses de l'e-CPS.
wallet-home-discovery = Document de découverte
wallet-home-issuer = Émetteur (issuer)

logout-title = Déconnexion
logout-done = La session Pro Santé Connect est close. Les jetons qui en venaient ne sont plus renouvelés.
logout-already = La session était déjà close, ou n'existe pas.
logout-hint-missing = Le paramètre id_token_hint manque, ou n'est pas un jeton d'identité de ce bac à sable : aucune session n'a été close.
logout-redirect-unknown = L'adresse post_logout_redirect_uri n'est pas déclarée pour ce logiciel : le retour n'a pas été fait.

## Le banc
bench-site = Vaguemestre — le banc
bench-dashboard = Tableau de bord
bench-lead = Les tests de messagerie sécurisée de santé, chez vous : lancez un job, faites agir votre logiciel, lisez le verdict et emportez la preuve. C'est une répétition : le numéro officiel vient de MOTCO2.
bench-jobs = Jobs
bench-product = Produit
bench-for = Pour
bench-never = Jamais lancé
bench-run-job = Lancer le job
bench-mailbox-per = BAL personnelle ou organisationnelle (Pro Santé Connect)
bench-mailbox-app = BAL applicative (AUTH_CLI)
bench-client = Client Pro Santé Connect
bench-runs = Exécutions
bench-no-run = Aucune exécution.
account-new = Création de compte
account-nil = Référence produit (NIL)
account-name = Nom du produit
account-version = Version (facultative)
account-psc = Identifiant national PSC
account-app = Identifiant national AUTH_CLI
account-type = Type de la BAL PSC
account-hint = Les identifiants servent à créer les deux BAL, utilisables aussitôt. Ils ne peuvent pas être partagés entre deux produits.
account-submit = Valider
runs-number = Exécution
runs-job = Job
runs-state = Verdict
runs-when = Début
runs-duration = Durée
verdict-passed = Réussi
verdict-failed = Échoué
verdict-inconclusive = Non concluant
verdict-unsupported = Non pris en charge
verdict-not-started = Non lancé (prérequis)
verdict-aborted = Interrompu
verdict-attested = Attesté
verdict-not-applicable = Sans objet
phase-queued = En file d'attente, derrière l'exécution n° { $run }
phase-waiting = En attente de votre action
phase-running = En cours
run-title = Exécution n° { $number }
run-your-turn = En attente de votre action
run-lps = Au niveau LPS
run-bench = Au niveau du banc
run-checks = Verdict expliqué
run-line = ligne { $line } du journal
run-expected = Attendu
run-received = Constaté
run-next = Que faire
run-proof = Preuve
run-proof-get = Télécharger la preuve
run-proof-hint = Signée, elle contient tout ce que le juge a vu : n'importe qui peut la vérifier et la rejouer.
run-log = Journal
run-log-raw = Journal brut
run-strangers = { $count ->
    [one] Une autre connexion a eu lieu pendant la fenêtre : elle est comptée, jamais jugée.
   *[other] { $count } autres connexions ont eu lieu pendant la fenêtre : elles sont comptées, jamais jugées.
  }
run-adapter = Adaptateur, pour information :
run-live = Le journal s'affiche au fil de l'exécution ; le verdict apparaîtra de lui-même.

## Ligne de commande
cli-up-ready = Le banc et son bac à sable répondent :
cli-up-stop = Ctrl-C pour arrêter.
cli-up-bench = Banc (navigateur)
cli-up-ca = Ancre de confiance
cli-up-dns = Pour qu'un client trouve les serveurs par DNS SRV, envoyer { $domain } à ce DNS, selon le système :
cli-up-dns-53 = {"  "}(port 53 seulement : relancer avec --dns-port 53)
cli-up-dns-container = Conteneur
cli-account-added = Le compte a bien été ajouté. Les deux BAL sont actives.
cli-account-none = Aucun produit : vaguemestre account add
cli-left-out = { $job } : non lancé, aucun adaptateur ne peut agir à la place d'une personne
cli-summary = { $passed } réussi(s) sur { $total }.
cli-proof-saved = Preuve enregistrée : { $path }
cli-verify-pinned = Preuve valide : signature de la clé attendue, verdicts rejoués à l'identique.
cli-verify-integrity = Preuve valide : intégrité seule (clé non épinglée), verdicts rejoués à l'identique.
cli-verify-key = Clé
cli-verify-invalid = Preuve refusée : { $why }
cli-cert-written = Certificat AUTH_CLI, clé et ancre du laboratoire écrits dans { $path } :
cli-demo-title = Démonstration : le LPS de Vaguemestre passe tous les jobs du banc.
cli-demo-proof = Preuve de la campagne (répétition) : { $path }
cli-demo-open = À vous : ouvrez le banc dans un navigateur, ou configurez votre LPS.

# vaguemestre backup, vaguemestre doctor
cli-backup-done = Copie terminée et relue : { $path } ({ $files } fichiers).
cli-backup-use = Pour s'en servir : vaguemestre up --data { $path } (avec --renumber si l'original fonctionne encore)
cli-doctor-sound = { $path } : rien à signaler.
cli-doctor-findings = { $path } : { $count } constat(s).
cli-doctor-error = [erreur]
cli-doctor-warning = [avertissement]
cli-doctor-where = nombre : { $count } - premier : { $place }
cli-doctor-repair = Réparable sans rien perdre : relancez avec --repair
cli-doctor-repaired = Réparé.
cli-doctor-restore = Ne se répare pas sans perte : repartez de la dernière copie (vaguemestre backup).
cli-doctor-make-room = Faites de la place dans la BAL, ou relevez son quota.
cli-doctor-integrity = Le fichier de la base est abîmé
cli-doctor-uid-order = Un dossier redonnerait un UID déjà donné
cli-doctor-mod-sequences = Un dossier est en retard sur les modifications de ses messages
cli-doctor-numbers = Un numéro de corps de message serait donné deux fois
cli-doctor-missing-bodies = Des messages n'ont plus leur contenu
cli-doctor-pieces = Des morceaux de messages manquent ou sont de trop
cli-doctor-lost-messages = Des messages sont dans un dossier qui n'existe pas
cli-doctor-counts = Les comptes d'un dossier (messages, octets) sont faux
cli-doctor-references = Des contenus sont mal comptés, ou ne sont dans aucun dossier
cli-doctor-orphans = Des morceaux n'appartiennent à aucun message
cli-doctor-learned = Les textes de recherche ne correspondent pas aux messages
cli-doctor-drafts = Des réceptions interrompues occupent de la place
cli-doctor-quota = Une BAL dépasse son quota
cli-doctor-open-secrets = Des fichiers secrets sont lisibles par d'autres utilisateurs
cli-faulty-ready = Le serveur de messagerie fautif répond :
cli-faulty-mailbox = BAL
cli-faulty-token = Jeton (XOAUTH2)
cli-faulty-reached = { $name } (ligne { $line }) : rencontrée { $times } fois
cli-faulty-not-reached = { $name } (ligne { $line }) : faute non rencontrée
