//! What must hold whatever happens, each under its name, as a check that says what is wrong; and for
//! each check a scene in which it fails, so that it is known to be one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tadpole::graph::ResourceGraph;
use tadpole::model::action::Verb;
use tadpole::name::Address;
use tadpole::sandbox::Object;
use tadpole::state::{Began, Recorded, State, Status};
use tadpole::value::{Fields, Reference, Target, Value};

/// What is recorded and what there is, at one moment.
pub struct Scene<'a> {
    pub state: &'a State,
    pub objects: &'a [Object],
    /// Things that the record let go, by kind and id: they stand, and are nobody's.
    pub let_go: &'a BTreeSet<(String, String)>,
}

/// A call that changes something.
#[derive(Clone, Debug)]
pub struct Call {
    pub verb: Verb,
    pub address: Address,
    /// Of a create.
    pub token: Option<Arc<str>>,
    /// Of what is changed or deleted.
    pub id: Option<Arc<str>>,
    pub inputs: Fields,
}

type Holds = Result<(), String>;

impl Scene<'_> {
    fn recorded(&self) -> impl Iterator<Item = (&Address, &Recorded)> {
        let retired = self.state.retired.values().map(|retired| (&retired.address, &retired.recorded));
        self.state.resources.iter().chain(retired)
    }

    fn object(&self, recorded: &Recorded) -> Option<&Object> {
        self.objects.iter().find(|object| object.kind == recorded.kind && object.id == recorded.id)
    }

    fn is_let_go(&self, object: &Object) -> bool {
        self.let_go.contains(&(object.kind.to_string(), object.id.to_string()))
    }
}

/// Each thing is recorded, or named by an operation that began and whose recovery will find it. Holds
/// at every moment, also right after a kill.
pub fn no_orphan(scene: &Scene) -> Holds {
    let ids: BTreeSet<(&str, &str)> = scene.recorded().map(|(_, one)| (&*one.kind, &*one.id)).collect();
    let tokens: BTreeSet<&str> = scene.state.unfinished.values().map(|began| &*began.token).collect();
    for object in scene.objects {
        let known = ids.contains(&(&object.kind, &object.id)) || tokens.contains(&*object.owner.token);
        if !known && !scene.is_let_go(object) {
            return Err(format!("no orphan: {} of `{}` is in no record", object.id, object.owner.address));
        }
    }
    Ok(())
}

/// No operation made two things, no two resources are one thing, and there are no more things than
/// resources. Holds when nothing is unfinished.
pub fn no_duplicate(scene: &Scene) -> Holds {
    let mut ids: BTreeMap<(&str, &str), &Address> = BTreeMap::new();
    for (address, recorded) in scene.recorded() {
        if let Some(other) = ids.insert((&recorded.kind, &recorded.id), address) {
            return Err(format!("no duplicate: `{other}` and `{address}` are both {}", recorded.id));
        }
    }
    let mut tokens: BTreeMap<&str, &Object> = BTreeMap::new();
    for object in scene.objects {
        if let Some(other) = tokens.insert(&object.owner.token, object) {
            return Err(format!("no duplicate: one operation made {} and {}", other.id, object.id));
        }
    }
    let ours = scene.objects.iter().filter(|object| !scene.is_let_go(object)).count();
    let recorded = scene.recorded().count();
    if ours > recorded {
        return Err(format!("no duplicate: {ours} things for {recorded} that are recorded"));
    }
    Ok(())
}

/// Whatever is recorded is there.
pub fn no_phantom(scene: &Scene) -> Holds {
    match scene.recorded().find(|(_, recorded)| scene.object(recorded).is_none()) {
        Some((address, recorded)) => {
            Err(format!("no phantom: `{address}` is recorded as {}, which is not there", recorded.id))
        }
        None => Ok(()),
    }
}

/// What is recorded of a live thing is what the cloud was told last.
pub fn no_lost_update(scene: &Scene) -> Holds {
    for (address, recorded) in scene.recorded().filter(|(_, recorded)| recorded.status == Status::Live) {
        let Some(object) = scene.object(recorded) else { continue };
        let (one, two) = (&recorded.inputs, &object.inputs);
        if one != two {
            return Err(format!("no lost update: `{address}` is recorded as {one:?}, and {} is {two:?}", object.id));
        }
    }
    Ok(())
}

