## Comptes
accounts-title = Liste de comptes
accounts-lead = Un compte par produit : il donne droit à deux boîtes aux lettres de test, prêtes dès la validation.
accounts-create = Créer un nouveau compte
accounts-import = Importer un CSV
accounts-none = Aucun compte pour l'instant.
accounts-more = { $count ->
    [one] Un autre compte n'est pas affiché ici :
   *[other] { $count } autres comptes ne sont pas affichés ici :
  }
accounts-status = Statut
accounts-action = Action
accounts-access = Accès à l'outil
accounts-ready = Actif
accounts-edit = Modifier
accounts-delete = Supprimer
accounts-open = Ouvrir les jobs

account-lead = Votre produit, et deux identités de test : une personne, une structure.
account-edit-title = Modifier le compte { $nil }
account-edit-lead = Les anciennes exécutions restent sous l'identifiant avec lequel elles ont été faites. De nouveaux identifiants donnent aussitôt de nouvelles BAL.
account-product = Le produit
account-mailboxes = Les deux BAL de test
account-nil-hint = Numéro d'identification logiciel, que Convergence affiche comme référence produit.
account-nil-choose = Choisissez votre NIL
account-version-hint = Une nouvelle version d'un NIL connu s'ajoute à son compte.
account-version-is = Version
account-versions = versions déclarées :
account-course = Parcours (facultatif)
account-course-hint = Le volet du Ségur, par exemple MDV ou DNS.
account-procedure = Démarche (facultative)
account-procedure-hint = Telle que Convergence la nomme.
account-status = Statut de la démarche (facultatif)
account-status-hint = Par exemple : En cours, A compléter.
account-type-hint = Personnelle si un professionnel la lit seul, organisationnelle s'ils sont plusieurs.
account-type-per = PER : personnelle
account-type-org = ORG : organisationnelle
account-psc-hint = Celui de la CPx de test : au dos de la carte, dans le champ CN de son certificat, ou SubjectNameID (preferred_username) dans les informations que donne Pro Santé Connect.
account-app-hint = Celui de la structure dans le certificat AUTH_CLI de test : le champ OU, ou CN quand il porte l'identifiant.
account-required = Les champs marqués d'un astérisque sont obligatoires.
account-cancel = Annuler
account-faults = { $count ->
    [one] Un champ est à corriger :
   *[other] { $count } champs sont à corriger :
  }
account-error-empty = Ce champ est obligatoire.
account-error-same = Les deux identifiants sont les mêmes : une personne et une structure ont chacune le leur.
account-error-words = Donnez 100 caractères au plus, sur une ligne.

account-created = Le compte a bien été ajouté. Les deux BAL sont actives.
account-created-next = Reportez ces valeurs dans votre LPS, puis ouvrez les jobs.
account-edited = Le compte a bien été modifié.
account-jobs = Ouvrir les jobs
account-configure = À configurer dans le LPS
account-configure-hint = Les hôtes et les ports ne changent pas : le LPS se configure une fois.
account-get-ca = Télécharger l'autorité du laboratoire (PEM)
account-get-certificate = Télécharger le certificat AUTH_CLI (PEM, sans la clé)
account-runs = Dernières exécutions
account-run-former = sous l'identifiant { $identity }
account-all-runs = Toutes ses exécutions
account-delete-link = Supprimer ce compte…
account-delete-title = Supprimer le compte { $nil } ?
account-delete-lost = Le produit, sa liste de prérequis, son client Pro Santé Connect, son certificat et sa clé sont effacés. Une exécution en cours est interrompue.
account-delete-kept = Ses exécutions passées, leurs preuves et son courrier restent. Les deux identifiants peuvent servir à un autre produit.
account-delete-button = Supprimer { $name }

