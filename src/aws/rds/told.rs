//! What RDS says of a thing, in the form in which it is recorded. Pure.

use crate::apply::provider::Place;
use crate::aws::tags::{self, Tags};
use crate::name::Name;
use crate::value::{Fields, Value};

/// Of what the record does not have, nothing is told: what AWS fills in where nobody says anything is no
/// difference from anybody's wish. Where the record has nothing at all, as at an import, everything is.
pub fn wished<'n>(place: &Place, told: impl IntoIterator<Item = (&'n str, Option<Value>)>) -> Fields {
    let blank = place.inputs.keys().all(|name| ["region", "profile"].contains(&name.as_str()));
    let said = told.into_iter().filter_map(|(name, value)| Some((Name::from(name), value?)));
    said.filter(|(name, _)| blank || place.inputs.contains_key(name)).collect()
}

pub fn text(told: Option<&str>) -> Option<Value> {
    told.map(Value::string)
}

pub fn number(told: Option<i32>) -> Option<Value> {
    told.map(|number| Value::Int(number.into()))
}

/// What the user sees of the tags.
pub fn user_tags(present: &Tags) -> Option<Value> {
    Some(texts(tags::of_user(present)))
}

pub fn texts(map: impl IntoIterator<Item = (String, String)>) -> Value {
    Value::Map(map.into_iter().map(|(key, text)| (key, Value::string(text))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(names: &[&str]) -> Place {
        Place {
            kind: "aws.X".into(),
            id: "x".into(),
            address: "x".parse().unwrap(),
            inputs: names.iter().map(|name| ((*name).into(), Value::Bool(true))).collect(),
            outputs: Fields::new(),
        }
    }

    #[test]
    fn what_nobody_wished_for_is_told_at_an_import_only() {
        let told = |names: &[&str]| {
            let said = [("a", text(Some("1"))), ("b", number(Some(2))), ("c", None)];
            wished(&place(names), said).keys().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told(&["region", "a", "c"]), "a");
        assert_eq!(told(&["region", "profile"]), "a b");
    }
}
