use annuaire::{Criteria, Query};

/// Characters of one field at most; what is longer is cut. The directory has its own, lower bound for what it reads.
const LONGEST: usize = 10_000;

/// A question as its page's address says it: the box, the fields of SC.MSS/UX.41, types of box.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Name and value of each field that is not empty, in the order of [`FIELDS`].
    pairs: Vec<(&'static str, String)>,
}

/// Fields of the address: the box, then the criteria, then the types.
const FIELDS: [&str; 14] = [
    "q",
    "identifier",
    "family",
    "given",
    "profession",
    "specialty",
    "organization",
    "address",
    "street",
    "postcode",
    "city",
    "department",
    "email",
    "type",
];

impl Question {
    /// Reads the parameters of an address; those of other names are not of the question. Only `type` may come repeatedly.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let given: Vec<(&str, &str)> = pairs.into_iter().collect();
        let mut kept: Vec<(&'static str, String)> = Vec::new();
        for field in FIELDS {
            for (_, value) in given.iter().filter(|(name, _)| *name == field) {
                let value: String = value.trim().chars().take(LONGEST).collect();
                let is_new = field == "type" || kept.last().is_none_or(|(name, _)| *name != field);
                if !value.is_empty() && is_new && !kept.contains(&(field, value.clone())) {
                    kept.push((field, value));
                }
            }
        }
        Self { pairs: kept }
    }

    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The value of a field; empty where there is none.
    pub fn get(&self, field: &str) -> &str {
        self.pairs.iter().find(|(name, _)| *name == field).map_or("", |(_, value)| value)
    }

    /// The question for the directory, with the counts that the filters show.
    pub fn query(&self) -> Query {
        let field = |name: &str| Some(self.get(name).to_owned()).filter(|value| !value.is_empty());
        Query {
            text: self.get("q").to_owned(),
            criteria: Criteria {
                identifier: field("identifier"),
                family: field("family"),
                given: field("given"),
                profession: field("profession"),
                specialty: field("specialty"),
                address: field("address"),
                organization: field("organization"),
                street: field("street"),
                postcode: field("postcode"),
                city: field("city"),
                email: field("email"),
                department: field("department"),
            },
            types: self.types().map(str::to_owned).collect(),
            facets: true,
            ..Query::default()
        }
    }

    /// Its address on a page: `path?q=…`.
    pub fn address(&self, path: &str) -> String {
        if self.is_empty() {
            return path.to_owned();
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.pairs).finish();
        format!("{path}?{query}")
    }

    /// The fields beside the box, with their values.
    pub(crate) fn filters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.pairs.iter().filter(|(name, _)| *name != "q").map(|(name, value)| (*name, value.as_str()))
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = &str> {
        self.filters().filter(|(name, _)| *name == "type").map(|(_, value)| value)
    }

    /// The same question with this field; another type joins the types.
    pub(crate) fn with(&self, field: &str, value: &str) -> Self {
        let kept = self.pairs.iter().filter(|(name, _)| *name != field || field == "type");
        let kept = kept.map(|(name, value)| (*name, value.as_str()));
        Self::from_pairs(kept.chain([(field, value)]))
    }

    /// The same question without this value of a field.
    pub(crate) fn without(&self, field: &str, value: &str) -> Self {
        let mut less = self.clone();
        less.pairs.retain(|(name, its)| !(*name == field && its == value));
        less
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_back() {
        let pairs = [
            ("type", "PER"),
            ("q", " gynéco & co "),
            ("city", ""),
            ("type", "ORG"),
            ("type", "PER"),
            ("q", "x"),
            ("z", "1"),
        ];
        let question = Question::from_pairs(pairs);
        assert_eq!(question.address("/d"), "/d?q=gyn%C3%A9co+%26+co&type=PER&type=ORG");
        assert_eq!(question.query().types, ["PER", "ORG"]);
        assert_eq!(
            question.with("city", "LYON").without("type", "PER").address("/d"),
            "/d?q=gyn%C3%A9co+%26+co&city=LYON&type=ORG"
        );
        assert_eq!(question.with("q", "y").get("q"), "y");
        assert_eq!(Question::default().address("/d"), "/d");
    }

    #[test]
    fn every_criterion_reaches_the_directory() {
        let pairs = FIELDS.map(|field| (field, field));
        let query = serde_free(&Question::from_pairs(pairs).query());
        for field in &FIELDS[1..13] {
            assert!(query.contains(&format!("{field}: Some(\"{field}\")")), "{field}: {query}");
        }
    }

    fn serde_free(query: &Query) -> String {
        format!("{query:?}")
    }
}
