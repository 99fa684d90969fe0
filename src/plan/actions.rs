//! What a plan says of actions: which will run, what changed in them, and where an interrupted list goes on.

use std::collections::BTreeSet;

use crate::graph::ResourceGraph;
use crate::model::action::{Action, ActionTerm, List, Nature, Occasion, Verb};
use crate::model::resource::Resource;
use crate::model::term::{Known, Term};
use crate::name::{Address, Name};
use crate::plan::parts;
use crate::plan::{ChangeKind, Part, Plan};
use crate::state::{Course, Recorded};
use crate::value::{Data, SealingKey, Value};

impl ChangeKind {
    /// On what occasion a list is run in such a change.
    pub fn occasion(self, list: List) -> Occasion {
        match (self, list) {
            (ChangeKind::Replace, _) => Occasion::Replace,
            (_, List::Terminate) => Occasion::Terminate,
            (_, List::Update) => Occasion::Update,
            (ChangeKind::Start | ChangeKind::Revive, List::Start | List::Liveness) => Occasion::Start,
            (_, List::Start) => Occasion::Start,
            (_, List::Liveness) => Occasion::Update,
        }
    }

    /// The actions of the program's lists that will run in such a change.
    pub(super) fn runs<'a>(self, list: List, actions: impl IntoIterator<Item = &'a ActionTerm>) -> Vec<Name> {
        let occasion = self.occasion(list);
        let actions = actions.into_iter().filter(|action| action.is_for(occasion));
        actions.map(|action| action.name.clone()).collect()
    }

    /// The same, of a list that is recorded.
    pub(super) fn runs_recorded(self, list: List, actions: &[Action]) -> Vec<Name> {
        let occasion = self.occasion(list);
        actions.iter().filter(|action| action.is_for(occasion)).map(|action| action.name.clone()).collect()
    }
}

/// Two lists that differ, as values: by the names of their actions, or where these are the same by what is
/// different in each.
pub(super) fn differing(list: List, old: &[Action], new: &[Action]) -> (Value, Value) {
    let names = |actions: &[Action]| -> Vec<Value> {
        actions.iter().map(|action| Value::string(action.name.as_str())).collect()
    };
    let by_name = || (Value::List(names(old)), Value::List(names(new)));
    if names(old) != names(new) {
        return by_name();
    }
    let (one, two) = (described(old), described(new));
    // What nobody set, and a newer library has, is nothing to tell of.
    if parts::differing(list.attribute(), false, &one, &two).is_empty() { by_name() } else { (one, two) }
}

/// Each action with all its settings: by its name, or where two have one name, by its place.
fn described(actions: &[Action]) -> Value {
    let names: BTreeSet<&Name> = actions.iter().map(|action| &action.name).collect();
    if names.len() < actions.len() {
        return Value::List(actions.iter().map(whole).collect());
    }
    let fields = actions.iter().map(|action| (action.name.clone(), whole(action))).collect();
    Value::Data(Data { template: "Actions".into(), fields })
}

fn whole(action: &Action) -> Value {
    let mut fields = action.settings.clone();
    for (name, of) in [("actions", &action.parts), ("otherwise", &action.otherwise)] {
        if !of.is_empty() {
            fields.insert(name.into(), described(of));
        }
    }
    Value::Data(Data { template: action.verb.template().into(), fields })
}

/// The actions of a list of the program that an earlier run has not done, if it was interrupted. What makes a thing is
/// done when the thing is there.
pub(super) fn left<'a>(
    list: List,
    resource: &'a Resource,
    recorded: &Recorded,
    world: &dyn Known,
    key: &SealingKey,
) -> Vec<&'a ActionTerm> {
    let is_done = |at: usize, term: &ActionTerm| {
        let Some(course) = &recorded.course else { return false };
        term.settle(world).is_ok_and(|mut action| {
            action.seal(key);
            course.has_done(list, at, &action.sum())
        })
    };
    // Behind the first that is not done, nothing counts as done.
    let (mut at, mut goes_on) = (0, true);
    let actions = resource.lifecycle.list(list).iter();
    actions
        .filter(|term| {
            if term.verb.nature() == Nature::Own {
                return term.verb != Verb::Create;
            }
            goes_on = goes_on && is_done(at, term);
            at += 1;
            !goes_on
        })
        .collect()
}

