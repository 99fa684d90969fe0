//! Actions: the steps of a resource's life, as values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::term::{Known, Term};
use crate::name::Name;
use crate::value::Fields;

/// What an action does, by the template of `stdlib/actions.cloud` that it descends from. Adding an
/// action adds a row here and a template there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Verb {
    Create,
    Check,
    Update,
    Delete,
    /// Whatever else the cloud does; the setting `kind` says what.
    Act,
    /// Asks a site, until it answers as expected.
    Http,
}

impl Verb {
    pub const ALL: [Verb; 6] = [Verb::Create, Verb::Check, Verb::Update, Verb::Delete, Verb::Act, Verb::Http];

    /// The template's name.
    pub fn template(self) -> &'static str {
        match self {
            Verb::Create => "Create",
            Verb::Check => "Check",
            Verb::Update => "Update",
            Verb::Delete => "Delete",
            Verb::Act => "Act",
            Verb::Http => "Http",
        }
    }
}

/// One action with everything decided.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Action {
    /// What it is called in the program: `PUT_ACTION`, or its template.
    pub name: Name,
    pub verb: Verb,
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub settings: Fields,
}

/// An action as the program says it, parts of which may be known only while applying.
#[derive(Clone, PartialEq, Debug)]
pub struct ActionTerm {
    pub name: Name,
    pub verb: Verb,
    pub settings: BTreeMap<Name, Term>,
}

/// The four lists of a resource. Empty start actions: it must exist already. Empty terminate
/// actions: it is left standing. Empty update actions: changes are reported, never made.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Lifecycle<A = Action> {
    pub start: Vec<A>,
    pub liveness: Vec<A>,
    pub terminate: Vec<A>,
    pub update: Vec<A>,
}

impl<A> Default for Lifecycle<A> {
    fn default() -> Lifecycle<A> {
        Lifecycle { start: Vec::new(), liveness: Vec::new(), terminate: Vec::new(), update: Vec::new() }
    }
}

impl<A> Lifecycle<A> {
    /// The attributes that hold the lists, in the order of the fields.
    pub const ATTRIBUTES: [&'static str; 4] = ["startActions", "livenessActions", "terminateActions", "updateActions"];
}

impl<A> Lifecycle<A> {
    /// Every action of every list.
    pub fn actions(&self) -> impl Iterator<Item = &A> {
        let Lifecycle { start, liveness, terminate, update } = self;
        start.iter().chain(liveness).chain(terminate).chain(update)
    }

    /// As [`Lifecycle::actions`].
    pub fn actions_mut(&mut self) -> impl Iterator<Item = &mut A> {
        let Lifecycle { start, liveness, terminate, update } = self;
        start.iter_mut().chain(liveness).chain(terminate).chain(update)
    }

    /// The same lists with something else for each action, or nothing where there is nothing.
    ///
    /// # Errors
    /// The first that `change` gives.
    pub fn try_map<B, E>(&self, change: impl Fn(&A) -> Result<Option<B>, E>) -> Result<Lifecycle<B>, E> {
        let list = |actions: &[A]| -> Result<Vec<B>, E> {
            actions.iter().filter_map(|action| change(action).transpose()).collect()
        };
        Ok(Lifecycle {
            start: list(&self.start)?,
            liveness: list(&self.liveness)?,
            terminate: list(&self.terminate)?,
            update: list(&self.update)?,
        })
    }
}

impl ActionTerm {
    /// With all that is known put in; what is not stays as it is.
    ///
    /// # Errors
    /// When an operation in a setting has no result, in the user's words.
    pub fn partly(&self, world: &dyn Known) -> Result<ActionTerm, String> {
        let settings = self.settings.iter().map(|(name, term)| Ok((name.clone(), term.settle(world)?)));
        Ok(ActionTerm { settings: settings.collect::<Result<_, String>>()?, ..self.clone() })
    }

    /// With everything decided.
    ///
    /// # Errors
    /// When a setting is not known yet or has no result, in the user's words.
    pub fn settle(&self, world: &dyn Known) -> Result<Action, String> {
        let partly = self.partly(world)?;
        partly.known().map_err(|name| format!("`{name}` of `{}` is not known yet", self.name))
    }

    /// As an action, if nothing in it is unknown.
    ///
    /// # Errors
    /// The first setting that is.
    pub fn known(&self) -> Result<Action, &Name> {
        let settings = self.settings.iter().map(|(name, term)| Ok((name.clone(), term.known().ok_or(name)?.clone())));
        Ok(Action { name: self.name.clone(), verb: self.verb, settings: settings.collect::<Result<Fields, _>>()? })
    }
}

impl Lifecycle<ActionTerm> {
    /// [`ActionTerm::settle`] of every action.
    ///
    /// # Errors
    /// Of the first that has one.
    pub fn settle(&self, world: &dyn Known) -> Result<Lifecycle, String> {
        self.try_map(|action| action.settle(world).map(Some))
    }
}
