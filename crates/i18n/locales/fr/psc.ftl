## Le bac à sable Pro Santé Connect : e-CPS, identités, logiciels, pannes
psc-nav-home = Accueil
psc-nav-ecps = e-CPS
psc-nav-identities = Identités
psc-nav-clients = Logiciels
psc-nav-faults = Pannes
psc-actions = Actions
psc-save = Enregistrer
psc-remove = Supprimer
psc-refused = Rien n'a été enregistré :
psc-stale-title = Formulaire périmé
psc-stale-text = Ce formulaire n'a pas été affiché dans ce navigateur depuis le dernier démarrage. Rien n'a été fait : rouvrez la page et recommencez.

psc-home-person = Dans ce navigateur, vous êtes { $name } : le prochain logiciel l'apprendra sans vous le demander.
psc-home-close = Fermer la session Pro Santé Connect
psc-home-waiting = { $count ->
    [0] Aucune demande en attente
    [one] Une demande en attente
   *[other] { $count } demandes en attente
  }
psc-home-clients = { $count ->
    [0] Aucun logiciel déclaré
    [one] Un logiciel déclaré
   *[other] { $count } logiciels déclarés
  }
psc-home-faults = { $count ->
    [0] Aucune panne armée
    [one] Une panne armée
   *[other] { $count } pannes armées
  }

psc-logout-other-client = Le paramètre client_id n'est pas celui du logiciel que nomme le jeton d'identité : aucune session n'a été close.
psc-logout-told = { $count ->
    [one] Un logiciel de cette session est prévenu par votre navigateur.
   *[other] { $count } logiciels de cette session sont prévenus par votre navigateur.
  }
psc-logout-continue = Revenir au logiciel
psc-logout-frame = Fermeture de session d'un logiciel

psc-ecps-title = Téléphone e-CPS simulé
psc-ecps-lead = Les demandes d'identification découplée (CIBA) arrivent ici, comme sur l'application e-CPS ou le poste équipé d'un lecteur de carte.
psc-ecps-late = Cette demande n'attend plus : une réponse a déjà été donnée, ou son délai est passé.
psc-ecps-none = Aucune demande en attente. La page se recharge d'elle-même.
psc-ecps-code = Code affiché par le logiciel :
psc-ecps-card = Carte CPx
psc-ecps-mobile = e-CPS
psc-ecps-left = encore { $seconds } s
psc-ecps-accept = Accepter
psc-ecps-refuse = Refuser
psc-ecps-look = Actualiser
psc-ecps-hint = Pour laisser expirer une demande, ne répondez pas.

psc-identities-title = Identités de test
psc-identities-lead = Les personnes que l'on peut jouer. Elles n'existent pas ; celles que vous créez ou modifiez ici sont conservées.
psc-identities-samples = Ajouter les identités prêtes à l'emploi
psc-identity-new = Nouvelle identité
psc-identity-edit = Modifier l'identité
psc-identity-taken = Cet identifiant national est déjà celui d'une autre identité.
psc-identity-name = Nom
psc-identity-profession = Profession
psc-identity-id-hint = 8 et numéro RPPS, 0 et numéro ADELI, 5 SIRET / identifiant interne, ou ANS et la date comme dans EDIT.
psc-identity-civility = Civilité
psc-civility-mme = Madame
psc-civility-m = Monsieur
psc-identity-given = Prénom
psc-identity-family = Nom de famille
psc-identity-first = Première profession
psc-identity-second = Seconde profession
psc-identity-speciality = Savoir-faire (code, par exemple SM26)
psc-identity-mode = Mode d'exercice
psc-mode-l = Libéral
psc-mode-s = Salarié
psc-mode-b = Bénévole
psc-identity-sector = Secteur d'activité (code, par exemple SA07)
psc-identity-structure = Structure
psc-identity-structure-hint = Sans structure, la personne n'a pas d'activité, comme une personne retraitée.
psc-identity-structure-id = Identifiant technique de la structure
psc-identity-postcode = Code postal
psc-identity-city = Commune

