//! How files are served: what each of them is told to browsers to be, and how long it may be kept.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher};

use super::object;
use crate::apply::provider::{Fault, FaultKind};

/// The rules of a directory, ready to be asked.
pub struct Rules {
    /// The longest pattern first: it says the most.
    cache: Vec<(GlobMatcher, String)>,
    types: Vec<(GlobMatcher, String)>,
}

impl Rules {
    /// # Errors
    /// The first pattern that is none.
    pub fn of(cache: &BTreeMap<String, String>, types: &BTreeMap<String, String>) -> Result<Rules, Fault> {
        Ok(Rules { cache: matchers(cache, "cacheControl")?, types: matchers(types, "contentTypes")? })
    }

    pub fn cache_control(&self, path: &str) -> Option<String> {
        first(&self.cache, path)
    }

    pub fn content_type(&self, path: &str) -> String {
        first(&self.types, path).unwrap_or_else(|| object::content_type(path))
    }
}

fn first(rules: &[(GlobMatcher, String)], path: &str) -> Option<String> {
    rules.iter().find(|(pattern, _)| pattern.is_match(path)).map(|(_, value)| value.clone())
}

fn matchers(patterns: &BTreeMap<String, String>, attribute: &str) -> Result<Vec<(GlobMatcher, String)>, Fault> {
    let mut patterns: Vec<(&String, &String)> = patterns.iter().collect();
    patterns.sort_by(|(one, _), (two, _)| two.len().cmp(&one.len()).then(one.cmp(two)));
    let matcher = |(pattern, value): (&String, &String)| {
        let glob = GlobBuilder::new(pattern).literal_separator(false).build().map_err(|error| {
            Fault::new(FaultKind::Refused, format!("`{pattern}` is no pattern: {}", error.kind()))
                .on(attribute)
                .help("`*` stands for any text, `?` for one character, `{a,b}` for either: `*.{js,css}`")
        })?;
        Ok((glob.compile_matcher(), value.clone()))
    };
    patterns.into_iter().map(matcher).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pattern_says_the_most() {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        let cache = map(&[("*", "a"), ("*.html", "b"), ("assets/**", "c"), ("assets/*.{js,css}", "d")]);
        let rules = Rules::of(&cache, &map(&[("*.data", "application/x-data")])).unwrap();
        for (path, expected) in [
            ("x.png", "a"),
            ("index.html", "b"),
            ("deep/index.html", "b"),
            ("assets/x/logo.png", "c"),
            ("assets/site.css", "d"),
        ] {
            assert_eq!(rules.cache_control(path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(rules.content_type("x.data"), "application/x-data");
        assert_eq!(rules.content_type("x.png"), "image/png");
        let fault = Rules::of(&map(&[("a[", "x")]), &map(&[])).err().unwrap();
        assert_eq!(fault.attribute, Some("cacheControl".into()));
        assert_eq!(Rules::of(&map(&[]), &map(&[])).unwrap().cache_control("x"), None);
    }
}
