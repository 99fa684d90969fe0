//! A cloud in a file, made from schemas alone: ids, computed attributes, names that are taken,
//! references that must exist, deletion refused while something refers to it. What it holds outlives
//! the process, as a cloud's things do.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::apply::provider::{
    Fault, FaultKind, Health, Here, Made, Owner, Patience, Place, Provider, Reading, Seek, Want,
};
use crate::model::schema::Schema;
use crate::model::ty::Ty;
use crate::name::Name;
use crate::value::{Fields, Reference, Target, Value};

/// One thing in the sandbox.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Object {
    pub kind: Arc<str>,
    pub id: Arc<str>,
    pub inputs: Fields,
    pub outputs: Fields,
    pub owner: Owner,
}

/// A line of the file: what became of a thing. The last line about it holds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Put(Object),
    Delete { kind: Arc<str>, id: Arc<str> },
}

type Key = (Arc<str>, Arc<str>);

/// Schemas by the provider's name of the type.
pub type Schemas = HashMap<Arc<str>, Arc<Schema>>;

pub struct Sandbox {
    schemas: Schemas,
    world: Mutex<World>,
}

struct World {
    objects: BTreeMap<Key, Object>,
    /// How many things have an id.
    ids: HashMap<Arc<str>, usize>,
    /// How many things refer to an id.
    referred: HashMap<Arc<str>, usize>,
    /// Who has a name: the type, then the identity as text.
    names: HashMap<(Arc<str>, String), Key>,
    tokens: HashMap<Arc<str>, Key>,
    path: PathBuf,
    /// Open since the first change: looking changes nothing, not even the directory.
    file: Option<File>,
}

impl Sandbox {
    /// The sandbox in a file; without a file, an empty one, which the first change will make.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(path: &Path, schemas: Schemas) -> io::Result<Sandbox> {
        let mut world = World {
            objects: BTreeMap::new(),
            ids: HashMap::new(),
            referred: HashMap::new(),
            names: HashMap::new(),
            tokens: HashMap::new(),
            path: path.to_path_buf(),
            file: None,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        // A last line without an end is a call that was cut off: it did not happen.
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            match serde_json::from_str(line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
                Line::Put(object) => world.insert(object, &schemas),
                Line::Delete { kind, id } => world.remove(&(kind, id), &schemas),
            }
        }
        Ok(Sandbox { schemas, world: Mutex::new(world) })
    }

    /// Everything that is in it.
    pub fn objects(&self) -> Vec<Object> {
        self.world().objects.values().cloned().collect()
    }

    /// A panic elsewhere leaves the world as the file has it: every change is one write.
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self, want: &Want) -> Object {
        let schema = self.schemas.get(&want.kind);
        let identity: Vec<Value> = schema.map(|schema| identity(schema, &want.inputs)).unwrap_or_default();
        let digest: String =
            Sha256::digest(want.owner.token.as_bytes()).iter().take(4).map(|b| format!("{b:02x}")).collect();
        let short = want.kind.rsplit('.').next().unwrap_or(&want.kind).to_lowercase();
        let id: Arc<str> = match identity.as_slice() {
            [Value::String(name)] => name.clone(),
            _ => format!("{short}-{digest}").into(),
        };
        let mut outputs = Fields::new();
        for attribute in schema.iter().flat_map(|schema| schema.computed()) {
            let value = match want.samples.get(&attribute.name) {
                Some(sample) => sample.clone(),
                None => invented(&attribute.ty, &attribute.name, &id),
            };
            outputs.insert(attribute.name.clone(), value);
        }
        Object { kind: want.kind.clone(), id, inputs: want.inputs.clone(), outputs, owner: want.owner.clone() }
    }
}

/// The values of the attributes that name a thing.
fn identity(schema: &Schema, inputs: &Fields) -> Vec<Value> {
    let named = schema.attributes.values().filter(|attribute| attribute.modifiers.identity);
    named.filter_map(|attribute| inputs.get(&attribute.name).cloned()).collect()
}

