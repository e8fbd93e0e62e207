## Le cadre : navigation, produit en usage, pannes
shell-menu = Menu
shell-foot = Aide et informations
nav-jobs = Jobs
nav-runs = Exécutions
nav-nodes = Nœuds
nav-proofs = Preuves
nav-accounts = Comptes
nav-settings = Réglages
nav-guide = Guide utilisateur
nav-info = Informations sur le banc
nav-terms = CGU
nav-api = API
switch-label = Produit en usage :
switch-product = Sa fiche : BAL, serveurs, prérequis
switch-more = Tous les comptes
copy = Copier
copy-done = Copié
copy-selected = Sélectionné

failure-title = Demande refusée
failure-unknown-product = Produit inconnu
failure-unknown-job = Job inconnu
failure-busy = Occupé
failure-data = Données indisponibles
failure-form = Revenez à la page précédente et corrigez le formulaire.
failure-too-large = Envoyez un fichier plus petit.
error-unknown-product = Aucun produit de ce banc ne porte ce NIL.
error-unknown-product-next = Choisissez-le dans la liste de comptes, ou créez-le.
error-unknown-job = Aucun job ne porte ce nom.
error-unknown-job-next = Cherchez-le dans l'arbre des jobs.
error-run = Aucune exécution de ce banc ne porte ce numéro.
error-run-next = Cherchez-la dans les exécutions. Un numéro de test officiel vient de MOTCO2 : ce banc ne le connaît pas.
error-identity-in-use = L'identifiant { $identity } est déjà celui du produit { $nil } - { $name }.
error-identity-in-use-next = Les identités de test ne se partagent pas entre produits : utilisez une autre carte ou un autre certificat de test.
error-duplicate-version = Ce NIL est déjà enregistré avec cette version.
error-duplicate-version-next = Donnez une nouvelle version, ou modifiez le compte existant.
error-duplicate-nil = Ce NIL est déjà enregistré avec d'autres identifiants.
error-duplicate-nil-next = Reprenez les mêmes identifiants pour ajouter une version, ou modifiez le compte existant.
error-busy = Une exécution de ce produit n'est pas terminée.
error-busy-next = Attendez son verdict, ou annulez-la, puis recommencez.
error-nil = Ce NIL ne peut pas être utilisé.
error-nil-next = Recopiez la référence affichée par Convergence : lettres, chiffres, point, tiret et souligné, 64 au plus.
error-name = Ce nom ne peut pas être utilisé.
error-name-next = Donnez un nom de 1 à 200 caractères, sur une ligne.
error-identity = Cet identifiant ne peut pas nommer une BAL.
error-identity-next = Recopiez l'identifiant national de la carte ou du certificat de test, par exemple 899700000018, sans espace ni @.
error-version = Cette version ne peut pas être utilisée.
error-version-next = Donnez par exemple 2.1.2, 64 caractères au plus.

## Tableau de bord
home-welcome = Bienvenue sur le banc
home-step-account = Créez un compte
home-step-account-text = Votre NIL et deux identifiants de test : les deux BAL existent aussitôt.
home-step-configure = Configurez votre LPS
home-step-configure-text = Adresses, serveurs, ports et certificats sont prêts à copier.
home-step-run = Lancez un job
home-step-run-text = Faites agir votre logiciel : le banc regarde ce qui passe sur le fil.
home-step-proof = Lisez le verdict, emportez la preuve
home-step-proof-text = Attendu, constaté, règle, ligne du journal, que faire ; et un dossier signé.
home-unavailability = Indisponibilité :
home-projects = { $count ->
    [one] 1 projet
   *[other] { $count } projets
  }
home-search = Recherche de projet : nom, NIL, libellé ou /regex/
home-search-short = Nom, NIL, libellé ou /regex/
home-search-go = Rechercher
home-search-all = Tout afficher
home-bad-regex = Cette expression ne peut pas être lue : { $why }. Corrigez-la, ou retirez les barres pour chercher des mots.
home-matching = { $count ->
    [0] Aucun projet ne correspond.
    [one] Un projet correspond.
   *[other] { $count } projets correspondent.
  }
