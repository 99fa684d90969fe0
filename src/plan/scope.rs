//! What a plan is confined to. A part of a program can only be changed with what it needs, and left alone
//! only with what needs it: the rest is left out as a whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, closest};
use crate::graph::ResourceGraph;
use crate::model::resource::Resource;
use crate::name::{Address, Segment};
use crate::plan::{Change, ChangeKind};
use crate::state::State;

/// Components by address. One without a key stands for the whole repetition, each for all below it.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Only these; empty means everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Address>,
    /// Not these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<Address>,
    /// To be made anew, though nothing about them forces it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<Address>,
}

impl Scope {
    /// Whether nothing is left out by it.
    pub fn is_whole(&self) -> bool {
        self.targets.is_empty() && self.excludes.is_empty()
    }

    pub fn is_default(&self) -> bool {
        self.is_whole() && self.replaces.is_empty()
    }

    /// Whether a component is named, by its own address or by that of a group around it.
    pub fn names(&self, address: &Address) -> bool {
        let among = |patterns: &[Address]| patterns.iter().any(|pattern| pattern.covers(address));
        (self.targets.is_empty() || among(&self.targets)) && !among(&self.excludes)
    }

    pub fn replaces(&self, address: &Address) -> bool {
        self.replaces.iter().any(|pattern| pattern.covers(address))
    }

    /// What is wrong with it: addresses at which there is nothing, neither in the program nor recorded.
    pub fn problems(&self, graph: &ResourceGraph, state: &State) -> Vec<Diagnostic> {
        let resources = graph.in_order().map(|resource| &resource.address);
        let known: BTreeSet<&Address> = resources.chain(state.resources.keys()).collect();
        let flags = [("--target", &self.targets), ("--exclude", &self.excludes), ("--replace", &self.replaces)];
        let patterns = flags.into_iter().flat_map(|(flag, patterns)| patterns.iter().map(move |at| (flag, at)));
        let mut problems = Vec::new();
        for (flag, pattern) in patterns {
            let named: Vec<&&Address> = known.iter().filter(|address| pattern.covers(address)).collect();
            if named.is_empty() {
                problems.push(nothing_there(flag, pattern, &known));
            }
            if flag == "--replace"
                && let Some((address, why)) = named.iter().find_map(|at| Some((at, irreplaceable(graph.get(at)?)?)))
            {
                let message = format!("`{address}` cannot be replaced: {why}");
                problems
                    .push(Diagnostic::error("cloud::command", message).help(format!("leave `{flag} {pattern}` out")));
            }
        }
        problems
    }

    /// Takes out of the changes what is not to be done; the addresses of what was taken out.
    pub(super) fn narrow(&self, changes: &mut Vec<Change>, graph: &ResourceGraph, state: &State) -> Vec<Address> {
        if self.is_whole() {
            return Vec::new();
        }
        let ties = Ties::new(changes, graph, state);
        let all: BTreeSet<&Address> = changes.iter().map(|change| &change.address).collect();
        let among = |patterns: &[Address]| {
            let named = |address: &&Address| patterns.iter().any(|pattern| pattern.covers(address));
            ties.needs.keys().copied().filter(named).collect::<Vec<_>>()
        };
        let wanted = (!self.targets.is_empty()).then(|| closure(among(&self.targets), &ties.needs));
        let unwanted = closure(among(&self.excludes), &ties.needed);
        let out = |address: &Address| {
            unwanted.contains(address) || wanted.as_ref().is_some_and(|wanted| !wanted.contains(address))
        };
        let left: Vec<Address> = all.into_iter().filter(|address| out(address)).cloned().collect();
        changes.retain(|change| left.binary_search(&change.address).is_err());
        left
    }
}

/// Why there can be no new one in place of the old one.
fn irreplaceable(resource: &Resource) -> Option<&'static str> {
    let named = resource.schema.identity().next().is_some();
    if resource.lifecycle.start.is_empty() {
        return Some("it exists already, and nothing here creates it");
    }
    (named && resource.lifecycle.terminate.is_empty())
        .then_some("its `terminateActions` are empty, so that the old one stays and keeps the name")
}