/// A value for a computed attribute of which the library expects nothing in particular.
fn invented(ty: &Ty, name: &Name, id: &str) -> Value {
    match ty.plain() {
        Ty::Bool => Value::Bool(true),
        Ty::Int => Value::Int(1),
        Ty::Number => Value::Number(1.0),
        Ty::Duration => Value::Duration(1000),
        Ty::Size => Value::Size(1 << 30),
        Ty::List(of) => Value::List(vec![invented(of, name, id)]),
        Ty::Map(_) => Value::Map(BTreeMap::new()),
        Ty::Enum(words) => words.first().map_or(Value::Null, |word| Value::string(word.as_str())),
        Ty::String | Ty::Secret | Ty::Any | Ty::Template(_) => Value::string(format!("{name}-of-{id}")),
        Ty::Null | Ty::Optional(_) | Ty::Alias(_) => Value::Null,
    }
}

impl World {
    fn write(&mut self, line: &Line) -> Result<(), Fault> {
        let written = serde_json::to_vec(line).map_err(io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            self.file()?.write_all(&bytes)
        });
        written.map_err(|error| Fault::new(FaultKind::Unavailable, format!("the sandbox cannot be written: {error}")))
    }

    /// The file, without what was cut off at its end.
    fn file(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                if let Some(directory) = self.path.parent() {
                    std::fs::create_dir_all(directory)?;
                }
                let file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
                let text = std::fs::read(&self.path)?;
                file.set_len(text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1))?;
                file
            }
        };
        Ok(self.file.insert(file))
    }

    fn insert(&mut self, object: Object, schemas: &Schemas) {
        let key: Key = (object.kind.clone(), object.id.clone());
        self.remove(&key, schemas);
        if let Some(name) = name_of(&object, schemas) {
            self.names.insert(name, key.clone());
        }
        self.tokens.insert(object.owner.token.clone(), key.clone());
        for id in references(&object.inputs) {
            *self.referred.entry(id).or_default() += 1;
        }
        *self.ids.entry(key.1.clone()).or_default() += 1;
        self.objects.insert(key, object);
    }

    fn remove(&mut self, key: &Key, schemas: &Schemas) {
        let Some(object) = self.objects.remove(key) else { return };
        if let Some(name) = name_of(&object, schemas) {
            self.names.remove(&name);
        }
        self.tokens.remove(&object.owner.token);
        if let Some(count) = self.ids.get_mut(&object.id) {
            *count = count.saturating_sub(1);
        }
        for id in references(&object.inputs) {
            if let Some(count) = self.referred.get_mut(&id) {
                *count = count.saturating_sub(1);
            }
        }
    }

    fn has_id(&self, id: &str) -> bool {
        self.ids.get(id).is_some_and(|count| *count > 0)
    }
}

fn name_of(object: &Object, schemas: &Schemas) -> Option<(Arc<str>, String)> {
    let values = identity(schemas.get(&object.kind)?, &object.inputs);
    let text: Vec<String> = values.iter().map(Value::to_string).collect();
    (!text.is_empty()).then(|| (object.kind.clone(), text.join("/")))
}

/// The ids that attributes refer to, but for what was never made here.
fn references(fields: &Fields) -> Vec<Arc<str>> {
    fn collect(value: &Value, into: &mut Vec<Arc<str>>) {
        if let Value::Reference(Reference { of: Target::Address(_), id }) = value {
            into.push(id.clone());
        }
        value.parts().for_each(|part| collect(part, into));
    }
    let mut ids = Vec::new();
    fields.values().for_each(|value| collect(value, &mut ids));
    ids
}