home-quiet = Aucune exécution depuis 24 h.
home-lately = { $runs ->
    [one] 1 exécution
   *[other] { $runs } exécutions
  } depuis 24 h, { $failed ->
    [0] aucun échec
    [one] 1 échec
   *[other] { $failed } échecs
  }, par { $by }
home-runs-word = depuis 24 h
home-failed = { $count ->
    [one] 1 échec
   *[other] { $count } échecs
  }
home-no-activity = Rien depuis 24 h
home-open-product = Fiche
home-latest = Dernières exécutions
home-all-runs = Toutes les exécutions
home-start = Lancer un job
home-all-jobs = Tous les jobs
home-mailboxes = Les deux BAL de test
home-about-bench = Version, adresses, clé des preuves
home-about-nodes = État des services
support-title = Demander de l'aide
support-to = À
support-subject = Objet
support-subject-text = [Vaguemestre] NIL { $nil }, exécution n° { $run }
support-body = Message
support-body-text = Produit { $nil } - { $name } { $version }, exécution n° { $run }, banc Vaguemestre { $bench }. Ce que j'ai fait : … Ce que j'attendais : … Ce que j'ai constaté : …

## Nœuds
nodes-title = Nœuds
nodes-lead = Les services du banc, interrogés à l'instant. Aucune de ces questions n'ouvre de session : elles ne comptent dans aucune exécution.
nodes-again = Interroger à nouveau
nodes-all-well = Tous les services de ce banc répondent.
nodes-down-count = { $count ->
    [one] Un service ne répond pas.
   *[other] { $count } services ne répondent pas.
  }
nodes-asked = à { $time }
nodes-address = Adresse
nodes-said = Réponse
nodes-took = Délai
node-up = Répond
node-down = Ne répond pas
node-absent = Absent
node-banc = Banc
node-banc-role = Ces pages et l'API.
node-imap = IMAP, STARTTLS
node-imap-role = Lecture des BAL, chiffrée après STARTTLS.
node-imaps = IMAP, TLS
node-imaps-role = Lecture des BAL, chiffrée dès la connexion.
node-smtp = SMTP, STARTTLS
node-smtp-role = Envoi, chiffré après STARTTLS.
node-smtps = SMTP, TLS
node-smtps-role = Envoi, chiffré dès la connexion.
node-psc = Pro Santé Connect
node-psc-role = Bac à sable du fournisseur d'identité : jetons et sessions.
node-pki = IGC
node-pki-role = Certificats et listes de révocation du laboratoire.
node-dns = DNS
node-dns-role = Autoconfiguration des BAL.
node-annuaire = Annuaire Santé
node-annuaire-role = Recherche d'adresses MSSanté.
node-lps = LPS
node-lps-role = Le connecteur de Vaguemestre, comme exemple de client.

## Preuves
proofs-title = Preuves
proofs-lead = Un dossier signé par exécution jugée : le scénario, les échanges, les messages et le verdict. Il se vérifie et se rejoue ailleurs. C'est une répétition : le numéro officiel vient de MOTCO2.
proofs-of = Preuves du NIL { $nil }
proofs-of-all = Preuves de tous les produits
proofs-mine = Celles du produit en usage
proofs-all = Celles de tous les produits
proofs-none = Aucune preuve : une exécution jugée en donne une.
proofs-get = Télécharger
proofs-verify = Vérifier une preuve
proofs-file = Fichier de la preuve
proofs-pin = Clé attendue (facultative)
proofs-pin-hint = L'empreinte ou la clé publique de celui qui a signé. Sans elle, seule l'intégrité est vérifiée.
proofs-verify-go = Vérifier
proofs-own-key = Empreinte de la clé de ce banc :
proofs-valid = Preuve valide
proofs-valid-pinned = Elle est signée par la clé attendue, et chaque verdict rejoué donne le même résultat.
proofs-valid-own = Elle est signée par ce banc, et chaque verdict rejoué donne le même résultat.
proofs-valid-integrity = Rien n'a changé depuis la signature, et chaque verdict rejoué donne le même résultat. La clé n'est pas celle de ce banc : donnez la clé attendue pour savoir qui a signé.
proofs-invalid = Preuve refusée
proofs-invalid-why = On ne peut pas la croire : { $why }. Demandez le fichier d'origine à celui qui l'a produit.
proofs-unreadable = Fichier illisible
proofs-unreadable-why = Ce n'est pas une preuve : { $why }. Donnez un fichier téléchargé sur la page d'une exécution.
proofs-campaign = Campagne
proofs-made = Faite le
proofs-version = Version de Vaguemestre
proofs-key = Empreinte de la clé

