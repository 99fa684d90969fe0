//! `tadpole state move` and `forget`: the record is changed, and nothing else. Both are journaled, as what
//! `apply` records.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::cli::Exit;
use crate::cli::context::{Place, parse_env};
use crate::cli::state::{agreed, kept, name_of, plural, say_nothing_at, taken};
use crate::cli::streams::{say, tell_line};
use crate::cli::turn::Turn;
use crate::cli::ui::Look;
use crate::name::{Address, Segment};
use crate::printable::Plain;
use crate::state::record::Record;
use crate::state::{Recorded, State};

/// Gives a component another address, or all that is below a group or in a repetition.
#[derive(clap::Args)]
pub struct Move {
    #[arg(value_name = "FROM")]
    from: Address,
    #[arg(value_name = "TO")]
    to: Address,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    turn: Turn,
}

impl Move {
    pub fn run(self, look: Look) -> Result<Exit, Exit> {
        let ledger = taken(&self.place, self.turn, look)?;
        let moves = self.moves(ledger.state(), look)?;
        for (from, to) in &moves {
            tell_line(&format!("  {from} is called {to}"));
        }
        kept(ledger, vec![Record::Moved { moves }], look)?;
        Ok(Exit::Done)
    }

    fn moves(&self, state: &State, look: Look) -> Result<BTreeMap<Address, Address>, Exit> {
        let Move { from, to, .. } = self;
        let refuse = |message: &str, help: &str| {
            say(message, Some(help), look);
            Exit::Wrong
        };
        if from == to {
            return Err(refuse(&format!("`{from}` is called so already"), "name another address to move it to"));
        }
        let all: BTreeSet<&Address> = state.things().map(|(address, _)| address).collect();
        let mut moves = BTreeMap::new();
        for address in all {
            let Some(tail) = tail(from, address) else { continue };
            let Some(new) = put(to, tail) else {
                let message = format!("`{from}` is a repetition, and `{to}` is one element");
                return Err(refuse(&message, "give both a key or none: `web[0]` to `server[0]`, `web` to `server`"));
            };
            moves.insert(address.clone(), new);
        }
        if moves.is_empty() {
            return Err(say_nothing_at(from, state, look));
        }
        if let Some(taken) = moves.values().find(|to| state.resources.contains_key(to) && !moves.contains_key(to)) {
            let help = format!("`tadpole state move {taken} NEW` gives that one another address first");
            return Err(refuse(&format!("`{taken}` is recorded already"), &help));
        }
        Ok(moves)
    }
}

/// What an address has beyond a group: the key of its element, if the group is named without, and the
/// rest.
fn tail<'a>(group: &Address, address: &'a Address) -> Option<(Option<&'a Segment>, &'a [Segment])> {
    let (last, around) = group.segments().split_last()?;
    let segment = address.segments().get(around.len()).filter(|segment| segment.name == last.name)?;
    let within = address.segments().starts_with(around) && (last.key.is_none() || last.key == segment.key);
    let element = Some(segment).filter(|segment| last.key.is_none() && segment.key.is_some());
    within.then_some((element, &address.segments()[around.len() + 1..]))
}

/// The same in another group; nothing when that has a key of its own.
fn put(group: &Address, (element, rest): (Option<&Segment>, &[Segment])) -> Option<Address> {
    let (last, around) = group.segments().split_last()?;
    let mut last = last.clone();
    if let Some(element) = element {
        if last.key.is_some() {
            return None;
        }
        last.key = element.key.clone();
    }
    let segments = around.iter().chain([&last]).chain(rest).cloned();
    Some(segments.fold(Address::root(), |address, segment| address.child(segment)))
}

/// Takes resources out of the record: they stand, and are not this environment's any more.
#[derive(clap::Args)]
pub struct Forget {
    /// A component, or a group with all that is below it; several may be named
    #[arg(value_name = "ADDRESS", required = true)]
    addresses: Vec<Address>,
    /// The program: a directory with `.cloud` files, or one file
    #[arg(long, value_name = "PROGRAM", default_value = ".")]
    program: PathBuf,
    /// The environment [default: default]
    #[arg(long, value_name = "NAME", value_parser = parse_env)]
    env: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    turn: Turn,
}

impl Forget {
    pub fn run(self, look: Look) -> Exit {
        self.forget(look).map_or_else(|exit| exit, |()| Exit::Done)
    }

    fn forget(self, look: Look) -> Result<(), Exit> {
        let place = Place {
            program: self.program,
            params: Vec::new(),
            files: Vec::new(),
            env: self.env,
            roots: Vec::new(),
            declared: OnceLock::new(),
        };
        let ledger = taken(&place, self.turn, look)?;
        let state = ledger.state();
        for pattern in &self.addresses {
            if !state.things().any(|(address, _)| pattern.covers(address)) {
                return Err(say_nothing_at(pattern, state, look));
            }
        }
        let named = |address: &Address| self.addresses.iter().any(|pattern| pattern.covers(address));
        let left: Vec<(&Address, &Recorded)> = state.things().filter(|(address, _)| named(address)).collect();
        tell_line(&format!("Left standing, and no longer recorded in {}:", name_of(&place)));
        for (address, recorded) in &left {
            tell_line(&format!("  {address}  {} {}", recorded.template, Plain(&recorded.id)));
        }
        let mut records: Vec<Record> = left
            .iter()
            .map(|(address, recorded)| Record::Forgotten {
                address: (*address).clone(),
                id: recorded.id.clone(),
                gone: false,
            })
            .collect();
        // What stays has nothing to wait for in what is not recorded.
        for (address, recorded) in state.resources.iter().filter(|(address, _)| !named(address)) {
            let needs = |forgotten: &BTreeSet<Address>| forgotten.iter().find(|address| named(address)).cloned();
            if let Some(needed) = needs(&recorded.dependencies) {
                tell_line(&format!("  {address} needs {needed}, and stays recorded"));
                let dependencies = recorded.dependencies.iter().filter(|address| !named(address)).cloned().collect();
                let recorded = Recorded { dependencies, ..recorded.clone() };
                records.push(Record::Seen { address: address.clone(), recorded: Box::new(recorded) });
            }
        }
        let count = plural(left.len(), "resource");
        agreed(&format!("Forget {count} of {}?", name_of(&place)), self.yes, look)?;
        kept(ledger, records, look)?;
        tell_line(&format!("\n{count} forgotten. Nothing was changed in the cloud."));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_move_with_what_is_in_them() {
        let to = |from: &str, to: &str, address: &str| {
            let (from, to, address): (Address, Address, Address) =
                (from.parse().unwrap(), to.parse().unwrap(), address.parse().unwrap());
            tail(&from, &address).map(|tail| put(&to, tail).map(|new| new.to_string()))
        };
        let some = |text: &str| Some(Some(text.to_string()));
        assert_eq!(to("a", "b", "a"), some("b"));
        assert_eq!(to("a", "b", "a[1].c"), some("b[1].c"));
        assert_eq!(to("a[1]", "b", "a[1].c"), some("b.c"));
        assert_eq!(to("a[1]", "x.b[\"k\"]", "a[1].c"), some("x.b[\"k\"].c"));
        assert_eq!(to("s.a", "a", "s.a.b"), some("a.b"));
        assert_eq!(to("a", "b[0]", "a"), some("b[0]"));
        assert_eq!(to("a", "b[0]", "a[1]"), Some(None));
        for (from, address) in [("a", "ab"), ("a[1]", "a[2]"), ("a[1]", "a"), ("s.a", "s[0].a"), ("s.a", "s")] {
            assert_eq!(to(from, "b", address), None, "{from} {address}");
        }
    }
}
