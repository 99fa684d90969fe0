//! Lists that the cloud keeps as sets, and comparing values with that in mind: the order of what is in such a
//! list, and how often each is in it, means nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::name::{Name, Set, Table};
use crate::value::{Data, Value};

/// The fields of the program's templates that are declared `unordered`, by template and name.
#[derive(Clone, Default, Debug)]
pub struct Unordered(Arc<Set<(Name, Name)>>);

impl FromIterator<(Name, Name)> for Unordered {
    fn from_iter<I: IntoIterator<Item = (Name, Name)>>(fields: I) -> Unordered {
        Unordered(Arc::new(fields.into_iter().collect()))
    }
}

impl Unordered {
    /// Whether two values mean the same. `is_set` says whether they are themselves lists that are kept as sets.
    pub fn same(&self, is_set: bool, one: &Value, two: &Value) -> bool {
        one == two || (is_set || !self.0.is_empty()) && self.same_parts(is_set, one, two)
    }

    fn same_parts(&self, is_set: bool, one: &Value, two: &Value) -> bool {
        match (one, two) {
            (Value::List(one), Value::List(two)) if is_set => self.holds_all(one, two) && self.holds_all(two, one),
            (Value::List(one), Value::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| self.same(false, one, two))
            }
            (Value::Map(one), Value::Map(two)) => {
                let in_two = |(key, one)| two.get(key).is_some_and(|two| self.same(false, one, two));
                one.len() == two.len() && one.iter().all(in_two)
            }
            (Value::Data(one), Value::Data(two)) => self.same_data(one, two),
            _ => false,
        }
    }

    fn same_data(&self, one: &Data, two: &Data) -> bool {
        let same = |(name, one): (&Name, &Value)| {
            let is_set = self.0.contains(&(two.template.clone(), name.clone()));
            two.fields.get(name).is_some_and(|two| self.same(is_set, one, two))
        };
        one.template == two.template && one.fields.len() == two.fields.len() && one.fields.iter().all(same)
    }

    /// Whether each of some values is the same as one of the others. Only those with the same hash are compared.
    fn holds_all(&self, all: &[Value], some: &[Value]) -> bool {
        let mut by_hash: Table<u64, Vec<&Value>> = Table::default();
        for value in all {
            by_hash.entry(hash(value)).or_default().push(value);
        }
        let is_in =
            |value| by_hash.get(&hash(value)).is_some_and(|all| all.iter().any(|one| self.same(false, one, value)));
        some.iter().all(is_in)
    }
}

/// The same for values that mean the same, whatever is kept as a set.
pub fn hash(value: &Value) -> u64 {
    fn add(value: &Value, hasher: &mut DefaultHasher) {
        match value {
            Value::Null | Value::Secret(_) | Value::List(_) => {}
            Value::Bool(is) => is.hash(hasher),
            Value::Int(number) => (*number as f64).to_bits().hash(hasher),
            Value::Number(number) => number.to_bits().hash(hasher),
            Value::String(text) => text.hash(hasher),
            Value::Duration(number) | Value::Size(number) => number.hash(hasher),
            Value::Map(entries) => entries.iter().for_each(|(key, value)| {
                key.hash(hasher);
                add(value, hasher);
            }),
            Value::Data(data) => data.fields.iter().for_each(|(name, value)| {
                name.hash(hasher);
                add(value, hasher);
            }),
            Value::Reference(reference) => reference.id.hash(hasher),
        }
    }
    let mut hasher = DefaultHasher::new();
    add(value, &mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Value {
        Value::List(texts.iter().map(|text| Value::string(*text)).collect())
    }

    fn rule(ports: &[i64], hosts: &[&str]) -> Value {
        let ports = Value::List(ports.iter().copied().map(Value::Int).collect());
        let fields = [("ports".into(), ports), ("hosts".into(), texts(hosts))].into();
        Value::Data(Data { template: "Rule".into(), fields })
    }

    #[test]
    fn order_and_doubles_mean_nothing_in_what_is_kept_as_a_set() {
        let sets = Unordered::default();
        assert!(sets.same(true, &texts(&["a", "b"]), &texts(&["b", "a"])));
        assert!(sets.same(true, &texts(&["a", "b", "a"]), &texts(&["b", "a"])));
        assert!(!sets.same(true, &texts(&["a", "b"]), &texts(&["a", "c"])));
        assert!(!sets.same(true, &texts(&["a"]), &texts(&["a", "c"])));
        assert!(!sets.same(true, &texts(&[]), &texts(&["a"])));
        assert!(!sets.same(false, &texts(&["a", "b"]), &texts(&["b", "a"])));
    }

    #[test]
    fn fields_of_templates_may_be_sets_at_any_depth() {
        let sets: Unordered = [("Rule".into(), "hosts".into())].into_iter().collect();
        let list = |rules: &[Value]| Value::List(rules.to_vec());
        let one = list(&[rule(&[1], &["a", "b"]), rule(&[2], &[])]);
        assert!(sets.same(false, &one, &list(&[rule(&[1], &["b", "a"]), rule(&[2], &[])])));
        assert!(!sets.same(false, &one, &list(&[rule(&[2], &[]), rule(&[1], &["b", "a"])])));
        assert!(sets.same(true, &one, &list(&[rule(&[2], &[]), rule(&[1], &["b", "a"])])));
        assert!(!sets.same(true, &list(&[rule(&[1, 2], &[])]), &list(&[rule(&[2, 1], &[])])));
    }
}