## Réglages
settings-lead = Ils valent pour tout le banc et s'appliquent aux prochaines exécutions.
settings-saved = Les réglages sont enregistrés.
settings-people = Affichage
settings-runs = Exécutions
settings-language = Langue
settings-language-hint = Pour qui n'a pas choisi avec le bouton de l'en-tête.
settings-language-browser = Celle du navigateur
settings-support = Adresse d'aide
settings-support-hint = Proposée avec un objet et un message prêts à copier.
settings-notice = Annonce d'indisponibilité
settings-notice-hint = Affichée en haut du tableau de bord. Vide : rien n'est annoncé.
settings-person = Délai pour une personne, en secondes
settings-person-hint = Un job reprend le dernier délai qui a servi pour lui.
settings-adapter = Délai par étape d'un adaptateur, en secondes
settings-adapter-hint = Au-delà, l'adaptateur est arrêté et l'étape n'est pas concluante.
settings-retention = Conservation des journaux, en jours
settings-retention-hint = Ensuite les échanges et les messages sont effacés ; le verdict reste. 0 : tout est gardé.
settings-domain-hint = Choisi une fois pour toutes au premier démarrage : vaguemestre up --domain.
settings-accelerated = Durées accélérées
settings-accelerated-hint = Les durées annoncées par les services sont raccourcies, pour ne pas attendre l'expiration d'un jeton deux minutes. Chaque verdict le dit. Les dates restent vraies.
settings-durations = Durées annoncées
settings-duration = Durée
settings-real = Réelle
settings-fast = Accélérée
settings-check = Contrôle de fichiers
settings-user-domains = Adresses des patients (domaines usagers)
settings-user-domains-hint = Une par ligne : un domaine, une adresse, ou un # par chiffre avant le @. Vide : Mon espace santé et le patient de MOTCO2. Celui à qui les jobs demandent d'écrire est toujours reconnu.
settings-save = Enregistrer
settings-number = Donnez un nombre entier de 0 ou plus.
settings-fault-retention = Donnez de 0 à 3650 jours.
settings-fault-timer = Donnez de 1 à 3600 secondes.
settings-fault-support = Donnez une adresse de messagerie, ou rien.
settings-fault-user-domains = Donnez 20 lignes au plus : patient.mssante.fr, 184131175@exemple.fr ou #########@exemple.fr.
settings-fault-notice = Donnez une annonce de 500 caractères au plus.
timing-token = Jeton d'accès Pro Santé Connect
timing-refresh = Jeton de rafraîchissement
timing-idle = Silence sur une session IMAP avant sa fermeture
timing-slow = Réponse lente simulée
timing-control = Âge d'un contrôle positif qui compte encore