#[async_trait]
impl Provider for Sandbox {
    fn cloud(&self) -> &'static str {
        "sandbox"
    }

    fn patience(&self, _kind: &str) -> Patience {
        Patience { consistency: Duration::ZERO, poll: Duration::from_millis(10), ..Patience::default() }
    }

    async fn create(&self, want: &Want) -> Result<Made, Fault> {
        let mut world = self.world();
        if let Some((_, id)) = world.tokens.get(&want.owner.token) {
            return Ok(Made { id: id.clone(), whole: true });
        }
        let object = self.made(want);
        if let Some(name) = name_of(&object, &self.schemas)
            && let Some(key) = world.names.get(&name)
        {
            let holder = &world.objects[key].owner.address;
            let fault = Fault::new(FaultKind::Taken, format!("{} is taken: `{holder}` has it", name.1));
            let schema = self.schemas.get(&want.kind);
            let attribute = schema.and_then(|schema| schema.attributes.values().find(|a| a.modifiers.identity));
            return Err(match attribute {
                Some(attribute) => fault.on(attribute.name.as_str()).help("choose another name"),
                None => fault,
            });
        }
        for (name, value) in &want.inputs {
            let one = Fields::from([(name.clone(), value.clone())]);
            if let Some(id) = references(&one).into_iter().find(|id| !world.has_id(id)) {
                return Err(Fault::new(FaultKind::Refused, format!("there is no {id}")).on(name.as_str()));
            }
        }
        let id = object.id.clone();
        world.write(&Line::Put(object.clone()))?;
        world.insert(object, &self.schemas);
        Ok(Made { id, whole: true })
    }

    async fn find(&self, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let world = self.world();
        Ok(match seek {
            Seek::Made(owner) => world.tokens.get(&owner.token).map(|(_, id)| id.clone()),
            Seek::Owned(owner) => {
                let mut ours = world.objects.values().filter(|object| {
                    object.kind == want.kind
                        && object.owner.lineage == owner.lineage
                        && object.owner.address == owner.address
                });
                // Of several, the one with the wanted name: an earlier one may have been renamed.
                let schema = self.schemas.get(&want.kind);
                let wanted = schema.map(|schema| identity(schema, &want.inputs));
                ours.find(|object| schema.map(|schema| identity(schema, &object.inputs)) == wanted)
                    .map(|object| object.id.clone())
            }
            Seek::Identity => {
                let schema = self.schemas.get(&want.kind);
                let text: Vec<String> = schema
                    .map(|schema| identity(schema, &want.inputs))
                    .unwrap_or_default()
                    .iter()
                    .map(Value::to_string)
                    .collect();
                world.names.get(&(want.kind.clone(), text.join("/"))).map(|(_, id)| id.clone())
            }
        })
    }

    async fn read(&self, place: &Place) -> Result<Reading, Fault> {
        let world = self.world();
        Ok(match world.objects.get(&(place.kind.clone(), place.id.clone())) {
            Some(object) => Reading::Here(Here {
                inputs: object.inputs.clone(),
                outputs: object.outputs.clone(),
                health: Health::Live,
            }),
            None => Reading::Gone,
        })
    }

    async fn update(&self, place: &Place, _old: Option<&Fields>, want: &Want) -> Result<(), Fault> {
        let mut world = self.world();
        let key = (place.kind.clone(), place.id.clone());
        let Some(object) = world.objects.get(&key) else {
            return Err(Fault::new(FaultKind::Missing, format!("there is no {}", place.id)));
        };
        let object = Object { inputs: want.inputs.clone(), ..object.clone() };
        world.write(&Line::Put(object.clone()))?;
        world.insert(object, &self.schemas);
        Ok(())
    }

    async fn delete(&self, place: &Place) -> Result<(), Fault> {
        let mut world = self.world();
        let key = (place.kind.clone(), place.id.clone());
        if !world.objects.contains_key(&key) {
            return Ok(());
        }
        if world.referred.get(&place.id).is_some_and(|count| *count > 0) {
            let holder = world.objects.values().find(|object| references(&object.inputs).contains(&place.id));
            let holder = holder.map_or("something".to_string(), |object| format!("`{}`", object.owner.address));
            return Err(Fault::new(FaultKind::Held, format!("{} is in use by {holder}", place.id)));
        }
        world.write(&Line::Delete { kind: key.0.clone(), id: key.1.clone() })?;
        world.remove(&key, &self.schemas);
        Ok(())
    }
}
