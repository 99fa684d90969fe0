//! Actions: the steps of a resource's life, as values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::term::{Known, Term};
use crate::name::Name;
use crate::value::{Fields, SealingKey, Value};

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
    /// Asks a site.
    Http,
    /// Opens a connection.
    Tcp,
    /// Looks a name up.
    Dns,
    /// Runs a command of this machine.
    Exec,
    /// Lets time go by.
    Wait,
    /// Tells a site.
    Webhook,
    /// Others, one after the other.
    Sequence,
    /// Others, side by side.
    Parallel,
    /// Others, side by side, until the first of them succeeds.
    Race,
    /// One, and others if it fails.
    Try,
}

/// What kind of thing an action is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nature {
    /// The provider's own way to bring a thing into being, to change it or to take it away.
    Own,
    /// Changes nothing: it looks, again and again, until it sees what it expects.
    Look,
    /// Does something, once.
    Deed,
    /// A deed, which in `livenessActions` is a look.
    Either,
    /// Made of other actions.
    Group,
}

impl Verb {
    pub const ALL: [Verb; 15] = [
        Verb::Create,
        Verb::Check,
        Verb::Update,
        Verb::Delete,
        Verb::Act,
        Verb::Http,
        Verb::Tcp,
        Verb::Dns,
        Verb::Exec,
        Verb::Wait,
        Verb::Webhook,
        Verb::Sequence,
        Verb::Parallel,
        Verb::Race,
        Verb::Try,
    ];

    /// The template's name.
    pub fn template(self) -> &'static str {
        match self {
            Verb::Create => "Create",
            Verb::Check => "Check",
            Verb::Update => "Update",
            Verb::Delete => "Delete",
            Verb::Act => "Act",
            Verb::Http => "Http",
            Verb::Tcp => "Tcp",
            Verb::Dns => "Dns",
            Verb::Exec => "Exec",
            Verb::Wait => "Wait",
            Verb::Webhook => "Webhook",
            Verb::Sequence => "Sequence",
            Verb::Parallel => "Parallel",
            Verb::Race => "Race",
            Verb::Try => "Try",
        }
    }

    pub fn nature(self) -> Nature {
        match self {
            Verb::Create | Verb::Update | Verb::Delete => Nature::Own,
            Verb::Check | Verb::Http | Verb::Tcp | Verb::Dns => Nature::Look,
            Verb::Act | Verb::Wait | Verb::Webhook => Nature::Deed,
            Verb::Exec => Nature::Either,
            Verb::Sequence | Verb::Parallel | Verb::Race | Verb::Try => Nature::Group,
        }
    }
}

/// The attributes of a [`Nature::Group`] that hold what it is made of, one or several.
pub const PARTS: [&str; 2] = ["action", "actions"];
/// The attribute that holds what `Try` turns to.
pub const OTHERWISE: &str = "otherwise";

/// One of the four lists of actions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum List {
    Start,
    Liveness,
    Terminate,
    Update,
}

impl List {
    pub const ALL: [List; 4] = [List::Start, List::Liveness, List::Terminate, List::Update];

    /// The attribute that holds it.
    pub fn attribute(self) -> &'static str {
        match self {
            List::Start => "startActions",
            List::Liveness => "livenessActions",
            List::Terminate => "terminateActions",
            List::Update => "updateActions",
        }
    }
}

/// On what occasion a list of actions is run; an action's `when` may restrict it to some.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Occasion {
    /// The thing comes into being, and has no predecessor.
    Start,
    /// It is changed in place.
    Update,
    /// It takes the place of another, or another takes its place.
    Replace,
    /// It is taken down, and has no successor.
    Terminate,
    /// Somebody asks how it is.
    Live,
}

impl Occasion {
    pub const ALL: [Occasion; 5] =
        [Occasion::Start, Occasion::Update, Occasion::Replace, Occasion::Terminate, Occasion::Live];

    /// As `when` calls it.
    pub fn word(self) -> &'static str {
        match self {
            Occasion::Start => "start",
            Occasion::Update => "update",
            Occasion::Replace => "replace",
            Occasion::Terminate => "terminate",
            Occasion::Live => "live",
        }
    }

    /// Whether a list is ever run on this occasion.
    pub fn concerns(self, list: List) -> bool {
        match list {
            List::Start => matches!(self, Occasion::Start | Occasion::Replace),
            List::Liveness => !matches!(self, Occasion::Terminate),
            List::Terminate => matches!(self, Occasion::Terminate | Occasion::Replace),
            List::Update => matches!(self, Occasion::Update),
        }
    }
}

/// What a failing action means for what it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnFailure {
    /// It fails as well. What is being taken down is not deleted.
    Stop,
    /// It is told, and that is all.
    Warn,
    /// It fails, and what the whole run made is taken down again.
    Rollback,
}

/// One action with everything decided.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Action {
    /// What it is called in the program: `PUT_ACTION`, or its template.
    pub name: Name,
    pub verb: Verb,
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub settings: Fields,
    /// What a group is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Action>,
    /// What `Try` turns to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Action>,
}

