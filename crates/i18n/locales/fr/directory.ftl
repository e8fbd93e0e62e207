
# Annuaire
nav-directory = Annuaire
directory-title = Annuaire Santé
directory-lead = Un nom, une spécialité, une rue, une ville, dans l'ordre qui vous vient : les adresses MSSanté de la base de cette machine.
directory-box = Rechercher un correspondant
directory-box-hint = Fautes de frappe, abréviations et noms de rue sont compris.
directory-keys = Flèches : parcourir. Entrée : ouvrir. Échap : revenir.
directory-go = Rechercher
directory-fields = Recherche par champ
directory-identifier = Identifiant national
directory-identifier-hint = RPPS, ADELI, FINESS ou SIRET.
directory-family = Nom d'exercice
directory-given = Prénom d'exercice
directory-profession = Profession
directory-profession-hint = Libellé, code ou mot courant : kiné, IDEL.
directory-specialty = Spécialité
directory-organization = Raison sociale
directory-address = Adresse postale
directory-address-hint = Rue, code postal et ville ensemble.
directory-street = Voie
directory-postcode = Code postal
directory-city = Ville
directory-department = Département
directory-email = Adresse MSSanté
directory-type = Type de boîte
directory-text = Texte
directory-per = Personnelle
directory-org = Organisationnelle
directory-cab = Cabinet
directory-app = Applicative
directory-machine = Boîte automatique, personne ne la lit
directory-paperless = Souhaite le zéro papier
directory-copy = Copier
directory-copied = Copiée
directory-selected = Sélectionnée : Ctrl+C
directory-copy-this = Copier l'adresse { $address }
directory-pick = Choisir
directory-pick-this = Choisir { $address } comme destinataire
directory-criteria = Critères
directory-criterion = { $field } : { $value }
directory-take-off = Retirer le critère { $criterion }
directory-cards = { $count ->
    [0] La base est vide
    [one] { $count } fiche dans la base
   *[other] { $count } fiches dans la base
  }
directory-source = Extraction du { $date }
directory-stale = La base date du { $date }.
directory-outage = La mise à jour échoue depuis le { $date }.
directory-outage-next = La dernière base bonne reste servie ; un nouvel essai a lieu de lui-même. L'état exact est dans vaguemestre annuaire search --json.
directory-stale-next = Des boîtes ont pu être créées ou fermées depuis : importez l'extraction du jour.
directory-none = Aucun résultat. Une boîte en liste rouge n'est pas publiée : absente de l'annuaire ne veut pas dire inexistante.
directory-found = { $count ->
    [0] Aucun résultat
    [one] { $count } résultat
   *[other] { $count } résultats
  }
directory-more = Les { $shown } premiers sur { $count } : précisez la recherche.
directory-more-places = { $count ->
    [one] et { $count } autre lieu
   *[other] et { $count } autres lieux
  }
directory-more-boxes = { $count ->
    [one] et { $count } autre adresse
   *[other] et { $count } autres adresses
  }
directory-relaxed = Aucun résultat avec { $field } « { $query } ». Voici ceux qui répondent au reste.
directory-relaxed-also = Ni avec { $field } « { $query } ».
directory-relaxed-other = Sans { $field } « { $query } » : { $count }.
directory-meant = Vouliez-vous dire
directory-examples = Par exemple
directory-narrow = Affiner
directory-partial = Comptés sur les premiers résultats.
directory-results = Résultats
directory-why = Pourquoi ce résultat
directory-how-prefix = début
directory-how-synonym = équivalent
directory-how-typo = orthographe proche
directory-how-phonetic = se prononce ainsi
directory-no-base = Aucune base sur cette machine
directory-no-base-next = Importez l'extraction publique des boîtes MSSanté, ou fabriquez une base de personnes inventées :
directory-failed = L'annuaire n'a pas pu être interrogé.
directory-failed-next = Ce n'est pas une absence de résultat. Réessayez ; si cela dure, importez la base de nouveau.
directory-other-version = La base a été écrite par une autre version du programme : importez l'extraction de nouveau.
directory-offline = Le banc ne répond pas : ce n'est pas une absence de résultat. Vérifiez qu'il est lancé, puis réessayez.
directory-back = Retour aux résultats
directory-rpps = RPPS
directory-finess = FINESS
directory-mailboxes = Adresses MSSanté
directory-no-mailbox = Aucune adresse MSSanté publiée.
directory-places = Lieux d'exercice
directory-everything = Toutes les données publiées
directory-everything-hint = Les champs renseignés, tels que l'Annuaire Santé les publie.
directory-serve-ready = L'annuaire répond à { $address } (clé : n'importe laquelle, dans ESANTE-API-KEY).
directory-gone = Cette fiche n'est plus dans l'annuaire
directory-gone-next = La base a changé, ou l'adresse de la page est incomplète. Refaites la recherche.