fact-address = Adresse
fact-auth = Authentification
fact-host = Hôte
fact-starttls = Port STARTTLS
fact-tls = Port TLS
fact-issuer = Émetteur (issuer)
fact-discovery = Document de découverte
fact-client = Identifiant du client (client_id)
fact-secret = Secret du client (fichier)
fact-certificates = Certificats
fact-ca = Autorité du laboratoire
fact-certificate = Certificat AUTH_CLI et sa chaîne
fact-key = Clé du certificat

## Certificat déposé
certificate-title = Lire les identifiants dans des certificats
certificate-hint = Déposez ici le certificat d'authentification de la CPx, celui de la structure, ou les deux (PEM ou DER). Jamais la clé : elle ne sert pas.
certificate-read = Lire
certificate-pasted = Certificat
certificate-none = Aucun fichier n'a été choisi.
certificate-person = Identifiant national PSC lu : { $identity }
certificate-structure = Identifiant national AUTH_CLI lu : { $identity }
certificate-subject = Sujet : { $subject }
certificate-expired = Ce certificat est expiré. L'identifiant reste bon ; le banc fabrique ses propres certificats.
certificate-with-key = Ce fichier contenait aussi une clé privée : elle n'a été ni lue ni gardée. Ne la transmettez à personne.
certificate-unreadable = Ce n'est pas un certificat lisible. Exportez-le en PEM ou en DER ; d'un fichier .p12 ou .pfx, exportez le certificat sans la clé.
certificate-key-only = Ce fichier ne contient qu'une clé privée, qui n'a pas été gardée. Déposez le certificat.
certificate-authority = C'est le certificat d'une autorité. Déposez celui de la personne ou de la structure.
certificate-no-identity = Ni CN ni OU ne portent un identifiant national. Saisissez-le à la main.

## Prérequis
prereq-title = Prérequis
prereq-lead = Ce que MOTCO2 demande avant de commencer. À cocher au fur et à mesure, avec la date ; le banc, lui, n'attend pas.
prereq-done = Fait le { $date }
prereq-convergence = Inscription à Convergence
prereq-convergence-hint = convergence.esante.gouv.fr, au nom de l'éditeur.
prereq-nil = Récupération du NIL
prereq-nil-hint = La référence produit, dans la fiche de la solution.
prereq-candidature = Candidature à une démarche
prereq-candidature-hint = Le référencement visé, pour ce produit et cette version.
prereq-droits = Droits de consultation de la solution
prereq-droits-hint = Sans eux, la solution n'apparaît pas dans la liste de MOTCO2.
prereq-cpx = CPx de test
prereq-cpx-hint = Une carte, ou une e-CPS, de test.
prereq-id-psc = Identifiant de la personne physique
prereq-id-psc-hint = Celui de la CPx de test : il nomme la BAL personnelle ou organisationnelle.
prereq-id-app = Identifiant de la personne morale
prereq-id-app-hint = Celui du certificat AUTH_CLI de test : il nomme la BAL applicative.
prereq-bas-psc = Tests au bac à sable de Pro Santé Connect
prereq-bas-psc-hint = La connexion du logiciel y a réussi au moins une fois.

## Vos démarches
products-title = Vos démarches
products-nil = Réf. produit
products-course = Parcours
products-procedure = Démarche
products-show = Afficher
products-entries = entrées
products-search = Rechercher
products-found = { $count ->
    [0] Aucun produit ne correspond.
    [one] Un produit.
   *[other] { $count } produits.
  }
products-place = Page { $page } sur { $pages }
products-pages = Pages
products-previous = Précédente
products-next = Suivante

## Import
import-title = Importer des produits
import-lead = Une liste au format CSV : chaque ligne est vérifiée avant que rien ne soit écrit.
import-list = La liste
import-file = Fichier CSV
import-paste = Ou collez-la ici
import-hint = Une ligne d'en-tête, puis un produit par ligne, séparés par des points-virgules ou des virgules, en UTF-8, 1 Mo au plus. Colonnes obligatoires : nil, name, psc_id, app_id. Facultatives : version, type, parcours, demarche, statut.
import-check = Vérifier la liste
import-report = Ligne par ligne
import-line = Ligne
import-result = Résultat
import-row-good = Prête
import-row-bad = À corriger
import-row-done = Importée
import-good = { $count ->
    [0] Aucune ligne ne peut être importée.
    [one] Une ligne peut être importée.
   *[other] { $count } lignes peuvent être importées.
  }