/// An action as the program says it, parts of which may be known only while applying.
#[derive(Clone, PartialEq, Debug)]
pub struct ActionTerm {
    pub name: Name,
    pub verb: Verb,
    pub settings: BTreeMap<Name, Term>,
    pub parts: Vec<ActionTerm>,
    pub otherwise: Vec<ActionTerm>,
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
    pub fn list(&self, list: List) -> &[A] {
        match list {
            List::Start => &self.start,
            List::Liveness => &self.liveness,
            List::Terminate => &self.terminate,
            List::Update => &self.update,
        }
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

impl Lifecycle {
    /// The settings of every action of every list, of those that groups are made of too.
    pub fn settings_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        let Lifecycle { start, liveness, terminate, update } = self;
        let mut all = Vec::new();
        for action in start.iter_mut().chain(liveness).chain(terminate).chain(update) {
            action.each_setting(&mut all);
        }
        all.into_iter()
    }
}

impl Lifecycle<ActionTerm> {
    /// The settings of every action of every list, of those that groups are made of too.
    pub fn settings(&self) -> impl Iterator<Item = &Term> {
        let Lifecycle { start, liveness, terminate, update } = self;
        let mut all = Vec::new();
        for action in start.iter().chain(liveness).chain(terminate).chain(update) {
            action.each_setting(&mut all);
        }
        all.into_iter()
    }

    /// [`ActionTerm::settle`] of every action.
    ///
    /// # Errors
    /// Of the first that has one.
    pub fn settle(&self, world: &dyn Known) -> Result<Lifecycle, String> {
        self.try_map(|action| action.settle(world).map(Some))
    }
}

impl Action {
    /// An action with nothing set, called as its template.
    pub fn plain(verb: Verb) -> Action {
        let settings = Fields::new();
        Action { name: verb.template().into(), verb, settings, parts: Vec::new(), otherwise: Vec::new() }
    }

    /// Whether it is run on this occasion.
    pub fn is_for(&self, occasion: Occasion) -> bool {
        let Some(Value::List(words)) = self.settings.get("when") else { return true };
        words.iter().any(|word| word.as_str() == Some(occasion.word()))
    }

    pub fn on_failure(&self) -> OnFailure {
        match self.settings.get("onFailure").and_then(Value::as_str) {
            Some("warn") => OnFailure::Warn,
            Some("rollback") => OnFailure::Rollback,
            Some(_) | None => OnFailure::Stop,
        }
    }

    /// Tells this action from any other, and from itself with other settings: 16 hexadecimal digits.
    pub fn sum(&self) -> String {
        // An action is a record's part, which can always be written.
        let text = serde_json::to_string(self).unwrap_or_default();
        Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Puts fingerprints on the secrets in its settings.
    pub fn seal(&mut self, key: &SealingKey) {
        let mut all = Vec::new();
        self.each_setting(&mut all);
        all.into_iter().for_each(|value| value.seal(key));
    }

    fn each_setting<'a>(&'a mut self, all: &mut Vec<&'a mut Value>) {
        all.extend(self.settings.values_mut());
        self.parts.iter_mut().chain(&mut self.otherwise).for_each(|part| part.each_setting(all));
    }
}

impl ActionTerm {
    /// With all that is known put in; what is not stays as it is.
    ///
    /// # Errors
    /// When an operation in a setting has no result, in the user's words.
    pub fn partly(&self, world: &dyn Known) -> Result<ActionTerm, String> {
        let settings = self.settings.iter().map(|(name, term)| Ok((name.clone(), term.settle(world)?)));
        let settings = settings.collect::<Result<_, String>>()?;
        let all = |parts: &[ActionTerm]| parts.iter().map(|part| part.partly(world)).collect::<Result<_, String>>();
        let (parts, otherwise) = (all(&self.parts)?, all(&self.otherwise)?);
        Ok(ActionTerm { name: self.name.clone(), verb: self.verb, settings, parts, otherwise })
    }

    /// With everything decided.
    ///
    /// # Errors
    /// When a setting is not known yet or has no result, in the user's words.
    pub fn settle(&self, world: &dyn Known) -> Result<Action, String> {
        let partly = self.partly(world)?;
        partly.known().map_err(|(name, action)| format!("`{name}` of `{action}` is not known yet"))
    }

    /// As an action, if nothing in it is unknown.
    ///
    /// # Errors
    /// The first setting that is, and the action that it is of.
    pub fn known(&self) -> Result<Action, (&Name, &Name)> {
        let mut settings = Fields::new();
        for (name, term) in &self.settings {
            settings.insert(name.clone(), term.known().ok_or((name, &self.name))?.clone());
        }
        let parts = self.parts.iter().map(ActionTerm::known).collect::<Result<_, _>>()?;
        let otherwise = self.otherwise.iter().map(ActionTerm::known).collect::<Result<_, _>>()?;
        Ok(Action { name: self.name.clone(), verb: self.verb, settings, parts, otherwise })
    }

    /// Whether it is run on this occasion, as far as that is known.
    pub fn is_for(&self, occasion: Occasion) -> bool {
        let words = self.settings.get("when").and_then(Term::known);
        let Some(Value::List(words)) = words else { return true };
        words.iter().any(|word| word.as_str() == Some(occasion.word()))
    }

    fn each_setting<'a>(&'a self, all: &mut Vec<&'a Term>) {
        all.extend(self.settings.values());
        self.parts.iter().chain(&self.otherwise).for_each(|part| part.each_setting(all));
    }
}