/// Nothing is called whose beginning is not durable. Without it there would be orphans.
pub fn announced(call: &Call, durable: &State) -> Holds {
    let mut open = durable.unfinished.values().filter(|began| began.address == call.address);
    let announced = open.any(|began| match call.verb {
        Verb::Create => began.verb == Verb::Create && Some(&began.token) == call.token.as_ref(),
        // What a create left half done is completed by an update.
        Verb::Update => matches!(began.verb, Verb::Create | Verb::Update),
        Verb::Delete => began.verb == Verb::Delete && Some(&began.request.id) == call.id.as_ref(),
        Verb::Check => true,
    });
    let what = || format!("no orphan: a {:?} of `{}` left before its beginning was durable", call.verb, call.address);
    if announced { Ok(()) } else { Err(what()) }
}

/// Nothing is made or changed before what it needs is there and ready, and nothing is deleted that
/// something else still holds. Judged at the moment of the call.
pub fn no_skipped_dependency(call: &Call, durable: &State, objects: &[Object], graph: &ResourceGraph) -> Holds {
    let broken = |what: String| Err(format!("no skipped dependency: {:?} of `{}`: {what}", call.verb, call.address));
    match call.verb {
        Verb::Create | Verb::Update => {
            for needed in graph.needs(&call.address) {
                let recorded = match durable.resources.get(needed) {
                    Some(recorded) if recorded.status == Status::Live => recorded,
                    Some(recorded) => return broken(format!("it needs `{needed}`, which is {:?}", recorded.status)),
                    None => return broken(format!("it needs `{needed}`, which is not recorded")),
                };
                // One that it has replaced may be on its way out.
                let at_work = |began: &Began| began.verb != Verb::Delete || began.request.id == recorded.id;
                if durable.unfinished.values().any(|began| began.address == *needed && at_work(began)) {
                    return broken(format!("it needs `{needed}`, which is being changed"));
                }
            }
            for id in references(&call.inputs) {
                if !objects.iter().any(|object| object.id == id) {
                    return broken(format!("it refers to {id}, which is not there"));
                }
            }
            Ok(())
        }
        Verb::Delete => {
            let held = |object: &&Object| {
                references(&object.inputs).iter().any(|id| Some(id) == call.id.as_ref())
                    && Some(&object.id) != call.id.as_ref()
            };
            if let Some(object) = objects.iter().find(held) {
                return broken(format!("{} of `{}` refers to it", object.id, object.owner.address));
            }
            let needing = durable.resources.iter().find(|(address, recorded)| {
                recorded.dependencies.contains(&call.address)
                    && graph.get(address).is_none()
                    && graph.get(&call.address).is_none()
            });
            match needing {
                Some((address, _)) => broken(format!("`{address}` needs it, and goes too")),
                None => Ok(()),
            }
        }
        Verb::Check => Ok(()),
    }
}

/// No bytes hold a secret, plain or in one of the forms in which texts travel.
pub fn no_secret_written(secret: &str, bytes: &[u8], place: &str) -> Holds {
    let text = String::from_utf8_lossy(bytes);
    for (form, written) in forms(secret) {
        if text.contains(&written) {
            return Err(format!("no secret written: {place} holds it, {form}"));
        }
    }
    Ok(())
}

/// A secret as it is, and as base64, percent-encoding, hexadecimal and JSON write it. Base64 begins at
/// any of three places of its text, of which the whole groups inside count.
pub fn forms(secret: &str) -> Vec<(&'static str, String)> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let bytes = secret.as_bytes();
    let mut forms = vec![("plain", secret.to_string())];
    for from in 0..3.min(bytes.len()) {
        let whole = &bytes[from..from + (bytes.len() - from) / 3 * 3];
        forms.push(("as base64", STANDARD_NO_PAD.encode(whole)));
        forms.push(("as base64 for addresses", URL_SAFE_NO_PAD.encode(whole)));
    }
    let percent = |keep: &dyn Fn(u8) -> bool| -> String {
        let one = |byte: &u8| if keep(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
        bytes.iter().map(one).collect()
    };
    forms.push(("percent-encoded", percent(&|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))));
    forms.push(("percent-encoded", percent(&|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte))));
    forms.push(("in hexadecimal", bytes.iter().map(|byte| format!("{byte:02x}")).collect()));
    forms.push(("as JSON", serde_json::to_string(secret).unwrap().trim_matches('"').to_string()));
    forms.sort();
    forms.dedup();
    forms
}

/// The ids that values refer to, but for what was never made here.
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
