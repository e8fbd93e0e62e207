use std::collections::BTreeMap;

/// The parameters of a request, each at most once (RFC 6749 §3.1 and §3.2); empty ones count as absent, as the
/// RFC asks. `Debug` shows names only: values are codes, secrets and tokens.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form(BTreeMap<String, String>);

/// A parameter that came more than once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameter `{name}` appears more than once")]
pub struct RepeatedParameter {
    /// Its name, cut to 64 printable characters.
    pub name: String,
}

impl Form {
    /// Reads a query or an `application/x-www-form-urlencoded` body.
    ///
    /// # Errors
    /// When a parameter appears twice.
    pub fn parse(bytes: &[u8]) -> Result<Self, RepeatedParameter> {
        let mut found = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(bytes) {
            if value.is_empty() {
                continue;
            }
            if found.insert(name.to_string(), value.into_owned()).is_some() {
                let name = name.chars().filter(|c| !c.is_control()).take(64).collect();
                return Err(RepeatedParameter { name });
            }
        }
        Ok(Self(found))
    }

    /// Octets of the longest value: what a server bounds.
    pub fn longest(&self) -> usize {
        self.0.values().map(String::len).max().unwrap_or(0)
    }

    /// Whether any of these parameters is there.
    pub fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.0.contains_key(*name))
    }

    /// The value of a parameter; `None` where it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Encodes pairs as a query or a form body.
pub fn encode_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Decodes one form-encoded text: the halves of Basic credentials (RFC 6749 §2.3.1).
pub fn decode_component(text: &str) -> String {
    // `=` and `&` are the only characters that would be taken for structure.
    let protected = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(protected.as_bytes())
        .next()
        .map_or_else(String::new, |(name, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_refused_and_an_empty_one_is_absent() {
        let form = Form::parse(b"a=1&b=&c=%C3%A9+x&%ff=2").unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.get("c")), (Some("1"), None, Some("é x")));
        assert_eq!(Form::parse(b"code=1&code=2").unwrap_err().name, "code");
        assert!(!format!("{:?}", Form::parse(b"code=s3cret").unwrap()).contains("s3cret"));
    }

    #[test]
    fn a_component_is_decoded_alone() {
        assert_eq!(decode_component("a+b%3A%C3%A9&c=d"), "a b:é&c=d");
        assert_eq!(decode_component(""), "");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_encoded_is_read_back(value in "\\PC{1,40}") {
            let form = Form::parse(encode_pairs([("k", value.as_str())]).as_bytes()).unwrap();
            proptest::prop_assert_eq!(form.get("k"), Some(value.as_str()));
        }
    }
}