import-bad = { $count ->
    [one] Une autre est à corriger ; elle sera laissée de côté.
   *[other] { $count } autres sont à corriger ; elles seront laissées de côté.
  }
import-commit = { $count ->
    [one] Importer la ligne valide
   *[other] Importer les { $count } lignes valides
  }
import-done = { $count ->
    [0] Aucun produit n'a été importé.
    [one] Un produit a été importé. Ses deux BAL sont actives.
   *[other] { $count } produits ont été importés. Leurs BAL sont actives.
  }
import-left = { $count ->
    [one] Une ligne a été laissée de côté.
   *[other] { $count } lignes ont été laissées de côté.
  }

## Boîtes aux lettres : profils, personnes, droits
mailbox-title = Boîtes aux lettres
mailbox-lead = Ce que les serveurs offrent à chaque boîte, qui l'ouvre, ce qu'elle contient. Un changement vaut à la prochaine connexion.
mailbox-profile = Profil des serveurs
mailbox-modern = IMAP4rev1 et rev2 ensemble, avec toutes les extensions.
mailbox-rev1 = IMAP4rev1 seul (RFC 3501), avec les extensions de son époque.
mailbox-rev2 = IMAP4rev2 seul (RFC 9051).
mailbox-old = IMAP4rev1 nu, sans aucune extension ; SMTP avec AUTH et SIZE seuls.
mailbox-mailiz = Comme Mailiz : un jeton refusé reçoit le JSON, puis la connexion est coupée.
mailbox-oauthbearer = Offrir OAUTHBEARER à côté de XOAUTH2 (curl le choisit dès qu'il est là)
mailbox-quota = Quota, en Mo
mailbox-rate = Envois par minute
mailbox-no-limit = Vide : pas de limite propre.
mailbox-used = { $messages ->
    [0] aucun message
    [one] 1 message, { $mega } Mo
   *[other] { $messages } messages, { $mega } Mo
  }
mailbox-people = Personnes autorisées
mailbox-owner = titulaire : lire, envoyer
mailbox-read = lire
mailbox-send-as = envoyer au nom de la boîte
mailbox-revoke = Retirer
mailbox-identity = Identifiant national
mailbox-identity-hint = Celui d'une personne que le Pro Santé Connect du bac à sable connaît : l'identifiant PSC d'un compte.
mailbox-authorise = Autoriser
mailbox-alone = Cette boîte n'a que son titulaire ; une boîte organisationnelle (ORG) peut en avoir plusieurs.
mailbox-saved = Les choix de la boîte sont enregistrés.
mailbox-number = { $value } n'est pas un nombre entier de 1 à 1 000 000.
mailbox-number-next = Revenez en arrière et donnez un nombre, ou laissez le champ vide.
mailbox-unknown = Ce produit n'a pas cette boîte aux lettres.
mailbox-unknown-next = Revenez au compte : ses adresses ont peut-être changé.
mailbox-one-owner = Cette boîte n'a que son titulaire, qui garde tous ses droits.
mailbox-one-owner-next = Déclarez le produit avec une boîte organisationnelle (ORG) pour y autoriser plusieurs personnes.
mailbox-person = Cette personne ne peut pas être autorisée ainsi.
mailbox-person-next = Donnez un identifiant sans espace, de 64 caractères au plus, et au moins un droit.
mailbox-limit = Cette limite n'est pas possible.
mailbox-limit-next = Donnez de 1 à 60 000 envois par minute, ou laissez le champ vide.
