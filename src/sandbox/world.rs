//! Everything in the sandbox and the rules of a cloud: names that are taken, references that must exist,
//! deletion refused while something refers to it. In memory and without a clock: a change is a line of
//! the log, and the lines in their order are the world.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::apply::provider::{Fault, FaultKind, Owner, Want};
use crate::model::schema::{Modifiers, Schema};
use crate::name::Address;
use crate::sandbox::object::{Busy, Doing, Key, Object, asked, is_found, name_of};
use crate::sandbox::refusal::{Besides, remains};
use crate::sandbox::weather::Weather;
use crate::value::Value;

/// A line of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    /// What became of a thing. The last line about it holds.
    Put(Box<Object>),
    Delete {
        kind: Arc<str>,
        id: Arc<str>,
        /// Until when it is seen still.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<Timestamp>,
    },
    Weather(Box<Weather>),
    /// A run of this number met a fault.
    Run(u64),
}

#[derive(Default)]
pub struct World {
    objects: BTreeMap<Key, Object>,
    /// Gone, and seen still.
    ghosts: BTreeMap<Key, (Object, Timestamp)>,
    /// Things with an id, whatever their type.
    ids: HashMap<Arc<str>, BTreeSet<Key>>,
    /// Things that refer to an id.
    referrers: HashMap<Arc<str>, BTreeSet<Key>>,
    /// Who has a name among its type.
    names: HashMap<(Arc<str>, Arc<str>), Key>,
    tokens: HashMap<Arc<str>, Key>,
    owners: HashMap<(Arc<str>, Arc<str>, Address), BTreeSet<Key>>,
    /// When things end that are being deleted.
    ends: BTreeSet<(Timestamp, Key)>,
    pub weather: Weather,
    /// Runs that met a fault in this weather.
    pub runs: u64,
}

type Checked<T> = Result<T, Fault>;

impl World {
    pub fn apply(&mut self, line: Line) {
        match line {
            Line::Put(object) => self.insert(*object),
            Line::Delete { kind, id, seen } => {
                let key = (kind, id);
                if let Some(object) = self.remove(&key)
                    && let Some(until) = seen
                {
                    self.ghosts.insert(key, (object, until));
                }
            }
            Line::Weather(weather) => {
                self.weather = *weather;
                self.runs = 0;
            }
            Line::Run(number) => self.runs = self.runs.max(number),
        }
    }

    /// The shortest log of the same world.
    pub fn lines(&self) -> impl Iterator<Item = Line> {
        let put = |object: &Object| Line::Put(object.clone().into());
        let delete = |((kind, id), (_, until)): (&Key, &(Object, Timestamp))| Line::Delete {
            kind: kind.clone(),
            id: id.clone(),
            seen: Some(*until),
        };
        let weather = (!self.weather.is_fair()).then(|| Line::Weather(self.weather.clone().into()));
        let run = (self.runs > 0).then_some(Line::Run(self.runs));
        let ghosts = self.ghosts.iter().flat_map(move |ghost| [put(&ghost.1.0), delete(ghost)]);
        weather.into_iter().chain(run).chain(ghosts).chain(self.objects.values().map(put))
    }

    /// How many lines [`World::lines`] has, about.
    pub fn size(&self) -> usize {
        self.objects.len() + 2 * self.ghosts.len() + 2
    }

