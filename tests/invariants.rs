//! What must hold whatever happens, each under its name, as a check that says what is wrong; and for
//! each check a scene in which it fails, so that it is known to be one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tadpole::graph::ResourceGraph;
use tadpole::model::action::{Action, List, Verb};
use tadpole::name::Address;
use tadpole::sandbox::Object;
use tadpole::state::{Began, Course, Operation, Recorded, State, Status};
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
    pub operation: Operation,
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

/// Each thing is recorded, or named by an operation that began and whose recovery will find it, or by one that was
/// looked for and not found, and may have arrived since. Holds at every moment, also right after a kill.
pub fn no_orphan(scene: &Scene) -> Holds {
    let ids: BTreeSet<(&str, &str)> = scene.recorded().map(|(_, one)| (&*one.kind, &*one.id)).collect();
    let unfinished = scene.state.unfinished.values().map(|began| &*began.token);
    // The next create of the address has the same token, and meets it.
    let late = scene.state.late.values().map(|late| &*late.token);
    let tokens: BTreeSet<&str> = unfinished.chain(late).collect();
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
    let announced = open.any(|began| match call.operation {
        Operation::Create => began.operation == Operation::Create && Some(&began.token) == call.token.as_ref(),
        // What a create left half done is completed by an update.
        Operation::Update => matches!(began.operation, Operation::Create | Operation::Update),
        Operation::Delete => began.operation == Operation::Delete && Some(&began.request.id) == call.id.as_ref(),
    });
    let what =
        || format!("no orphan: a {:?} of `{}` left before its beginning was durable", call.operation, call.address);
    if announced { Ok(()) } else { Err(what()) }
}

/// Nothing is deleted before all that its list has before that is recorded as done.
pub fn no_early_delete(call: &Call, durable: &State) -> Holds {
    if call.operation != Operation::Delete {
        return Ok(());
    }
    let mut open = durable.unfinished.values().filter(|began| Some(&began.request.id) == call.id.as_ref());
    let Some(Began { request, .. }) = open.find(|began| began.operation == Operation::Delete) else { return Ok(()) };
    let before = request.lifecycle.terminate.iter().filter(|action| action.verb != Verb::Delete).count();
    let done = request.course.as_ref().and_then(|course| course.lists.get(&List::Terminate));
    match done.map_or(0, |done| done.sums.len()) {
        done if done == before => Ok(()),
        done => Err(format!("no early delete: of `{}`, {done} of {before} actions before it are done", call.address)),
    }
}

/// What is live is not in the middle of any list.
pub fn no_open_list(scene: &Scene) -> Holds {
    match scene.recorded().find(|(_, recorded)| recorded.status != Status::Incomplete && recorded.course.is_some()) {
        Some((address, recorded)) => Err(format!("no open list: `{address}` is at {:?}", recorded.course)),
        None => Ok(()),
    }
}