## Informations, CGU, guide
info-lead = Ce que l'on demande quand on aide quelqu'un à distance.
info-facts = Repères
info-this = Ce banc
info-address = Adresse
info-domain = Domaine des BAL
info-data = Données
info-crl = Listes de révocation
info-documents = À lire
terms-lead = Ce banc tourne chez vous, sous votre responsabilité, et ne parle à personne d'autre.
terms-what = À quoi il sert
terms-what-text = Vaguemestre prépare un logiciel de professionnel de santé aux tests de messagerie sécurisée de santé : il joue l'opérateur, Pro Santé Connect et l'IGC, regarde ce que fait le logiciel, et dit pourquoi un test passe ou échoue.
terms-not = Ce qu'il n'est pas
terms-not-text = Un verdict ou un dossier de ce banc n'est ni un numéro de test MOTCO2, ni une preuve auprès de l'Agence du numérique en santé. Vaguemestre n'est ni édité ni approuvé par elle.
terms-data = Données
terms-data-text = N'y mettez que des données de test. Jamais l'INS, le nom ou le document d'une personne réelle : les messages, les journaux et les preuves sont gardés en clair dans le répertoire de données.
terms-data-local = Rien n'est envoyé hors de cette machine. Le banc n'écoute que sur la boucle locale, et supprimer son répertoire de données efface tout.
terms-identities = Identités et certificats
terms-identities-text = Les identités de Pro Santé Connect et les certificats sont fabriqués par le banc. L'autorité de son laboratoire ne doit jamais être approuvée par un logiciel en production.
terms-licence = Licence
terms-licence-text = Le logiciel est libre (MIT ou Apache 2.0), fourni tel quel, sans garantie.
guide-lead = Une après-midi suffit : créer le compte, configurer le LPS, jouer les jobs, lire, corriger, emporter les preuves.
guide-account = 1. Créer le compte
guide-account-text = Il faut le NIL du produit et deux identifiants nationaux de test, celui d'une personne et celui d'une structure. Ils donnent leur nom aux deux BAL, actives aussitôt. Déposez les certificats de test sur le formulaire : il lit les identifiants pour vous.
guide-configure = 2. Configurer le LPS
guide-configure-text = La fiche du produit donne chaque adresse, hôte, port et chemin, avec un bouton Copier. La BAL personnelle ou organisationnelle s'ouvre avec un jeton de Pro Santé Connect (XOAUTH2), la BAL applicative avec le certificat AUTH_CLI de la structure (EXTERNAL).
guide-trust-text = Le LPS doit approuver l'autorité du laboratoire, et elle seule, à la place de l'IGC-Santé. S'il faut désactiver la vérification des certificats pour se connecter, le test n'a plus de sens.
guide-run = 3. Jouer un job
guide-run-text = Lisez la préparation et le test, côté LPS et côté banc, puis lancez le job : une fenêtre s'ouvre et attend votre logiciel, 120 secondes si vous n'en décidez pas autrement. Elle se prolonge d'un clic. Vous pouvez fermer le navigateur : l'exécution continue.
guide-read = 4. Lire le verdict
guide-read-text = En haut, ce qui était attendu, ce qui a été constaté, la règle, la ligne du journal et que faire. En dessous, le journal entier, une ligne par échange.
guide-passed = Le logiciel a fait ce que l'exigence demande, et le banc l'a vu.
guide-failed = Il a fait autre chose : la ligne du journal le montre.
guide-inconclusive = Le banc n'a pas vu de quoi juger : personne n'est venu, ou le contrôle positif manque.
guide-not-started = Un prérequis manquait avant l'ouverture : rien n'est dit du logiciel.
guide-aborted = L'exécution a été coupée : annulée, ou le banc a redémarré.
guide-proof = 5. Emporter la preuve
guide-proof-text = Chaque exécution jugée donne un dossier signé, que l'on vérifie sur la page Preuves ou avec vaguemestre verify. Jouez ensuite le même test sur MOTCO2 pour obtenir le numéro officiel.
guide-automate = Rejouer sans personne
guide-automate-text = Un adaptateur est un petit programme qui fait agir votre logiciel. Le banc le lance pour chaque étape, et le rapport JUnit va dans votre intégration continue.
guide-words = Les mots
guide-word-bal = Boîte aux lettres : personnelle (PER), organisationnelle (ORG) ou applicative (APP).
guide-word-cpx = Carte de la famille CPS, CPE, CPF, CPA : ici, une carte de test.
guide-word-ins = Identité nationale de santé : un matricule et son OID, avec les traits de la personne.
guide-word-lps = Logiciel de professionnel de santé : ce que le banc teste.
guide-word-nil = Numéro d'identification du logiciel : la référence produit de Convergence.
guide-word-psc = Pro Santé Connect : le fournisseur d'identité des professionnels.
guide-word-auth-cli = Certificat de l'IGC-Santé par lequel une structure s'authentifie.