/// Where the list goes on that was interrupted: "goes on with `migrate`; `create` and `seed` are done".
pub(super) fn goes_on(resource: &Resource, recorded: &Recorded, world: &dyn Known, key: &SealingKey) -> Option<String> {
    let course = recorded.course.as_ref()?;
    let list = if course.started { List::Update } else { List::Start };
    let occasion = if course.started { Occasion::Update } else { Occasion::Start };
    let terms = if course.started { &resource.lifecycle.update } else { &resource.lifecycle.start };
    let actions = terms.iter().map(|action| {
        let mut action = action.settle(world)?;
        action.seal(key);
        Ok(action)
    });
    let actions = actions.collect::<Result<Vec<Action>, String>>().ok()?;
    said(course, list, &actions, Some(occasion))
}

/// The same of a list whose actions are decided, run on an occasion if that is known. Nothing when none is done.
pub fn said(course: &Course, list: List, actions: &[Action], on: Option<Occasion>) -> Option<String> {
    let (done, next) = reached(course, list, actions, on);
    let quoted: Vec<String> = done.iter().map(|name| format!("`{name}`")).collect();
    let done = match quoted.as_slice() {
        [] => return None,
        [one] => format!("{one} is done"),
        [all @ .., last] => format!("{} and {last} are done", all.join(", ")),
    };
    Some(next.map_or(done.clone(), |next| format!("goes on with `{next}`; {done}")))
}

/// Which actions of a list are done, and which is the next that is not. What makes a thing is done when the thing
/// is there; what changes it is done again in any case.
fn reached<'a>(
    course: &Course,
    list: List,
    actions: &'a [Action],
    on: Option<Occasion>,
) -> (Vec<&'a Name>, Option<&'a Name>) {
    let (mut done, mut next, mut at) = (Vec::new(), None, 0);
    for action in actions {
        let is_done = match action.verb {
            Verb::Create => true,
            Verb::Update | Verb::Delete => continue,
            Verb::Check
            | Verb::Act
            | Verb::Http
            | Verb::Tcp
            | Verb::Dns
            | Verb::Exec
            | Verb::Wait
            | Verb::Webhook
            | Verb::Sequence
            | Verb::Parallel
            | Verb::Race
            | Verb::Try => {
                at += 1;
                course.has_done(list, at - 1, &action.sum())
            }
        };
        // What is passed over was counted.
        if on.is_some_and(|on| !action.is_for(on)) {
            continue;
        }
        if is_done {
            done.push(&action.name);
        } else if next.is_none() {
            next = Some(&action.name);
        }
    }
    (done, next)
}

/// What has everything taken down again that the run made, when it fails: the first of the actions of this plan
/// whose `onFailure` is `"rollback"`, and what it belongs to.
pub fn undoing(plan: &Plan, graph: &ResourceGraph) -> Option<(Address, Name)> {
    plan.changes.iter().filter(|change| change.kind.parts().contains(&Part::Make)).find_map(|change| {
        let lifecycle = &graph.get(&change.address)?.lifecycle;
        let lists =
            [(List::Start, &lifecycle.start), (List::Update, &lifecycle.update), (List::Liveness, &lifecycle.liveness)];
        let action = lists.into_iter().flat_map(|(list, actions)| {
            let occasion = change.kind.occasion(list);
            actions
                .iter()
                .filter(move |action| action.is_for(occasion))
                .filter(|action| change.actions.contains(&action.name))
        });
        let undoes = action.filter_map(first_undoing).next()?;
        Some((change.address.clone(), undoes.clone()))
    })
}

fn first_undoing(action: &ActionTerm) -> Option<&Name> {
    let set = action.settings.get("onFailure").and_then(Term::known).and_then(Value::as_str);
    match set {
        Some("rollback") => Some(&action.name),
        // What a group only warns of undoes nothing.
        Some("warn") => None,
        Some(_) | None => action.parts.iter().chain(&action.otherwise).find_map(first_undoing),
    }
}
