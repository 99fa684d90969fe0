//! The library's templates and the code behind them: neither may know an attribute that the other does
//! not take.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tadpole::aws::Aws;
use tadpole::model::term::{Known, Term};
use tadpole::name::{Address, Name};
use tadpole::value::{Fields, Value};

use crate::world::graph;

/// Each type with every attribute set that can be; in several components, where some exclude one another.
const SAMPLES: [&str; 6] = [
    include_str!("samples/s3.cloud"),
    include_str!("samples/ec2.cloud"),
    include_str!("samples/network.cloud"),
    include_str!("samples/images.cloud"),
    include_str!("samples/rds.cloud"),
    include_str!("samples/cloudfront.cloud"),
];

/// A world in which everything has an id: that of a sample, by its address.
struct Ids;

impl Known for Ids {
    fn id(&self, address: &Address) -> Option<Arc<str>> {
        Some(address.to_string().into())
    }

    fn output(&self, _: &Address, _: &Name) -> Option<Value> {
        None
    }
}

#[test]
fn the_code_of_each_type_takes_its_attributes() {
    let graph = graph(&SAMPLES.concat());
    // By type, what no sample of it sets.
    let mut unset: BTreeMap<String, BTreeSet<Name>> = BTreeMap::new();
    for resource in graph.in_order() {
        let mut missing = BTreeSet::new();
        let mut inputs = Fields::new();
        for (name, attribute) in &resource.schema.attributes {
            match resource.inputs.get(name).map(|input| input.term.settle(&Ids).unwrap()) {
                Some(Term::Known(value)) => {
                    inputs.insert(name.clone(), value);
                }
                _ if attribute.modifiers.computed => {}
                _ => drop(missing.insert(name.clone())),
            }
        }
        let of_kind = unset.entry(resource.schema.kind.to_string()).or_insert_with(|| missing.clone());
        of_kind.retain(|name| missing.contains(name));
        Aws::accepts(&resource.schema.kind, &inputs).unwrap_or_else(|fault| panic!("{fault}"));
    }
    for (kind, names) in &unset {
        assert!(names.is_empty(), "no sample of {kind} sets {names:?}");
    }
    let seen: BTreeSet<String> = unset.into_keys().collect();
    let known: BTreeSet<String> = Aws::kinds().map(str::to_string).collect();
    assert_eq!(seen, known, "a type is in the library or in the code alone, or has no sample here");
}
