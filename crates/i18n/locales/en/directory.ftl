
# Directory
nav-directory = Directory
directory-title = Annuaire Santé directory
directory-lead = A name, a specialty, a street, a town, in any order: the MSSanté addresses of the base on this machine.
directory-box = Find a correspondent
directory-box-hint = Typing errors, abbreviations and street names are understood.
directory-keys = Arrows: move. Enter: open. Esc: back.
directory-go = Search
directory-fields = Search by field
directory-identifier = National identifier
directory-identifier-hint = RPPS, ADELI, FINESS or SIRET.
directory-family = Surname
directory-given = First name
directory-profession = Profession
directory-profession-hint = Label, code or everyday word, in French: kiné, IDEL.
directory-specialty = Specialty
directory-organization = Organisation name
directory-address = Postal address
directory-address-hint = Street, postcode and town together.
directory-street = Street
directory-postcode = Postcode
directory-city = Town
directory-department = Department
directory-email = MSSanté address
directory-type = Mailbox type
directory-text = Text
directory-per = Personal
directory-org = Organisation
directory-cab = Practice
directory-app = Application
directory-machine = Automatic mailbox, nobody reads it
directory-paperless = Prefers no paper
directory-copy = Copy
directory-copied = Copied
directory-selected = Selected: Ctrl+C
directory-copy-this = Copy the address { $address }
directory-pick = Choose
directory-pick-this = Choose { $address } as a recipient
directory-criteria = Criteria
directory-criterion = { $field }: { $value }
directory-take-off = Remove the criterion { $criterion }
directory-cards = { $count ->
    [0] The base is empty
    [one] { $count } card in the base
   *[other] { $count } cards in the base
  }
directory-source = Extraction of { $date }
directory-stale = The base dates from { $date }.
directory-outage = It could not be brought up to date since { $date }.
directory-outage-next = The last good base goes on serving, and another try is made by itself. vaguemestre annuaire search --json says exactly what is wrong.
directory-stale-next = Mailboxes may have been opened or closed since: import today's extraction.
directory-none = No result. An unlisted mailbox is not published: missing from the directory does not mean that it does not exist.
directory-found = { $count ->
    [0] No result
    [one] { $count } result
   *[other] { $count } results
  }
directory-more = The first { $shown } of { $count }: narrow the search.
directory-more-places = { $count ->
    [one] and { $count } more place
   *[other] and { $count } more places
  }
directory-more-boxes = { $count ->
    [one] and { $count } more address
   *[other] and { $count } more addresses
  }
directory-relaxed = No result with { $field } “{ $query }”. These match everything else.
directory-relaxed-also = Nor with { $field } “{ $query }”.
directory-relaxed-other = Without { $field } “{ $query }”: { $count }.
directory-meant = Did you mean
directory-examples = For example
directory-narrow = Narrow
directory-partial = Counted over the first results.
directory-results = Results
directory-why = Why this result
directory-how-prefix = beginning
directory-how-synonym = equivalent
directory-how-typo = close spelling
directory-how-phonetic = sounds alike
directory-no-base = No base on this machine
directory-no-base-next = Import the public extraction of MSSanté mailboxes, or make a base of invented people:
directory-failed = The directory could not be searched.
directory-failed-next = This is not an empty result. Try again; if it lasts, import the base again.
directory-other-version = The base was written by another version of the program: import the extraction again.
directory-offline = The bench does not answer: this is not an empty result. Check that it runs, then try again.
directory-back = Back to the results
directory-rpps = RPPS
directory-finess = FINESS
directory-mailboxes = MSSanté addresses
directory-no-mailbox = No published MSSanté address.
directory-places = Places of practice
directory-everything = All published data
directory-everything-hint = The fields that are filled in, as the Annuaire Santé publishes them (in French).
directory-serve-ready = The directory answers at { $address } (key: any, in ESANTE-API-KEY).
directory-gone = This card is not in the directory any more
directory-gone-next = The base has changed, or the page's address is incomplete. Search again.