fn nothing_there(flag: &str, pattern: &Address, known: &BTreeSet<&Address>) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        "cloud::command",
        format!("`{flag} {pattern}` names nothing: neither the program nor the record has it"),
    );
    match suggestion(pattern, known) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// What is probably meant by an address at which there is nothing, or what there is to choose from.
pub fn suggestion(pattern: &Address, known: &BTreeSet<&Address>) -> Option<String> {
    // Groups and repetitions can be named as well as what is in them.
    let mut names = BTreeSet::new();
    for address in known {
        let mut group = Address::root();
        for segment in address.segments() {
            names.insert(group.child(Segment { name: segment.name.clone(), key: None }).to_string());
            group = group.child(segment.clone());
            names.insert(group.to_string());
        }
    }
    match closest(&pattern.to_string(), names.iter().map(String::as_str)) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => {
            const LISTED: usize = 8;
            let tops: BTreeSet<&str> =
                known.iter().filter_map(|address| Some(address.segments().first()?.name.as_str())).collect();
            let more = if tops.len() > LISTED { " ..." } else { "" };
            let tops: Vec<String> = tops.into_iter().take(LISTED).map(|top| format!("`{top}`")).collect();
            Some(format!("at the top there are {}{more}", tops.join(", ")))
        }
    }
}

/// What cannot be done without what else.
struct Ties<'a> {
    needs: BTreeMap<&'a Address, BTreeSet<&'a Address>>,
    needed: BTreeMap<&'a Address, BTreeSet<&'a Address>>,
}

impl<'a> Ties<'a> {
    /// A component is made after what it needs, and taken down after what needed it. What is replaced
    /// changes along with what refers to it: neither can be without the other.
    fn new(changes: &'a [Change], graph: &'a ResourceGraph, state: &'a State) -> Ties<'a> {
        let kinds: BTreeMap<&Address, ChangeKind> =
            changes.iter().map(|change| (&change.address, change.kind)).collect();
        let mut ties = Ties { needs: BTreeMap::new(), needed: BTreeMap::new() };
        for address in graph.in_order().map(|resource| &resource.address).chain(state.resources.keys()) {
            ties.needs.entry(address).or_default();
        }
        for resource in graph.in_order() {
            for needed in graph.needs(&resource.address) {
                ties.tie(&resource.address, needed);
                if kinds.get(needed) == Some(&ChangeKind::Replace) && kinds.contains_key(&resource.address) {
                    ties.tie(needed, &resource.address);
                }
            }
        }
        for (dependent, recorded) in &state.resources {
            for needed in &recorded.dependencies {
                let replaced = kinds.get(needed) == Some(&ChangeKind::Replace) && kinds.contains_key(dependent);
                if replaced || (graph.get(needed).is_none() && state.resources.contains_key(needed)) {
                    ties.tie(needed, dependent);
                }
            }
        }
        ties
    }

    fn tie(&mut self, one: &'a Address, needs: &'a Address) {
        self.needs.entry(one).or_default().insert(needs);
        self.needed.entry(needs).or_default().insert(one);
    }
}

/// Everything that can be reached.
fn closure<'a>(
    mut queue: Vec<&'a Address>,
    next: &BTreeMap<&'a Address, BTreeSet<&'a Address>>,
) -> BTreeSet<&'a Address> {
    let mut all: BTreeSet<&Address> = queue.iter().copied().collect();
    while let Some(address) = queue.pop() {
        for other in next.get(address).into_iter().flatten() {
            if all.insert(other) {
                queue.push(other);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::name::Address;

    #[test]
    fn an_address_names_all_below_it_and_a_name_alone_all_its_elements() {
        let covers =
            |pattern: &str, address: &str| pattern.parse::<Address>().unwrap().covers(&address.parse().unwrap());
        for (pattern, address) in
            [("a", "a"), ("a", "a.b"), ("a", "a[0]"), ("a", "a[0].b"), ("a[0]", "a[0].b"), ("a.b", "a[\"x\"].b[1].c")]
        {
            assert!(covers(pattern, address), "{pattern} {address}");
        }
        for (pattern, address) in [("a", "ab"), ("a[0]", "a"), ("a[0]", "a[1]"), ("a.b", "a"), ("b", "a.b")] {
            assert!(!covers(pattern, address), "{pattern} {address}");
        }
    }
}