/// Nothing is made or changed before what it needs is there and ready, and nothing is deleted that
/// something else still holds. Judged at the moment of the call.
pub fn no_skipped_dependency(call: &Call, durable: &State, objects: &[Object], graph: &ResourceGraph) -> Holds {
    let broken =
        |what: String| Err(format!("no skipped dependency: {:?} of `{}`: {what}", call.operation, call.address));
    match call.operation {
        Operation::Create | Operation::Update => {
            for needed in graph.needs(&call.address) {
                let recorded = match durable.resources.get(needed) {
                    Some(recorded) if recorded.status == Status::Live => recorded,
                    Some(recorded) => return broken(format!("it needs `{needed}`, which is {:?}", recorded.status)),
                    None => return broken(format!("it needs `{needed}`, which is not recorded")),
                };
                // One that it has replaced may be on its way out.
                let at_work = |began: &Began| began.operation != Operation::Delete || began.request.id == recorded.id;
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
        Operation::Delete => {
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
    }
}

/// Nobody writes any more after somebody with a higher epoch did. `writes` are the epochs under which an
/// environment was written, in their order.
pub fn no_old_epoch(writes: &[u64]) -> Holds {
    match writes.windows(2).find(|two| two[1] < two[0]) {
        Some(two) => Err(format!("no write by an old epoch: epoch {} wrote after epoch {}", two[1], two[0])),
        None => Ok(()),
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
    let json = serde_json::to_string(secret).unwrap();
    forms.push(("as JSON", json[1..json.len() - 1].to_string()));
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

/// A program with a thing that needs another, applied; to be spoilt.
struct Spoilt {
    graph: ResourceGraph,
    state: State,
    objects: Vec<Object>,
    let_go: BTreeSet<(String, String)>,
}

impl Spoilt {
    fn new() -> Spoilt {
        let graph = crate::world::graph(
            r#"
            Net extends Resource { kind "test.Net"; name: String, identity; size: Int = 1; }
            Host extends Resource { kind "test.Host"; net: Net; size: Int = 1; }
            net extends Net { name "net"; }
            host extends Host { net net; }
            "#,
        );
        let world = crate::world::World::new();
        world.apply(&graph);
        let good = Spoilt { graph, state: world.state(), objects: world.objects(), let_go: BTreeSet::new() };
        assert_eq!(good.objects.len(), 2);
        for check in [no_orphan, no_duplicate, no_phantom, no_lost_update] {
            check(&good.scene()).unwrap();
        }
        good
    }

    fn scene(&self) -> Scene<'_> {
        Scene { state: &self.state, objects: &self.objects, let_go: &self.let_go }
    }

    fn recorded(&mut self, address: &str) -> &mut Recorded {
        self.state.resources.get_mut(&address.parse::<Address>().unwrap()).unwrap()
    }

    fn object(&mut self, kind: &str) -> &mut Object {
        self.objects.iter_mut().find(|object| &*object.kind == kind).unwrap()
    }

    /// An operation that began on a component, and its call.
    fn begin(&mut self, operation: Operation, address: &str) -> Call {
        let recorded = self.recorded(address).clone();
        let address: Address = address.parse().unwrap();
        let (id, inputs) = (recorded.id.clone(), recorded.inputs.clone());
        let request = if operation == Operation::Create { Recorded { id: "".into(), ..recorded } } else { recorded };
        let began = Began { address: address.clone(), operation, token: "the-token".into(), request, at: "now".into() };
        self.state.unfinished.insert(100, began);
        match operation {
            Operation::Create => Call { operation, address, token: Some("the-token".into()), id: None, inputs },
            Operation::Update | Operation::Delete => Call { operation, address, token: None, id: Some(id), inputs },
        }
    }

    fn skipped(&self, call: &Call) -> Holds {
        no_skipped_dependency(call, &self.state, &self.objects, &self.graph)
    }
}

#[track_caller]
fn fails(result: Holds, name: &str) {
    let what = result.expect_err("the check passes what is wrong");
    assert!(what.starts_with(name), "{what}");
}

#[test]
fn an_orphan_is_seen() {
    let mut scene = Spoilt::new();
    let (address, recorded) = scene.state.resources.pop_first().unwrap();
    fails(no_orphan(&scene.scene()), "no orphan");
    // Left standing, it is nobody's.
    let key = (recorded.kind.to_string(), recorded.id.to_string());
    scene.let_go.insert(key);
    no_orphan(&scene.scene()).unwrap();
    scene.let_go.clear();
    // Named by its operation, it will be found.
    let token = scene.objects.iter().find(|object| object.id == recorded.id).unwrap().owner.token.clone();
    let began = Began { address, operation: Operation::Create, token, request: recorded, at: "now".into() };
    scene.state.unfinished.insert(100, began);
    no_orphan(&scene.scene()).unwrap();
}

#[test]
fn a_duplicate_is_seen() {
    let mut scene = Spoilt::new();
    let twin = Object { id: "another".into(), ..scene.object("test.Host").clone() };
    scene.objects.push(twin.clone());
    fails(no_duplicate(&scene.scene()), "no duplicate: one operation made");
    scene.objects.pop();
    let mut owner = twin.owner.clone();
    owner.token = "of-another-operation".into();
    scene.objects.push(Object { owner, ..twin });
    fails(no_duplicate(&scene.scene()), "no duplicate: 3 things for 2");
    scene.objects.pop();
    let recorded = scene.recorded("host").clone();
    scene.state.resources.insert("twin".parse().unwrap(), recorded);
    fails(no_duplicate(&scene.scene()), "no duplicate: `host` and `twin` are both");
}

#[test]
fn a_phantom_is_seen() {
    let mut scene = Spoilt::new();
    scene.objects.retain(|object| &*object.kind != "test.Host");
    fails(no_phantom(&scene.scene()), "no phantom: `host`");
}

#[test]
fn a_lost_update_is_seen() {
    let mut scene = Spoilt::new();
    scene.object("test.Host").inputs.insert("size".into(), Value::Int(2));
    fails(no_lost_update(&scene.scene()), "no lost update: `host`");
    // Of what is known to be half done nothing is claimed.
    scene.recorded("host").status = Status::Incomplete;
    no_lost_update(&scene.scene()).unwrap();
}

#[test]
fn a_call_out_of_the_blue_is_seen() {
    for operation in [Operation::Create, Operation::Update, Operation::Delete] {
        let mut scene = Spoilt::new();
        let call = scene.begin(operation, "host");
        announced(&call, &scene.state).unwrap();
        scene.state.unfinished.clear();
        fails(announced(&call, &scene.state), "no orphan");
    }
    let mut scene = Spoilt::new();
    let call = scene.begin(Operation::Create, "host");
    fails(announced(&Call { token: Some("another".into()), ..call }, &scene.state), "no orphan");
    let mut scene = Spoilt::new();
    let call = scene.begin(Operation::Delete, "host");
    fails(announced(&Call { id: Some("another".into()), ..call }, &scene.state), "no orphan");
}

#[test]
fn an_early_delete_is_seen() {
    let mut scene = Spoilt::new();
    let call = scene.begin(Operation::Delete, "host");
    no_early_delete(&call, &scene.state).unwrap();
    let began = scene.state.unfinished.get_mut(&100).unwrap();
    began.request.lifecycle.terminate.insert(0, Action::plain(Verb::Act));
    fails(no_early_delete(&call, &scene.state), "no early delete");
    let mut course = Course::default();
    course.begin(List::Terminate, 7);
    course.note(List::Terminate, 0, "its-sum".into());
    scene.state.unfinished.get_mut(&100).unwrap().request.course = Some(course);
    no_early_delete(&call, &scene.state).unwrap();
}

#[test]
fn an_open_list_is_seen() {
    let mut scene = Spoilt::new();
    scene.recorded("host").course = Some(Course::default());
    fails(no_open_list(&scene.scene()), "no open list");
    scene.recorded("host").status = Status::Incomplete;
    no_open_list(&scene.scene()).unwrap();
}

#[test]
fn a_skipped_dependency_is_seen() {
    for operation in [Operation::Create, Operation::Update] {
        let mut scene = Spoilt::new();
        let call = scene.begin(operation, "host");
        scene.skipped(&call).unwrap();
        scene.recorded("net").status = Status::Incomplete;
        fails(scene.skipped(&call), "no skipped dependency");
        scene.recorded("net").status = Status::Live;
        scene.begin(Operation::Update, "net");
        fails(scene.skipped(&call), "no skipped dependency");
        scene.state.unfinished.clear();
        scene.objects.retain(|object| &*object.kind != "test.Net");
        fails(scene.skipped(&call), "no skipped dependency");
        scene.state.resources.remove(&"net".parse::<Address>().unwrap());
        fails(scene.skipped(&call), "no skipped dependency");
    }
    let mut scene = Spoilt::new();
    let call = scene.begin(Operation::Delete, "net");
    fails(scene.skipped(&call), "no skipped dependency");
    // Nothing refers to it any more, but what needs it is to go first.
    scene.objects.retain(|object| &*object.kind != "test.Host");
    scene.graph = ResourceGraph::empty(None);
    fails(scene.skipped(&call), "no skipped dependency");
    scene.state.resources.remove(&"host".parse::<Address>().unwrap());
    scene.skipped(&call).unwrap();
}

#[test]
fn a_write_by_an_old_epoch_is_seen() {
    no_old_epoch(&[1, 1, 3]).unwrap();
    fails(no_old_epoch(&[1, 3, 2]), "no write by an old epoch");
}

#[test]
fn a_written_secret_is_seen_in_every_form() {
    let secret = "hunter/2+\"two\" and more";
    for (form, text) in forms(secret) {
        let bytes = format!("before {text} behind").into_bytes();
        fails(no_secret_written(secret, &bytes, "a file"), "no secret written");
        assert!(!form.is_empty());
    }
    // Inside of something larger, base64 begins anywhere.
    use base64::Engine as _;
    for before in ["", "a", "ab", "abc"] {
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{before}{secret}!"));
        fails(no_secret_written(secret, text.as_bytes(), "a file"), "no secret written");
    }
    no_secret_written(secret, b"hunter", "a file").unwrap();
}
