//! What AWS says, in the words of the record: references and durations are values of their own there, and a
//! list that means the same is the same. Pure.

use std::sync::Arc;

use crate::apply::provider::Place;
use crate::name::Name;
use crate::value::{Reference, Target, Value};

/// Whether a program says anything of an attribute. Where it does not, what AWS chose is no difference, and is
/// not told.
pub fn is_set(place: &Place, attribute: &str) -> bool {
    place.inputs.contains_key(attribute)
}

/// Whether a program leaves the choice to AWS with an empty list: what AWS chose is no difference then.
pub fn is_empty(place: &Place, attribute: &str) -> bool {
    matches!(place.inputs.get(attribute), Some(Value::List(items)) if items.is_empty())
}

/// The thing that AWS says an attribute refers to: the recorded reference when it still is that one, else one
/// to something that exists, of this template.
pub fn reference(place: &Place, attribute: &str, template: &str, id: &str) -> Value {
    match place.inputs.get(attribute) {
        Some(recorded @ Value::Reference(reference)) if &*reference.id == id => recorded.clone(),
        Some(_) | None => existing(template, id),
    }
}

/// As [`reference`], for a list whose order means nothing: what is recorded comes first, in its order.
pub fn references(place: &Place, attribute: &str, template: &str, mut ids: Vec<String>) -> Value {
    ids.sort();
    ids.dedup();
    let mut all = Vec::with_capacity(ids.len());
    let recorded = match place.inputs.get(attribute) {
        Some(Value::List(recorded)) => recorded.as_slice(),
        Some(_) | None => &[],
    };
    let told = ids.clone();
    for item in recorded {
        let Some(id) = item.as_str().filter(|id| told.iter().any(|told| told == id)) else { continue };
        // One that is recorded twice is told twice.
        ids.retain(|told| told != id);
        all.push(item.clone());
    }
    all.extend(ids.iter().map(|id| existing(template, id)));
    Value::List(all)
}

/// Something of which no more than its id is known.
pub fn existing(template: &str, id: &str) -> Value {
    Value::Reference(Reference { of: Target::Existing(Name::from(template)), id: Arc::from(id) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Fields;

    fn ours(address: &str, id: &str) -> Value {
        Value::Reference(Reference { of: Target::Address(address.parse().unwrap()), id: id.into() })
    }

    fn place(inputs: &[(&str, Value)]) -> Place {
        let inputs: Fields = inputs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        Place { kind: "aws.X".into(), id: "x".into(), address: "x".parse().unwrap(), inputs, outputs: Fields::new() }
    }

    #[test]
    fn a_reference_keeps_its_recorded_form() {
        let place = place(&[("vpc", ours("net.vpc", "vpc-1"))]);
        assert_eq!(reference(&place, "vpc", "Vpc", "vpc-1").to_string(), "net.vpc");
        assert_eq!(reference(&place, "vpc", "Vpc", "vpc-2").to_string(), "Vpc { id \"vpc-2\"; }");
        assert_eq!(reference(&place, "other", "Vpc", "vpc-1").to_string(), "Vpc { id \"vpc-1\"; }");
    }

    #[test]
    fn the_order_of_references_means_nothing() {
        let recorded = Value::List(vec![ours("b", "s-2"), ours("a", "s-1")]);
        let place = place(&[("subnets", recorded.clone())]);
        let told =
            |ids: &[&str]| references(&place, "subnets", "Subnet", ids.iter().map(|id| id.to_string()).collect());
        assert_eq!(told(&["s-1", "s-2"]), recorded);
        assert_eq!(told(&["s-3", "s-1"]).to_string(), "[a, Subnet { id \"s-3\"; }]");
        assert_eq!(told(&[]), Value::List(Vec::new()));
        let doubled = Value::List(vec![ours("a", "s-1"), ours("b", "s-2"), ours("a", "s-1")]);
        let place = self::place(&[("subnets", doubled.clone())]);
        let ids = vec!["s-2".to_string(), "s-1".to_string()];
        assert_eq!(references(&place, "subnets", "Subnet", ids), doubled);
    }
}