    /// Takes away what is gone by now.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some((end, _)) = self.ends.first()
            && *end <= now
            && let Some((_, key)) = self.ends.pop_first()
        {
            self.remove(&key);
        }
        if !self.ghosts.is_empty() {
            self.ghosts.retain(|_, (_, until)| *until > now);
        }
    }

    fn insert(&mut self, object: Object) {
        let key = object.key();
        self.remove(&key);
        self.ghosts.remove(&key);
        if let Some(name) = &object.name {
            self.names.insert((object.kind.clone(), name.clone()), key.clone());
        }
        self.tokens.insert(object.owner.token.clone(), key.clone());
        self.owners.entry(owner_key(&object.kind, &object.owner)).or_default().insert(key.clone());
        for (_, id) in object.inputs.values().flat_map(Value::references) {
            self.referrers.entry(id.clone()).or_default().insert(key.clone());
        }
        self.ids.entry(object.id.clone()).or_default().insert(key.clone());
        self.ends.extend(object.ends().map(|end| (end, key.clone())));
        self.objects.insert(key, object);
    }

    fn remove(&mut self, key: &Key) -> Option<Object> {
        let object = self.objects.remove(key)?;
        if let Some(name) = &object.name {
            self.names.remove(&(object.kind.clone(), name.clone()));
        }
        self.tokens.remove(&object.owner.token);
        take(&mut self.owners, &owner_key(&object.kind, &object.owner), key);
        for (_, id) in object.inputs.values().flat_map(Value::references) {
            take(&mut self.referrers, id, key);
        }
        take(&mut self.ids, &object.id, key);
        object.ends().map(|end| self.ends.remove(&(end, key.clone())));
        Some(object)
    }

    // ---- looking

    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    pub fn get(&self, key: &Key) -> Option<&Object> {
        self.objects.get(key)
    }

    /// Whether a thing of this type has this name.
    pub fn is_taken(&self, kind: &Arc<str>, name: &Arc<str>) -> bool {
        self.names.contains_key(&(kind.clone(), name.clone()))
    }

    /// What a look at it shows: one that is new may not be seen yet, one that is gone may be seen still.
    pub fn seen(&self, key: &Key, now: Timestamp) -> Option<&Object> {
        let ghost = || self.ghosts.get(key).filter(|(_, until)| *until > now).map(|(object, _)| object);
        self.objects.get(key).filter(|object| object.is_seen(now)).or_else(ghost)
    }

    pub fn made_by(&self, owner: &Owner, now: Timestamp) -> Option<&Object> {
        self.objects.get(self.tokens.get(&owner.token)?).filter(|object| object.is_seen(now))
    }

    pub fn named(&self, kind: &Arc<str>, name: &Arc<str>, now: Timestamp) -> Option<&Object> {
        self.objects.get(self.names.get(&(kind.clone(), name.clone()))?).filter(|object| object.is_seen(now))
    }

    /// Things of one type that a component made at some time.
    pub fn owned(&self, kind: &Arc<str>, owner: &Owner, now: Timestamp) -> impl Iterator<Item = &Object> {
        let keys = self.owners.get(&owner_key(kind, owner)).into_iter().flatten();
        keys.filter_map(|key| self.objects.get(key))
            .filter(move |object| object.is_seen(now) && object.ends().is_none())
    }

    /// Things that refer to this one.
    pub fn referrers(&self, object: &Object) -> impl Iterator<Item = &Object> {
        let alone = self.ids.get(&object.id).is_none_or(|keys| keys.len() == 1);
        let own = object.key();
        // Where types share an id, the address says which of them is meant.
        let means = move |other: &Object| {
            alone || {
                let mut all = other.inputs.values().flat_map(Value::references);
                all.any(|(address, id)| *id == object.id && *address == object.owner.address)
            }
        };
        let keys = self.referrers.get(&object.id).into_iter().flatten().filter(move |key| **key != own);
        keys.filter_map(|key| self.objects.get(key)).filter(move |other| means(other))
    }

    // ---- rules

    /// The thing that a create call makes; nothing but an id, when the same call has made it before.
    pub fn create(&self, want: &Want, schema: Option<&Schema>) -> Checked<Result<Object, Arc<str>>> {
        if let Some(object) = self.tokens.get(&want.owner.token).and_then(|key| self.objects.get(key)) {
            if object.asked.as_ref().is_some_and(|before| *before != asked(want)) {
                let message = format!("the token {} was used for something else before", want.owner.token);
                return Err(Fault::new(FaultKind::Refused, message));
            }
            return Ok(Err(object.id.clone()));
        }
        if let Some(name) = name_of(schema, &want.inputs)
            && let Some(key) = self.names.get(&(want.kind.clone(), name.clone()))
        {
            let holder = &self.objects[key].owner;
            let of = if holder.lineage == want.owner.lineage { "" } else { " of another environment" };
            let fault = Fault::new(FaultKind::Taken, format!("{name} is taken: `{}`{of} has it", holder.address));
            let attribute = schema.and_then(|schema| schema.identity().next());
            return Err(match attribute {
                Some(attribute) => fault.on(attribute.name.as_str()).help("choose another name"),
                None => fault,
            });
        }
        self.refers_to_what_is(want)?;
        Ok(Ok(Object::new(want, schema)))
    }

    fn refers_to_what_is(&self, want: &Want) -> Checked<()> {
        for (name, value) in &want.inputs {
            for (_, id) in value.references().into_iter().filter(|(_, id)| !is_found(id)) {
                let Some(keys) = self.ids.get(id) else {
                    return Err(Fault::new(FaultKind::Refused, format!("there is no {id}")).on(name.as_str()));
                };
                if keys.iter().filter_map(|key| self.objects.get(key)).all(|object| object.ends().is_some()) {
                    return Err(Fault::new(FaultKind::Refused, format!("{id} is being deleted")).on(name.as_str()));
                }
            }
        }
        Ok(())
    }

    /// What an update makes of a thing.
    pub fn update(&self, key: &Key, want: &Want, schema: Option<&Schema>) -> Checked<Object> {
        let Some(object) = self.objects.get(key) else {
            return Err(Fault::new(FaultKind::Missing, format!("there is no {}", key.1)));
        };
        if object.ends().is_some() {
            return Err(Fault::new(FaultKind::Held, format!("{} is being deleted", key.1)));
        }
        let fixed = |modifiers: &Modifiers| modifiers.immutable || modifiers.identity;
        let attributes = schema.iter().flat_map(|schema| schema.attributes.values().map(move |of| (schema, of)));
        for (schema, attribute) in attributes.filter(|(_, attribute)| fixed(&attribute.modifiers)) {
            let same = match (object.inputs.get(&attribute.name), want.inputs.get(&attribute.name)) {
                (Some(is), Some(wanted)) => schema.same(&attribute.name, is, wanted),
                (is, wanted) => is == wanted,
            };
            if !same {
                let message = format!("the `{}` of {} cannot change", attribute.name, key.1);
                return Err(Fault::new(FaultKind::Refused, message).on(attribute.name.as_str()));
            }
        }
        self.refers_to_what_is(want)?;
        // The token of the call that made it stays, by which that call is found.
        let same = object.owner.lineage == want.owner.lineage;
        let token = if same { &object.owner.token } else { &want.owner.token };
        let owner = Owner { token: token.clone(), ..want.owner.clone() };
        Ok(Object { inputs: want.inputs.clone(), owner, ..object.clone() })
    }

    /// What a delete call comes to: nothing, when it is gone already.
    pub fn delete(&self, key: &Key, gone: Option<Timestamp>, seen: Option<Timestamp>) -> Checked<Vec<Line>> {
        let Some(object) = self.objects.get(key).filter(|object| object.ends().is_none()) else {
            return Ok(Vec::new());
        };
        if let Some(why) = self.refusals(object, &Besides::default()).first() {
            return Err(why.fault(&object.id));
        }
        let end = match gone {
            Some(until) => {
                let busy = Some(Busy { doing: Doing::Deleting, until });
                Line::Put(Object { busy, ..object.clone() }.into())
            }
            None => Line::Delete { kind: object.kind.clone(), id: object.id.clone(), seen },
        };
        Ok(remains(object).map(|last| Line::Put(last.into())).into_iter().chain([end]).collect())
    }
}

fn owner_key(kind: &Arc<str>, owner: &Owner) -> (Arc<str>, Arc<str>, Address) {
    (kind.clone(), owner.lineage.clone(), owner.address.clone())
}

/// Takes one of the keys that something has.
fn take<K: std::hash::Hash + Eq>(map: &mut HashMap<K, BTreeSet<Key>>, of: &K, key: &Key) {
    if let Some(keys) = map.get_mut(of) {
        keys.remove(key);
        if keys.is_empty() {
            map.remove(of);
        }
    }
}
