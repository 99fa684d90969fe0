//! What of a thing is told: as it is recorded, where AWS says the same in other words.

use crate::value::{Fields, Value};

/// `found` is what AWS says, `recorded` what is recorded, both in the form in which they can be compared;
/// `inputs` is what is recorded, as it is recorded. Nothing and an empty text are what AWS does not tell, unless
/// something was recorded that is gone now.
pub fn told(found: Fields, recorded: &Fields, inputs: &Fields) -> Fields {
    let empty = |value: &Value| matches!(value, Value::Null) || value.as_str() == Some("");
    let tell = |(name, found): (crate::name::Name, Value)| match inputs.get(&name) {
        Some(input) if recorded.get(&name) == Some(&found) => Some((name, input.clone())),
        Some(Value::Null) | None if empty(&found) => None,
        // It counts for nothing at the moment.
        Some(input) if found == Value::Null => Some((name, input.clone())),
        Some(_) | None => Some((name, found)),
    };
    found.into_iter().filter_map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, Value)]) -> Fields {
        pairs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect()
    }

    #[test]
    fn what_means_the_same_is_told_as_it_is_recorded() {
        let (one, two) = (Value::string("one"), Value::string("two"));
        let found = fields(&[
            ("same", one.clone()),
            ("other", one.clone()),
            ("new", one.clone()),
            ("gone", Value::string("")),
            ("idle", Value::Null),
            ("absent", Value::string("")),
        ]);
        let recorded = fields(&[("same", one.clone()), ("other", two.clone()), ("gone", two.clone())]);
        let inputs = fields(&[
            ("same", Value::string("ONE")),
            ("other", two.clone()),
            ("gone", two.clone()),
            ("idle", two.clone()),
            ("hidden", two.clone()),
        ]);
        let expected = fields(&[
            ("same", Value::string("ONE")),
            ("other", one.clone()),
            ("new", one),
            ("gone", Value::string("")),
            ("idle", two),
        ]);
        assert_eq!(told(found, &recorded, &inputs), expected);
    }
}