psc-clients-title = Logiciels déclarés
psc-clients-lead = Ce qu'est le portail industriel dans la réalité : adresses de retour, secret ou certificat, et ce que chaque logiciel a fait.
psc-clients-none = Aucun logiciel n'est déclaré. Déclarez un produit dans le banc : le sien apparaîtra ici.
psc-client-new = Nouveau logiciel
psc-client-taken = Ce client_id est déjà celui d'un autre logiciel.
psc-client-name = Nom affiché
psc-client-auth = S'authentifie par
psc-client-by-certificate = certificat
psc-client-by-secret = secret
psc-client-uris-hint = Une adresse par ligne, comparée caractère par caractère. https, sauf vers cette machine.
psc-client-after-logout = Adresses de retour après déconnexion
psc-client-backchannel = Adresse prévenue de serveur à serveur (back-channel logout)
psc-client-frontchannel = Adresse prévenue par le navigateur (front-channel logout)
psc-client-subject = Sujet du certificat ORG AUTH_CLI (tls_client_auth)
psc-client-subject-hint = Par exemple CN=nom du service,OU=3 et SIRET,O=raison sociale,ST=Paris (75),C=FR.
psc-client-bound = Lier les jetons d'accès au certificat (cnf, x5t#S256)
psc-client-decoupled = Ne pas ouvrir l'identification découplée (CIBA) à ce logiciel
psc-client-automatic = Réponse automatique, pour l'intégration continue
psc-client-automatic-hint = La personne est celle de login_hint ; sans lui, la page de choix s'affiche.
psc-automatic-none = Aucune : une personne répond
psc-automatic-accept = Accepter
psc-automatic-refuse = Refuser
psc-automatic-expire = Laisser expirer
psc-client-secret-new = Nouveau secret :
psc-client-secret-once = Recopiez-le maintenant, il ne sera plus affiché. Le précédent est refusé dès à présent.
psc-client-rotate = Renouveler le secret
psc-client-rotate-hint = Le secret d'un produit du banc est aussi dans son dossier : après un renouvellement, c'est celui affiché ici qui vaut.
psc-client-log = Journal du logiciel
psc-client-log-none = Ce logiciel n'a encore rien fait.
psc-log-when = Quand
psc-log-how = Résultat
psc-log-what = Quoi
psc-log-good = Fait
psc-log-bad = Refusé

psc-faults-title = Pannes
psc-faults-lead = Le bac à sable se trompe sur demande, pour un logiciel ou pour tous. Chaque panne qui frappe est inscrite au journal.
psc-faults-everybody = Tous les logiciels
psc-faults-which = Panne
psc-faults-times = Nombre de fois
psc-faults-times-hint = Vide : jusqu'à ce que vous la désarmiez.
psc-faults-times-wrong = Le nombre de fois doit être un nombre entier de 1 à 1000000.
psc-faults-arm = Armer
psc-faults-disarm = Désarmer
psc-faults-armed = Pannes armées
psc-faults-none = Aucune panne n'est armée.
psc-faults-left = Encore
psc-faults-unlimited = sans limite
psc-faults-used = Déjà frappé
psc-fault-expired = Jetons expirés depuis cinq minutes
psc-fault-future = Jetons datés d'une heure plus tard
psc-fault-wrong-issuer = Jetons d'un autre émetteur
psc-fault-wrong-key = Jetons signés par une autre clé
psc-fault-alg-none = Jetons sans signature
psc-fault-other-identity = Jetons au nom d'une autre personne
psc-fault-missing-claims = Jetons incomplets
psc-fault-slow = Réponses lentes, de cinq secondes
psc-fault-unavailable-503 = Service indisponible
psc-fault-refresh-refused = Renouvellement refusé
psc-fault-session-killed = Session fermée avant la réponse
psc-fault-jwks-rotated = Clé de signature renouvelée avant les jetons
psc-fault-down = Connexion coupée sans réponse
psc-keys-title = Clés de signature
psc-keys-text = La première signe. Les autres restent publiées tant que leurs jetons peuvent encore être présentés.
psc-keys-rotate = Renouveler la clé
