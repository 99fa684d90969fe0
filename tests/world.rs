//! A program, a directory and a sandbox, without a process: what tests of plan, apply and recovery
//! stand on.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tadpole::apply::foresee::foresee;
use tadpole::apply::limit::Calls;
use tadpole::apply::provider::{
    Deed, Fault, FaultKind, Leaving, Made, Obstacle, Owned, Patience, Place, Progress, Provider, Reading, Seek, Want,
};
use tadpole::apply::recover::recover;
use tadpole::apply::refresh::{look_up, refresh};
use tadpole::apply::rollback::roll_back;
use tadpole::apply::{Outcome, Stop, execute, record};
use tadpole::cli::ui::{self, Look};
use tadpole::compile::{Inputs, compile};
use tadpole::diagnostic::{Diagnostic, Report};
use tadpole::graph::ResourceGraph;
use tadpole::plan::{self, Plan, Purpose, Request, document, text};
use tadpole::resolve::load::{Loader, Sum};
use tadpole::sandbox::{Object, Sandbox, Schemas};
use tadpole::source::Sources;
use tadpole::state::State;
use tadpole::state::lease::Holder;
use tadpole::state::ledger::Ledger;
use tadpole::state::record::Record;
use tadpole::state::store::{self, LocalStore, Store, StoreFault};
use tadpole::state::tenure::Tenure;
use tadpole::value::{Fields, SealingKey, Value};

pub const LOOK: Look = Look { colour: false, width: 100, live: false, full: false };

/// Files by name; the program is all of those directly in the root.
pub struct Files(pub BTreeMap<PathBuf, String>);

impl Files {
    pub fn main(text: &str) -> Files {
        Files(BTreeMap::from([(PathBuf::from("main.cloud"), text.to_string())]))
    }

    /// The files of a text in which a line `//@ file NAME` begins another one.
    pub fn written(text: &str) -> Files {
        let mut files = Files::main("");
        let mut name = PathBuf::from("main.cloud");
        let mut current = String::new();
        for line in text.lines() {
            if let Some(next) = line.strip_prefix("//@ file ") {
                files.0.insert(std::mem::replace(&mut name, next.into()), std::mem::take(&mut current));
            } else {
                current.push_str(line);
                current.push('\n');
            }
        }
        files.0.insert(name, current);
        files
    }
}

impl Loader for Files {
    fn program(&self, directory: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
        let is_program = |path: &&PathBuf| {
            path.parent() == Some(directory) && path.extension().is_some_and(|extension| extension == "cloud")
        };
        Ok(self.0.keys().filter(is_program).cloned().collect())
    }

    fn read(&self, path: &Path) -> Result<String, Diagnostic> {
        let missing = || Diagnostic::error("cloud::file::missing", format!("there is no file `{}`", path.display()));
        self.0.get(path).cloned().ok_or_else(missing)
    }

    fn folder(&self, path: &Path) -> Result<BTreeMap<String, Sum>, Diagnostic> {
        let below = self.0.iter().filter_map(|(file, text)| Some((file.strip_prefix(path).ok()?, text)));
        let files: BTreeMap<String, Sum> =
            below.map(|(file, text)| (file.display().to_string(), Sum::of(text.as_bytes()))).collect();
        let missing = || Diagnostic::error("cloud::file::missing", format!("there is no `{}`", path.display()));
        if files.is_empty() { Err(missing()) } else { Ok(files) }
    }

    /// A "file" `outputs:PROGRAM:ENVIRONMENT` is a record, as JSON.
    fn outputs(&self, program: &Path, environment: &str) -> Result<Option<Fields>, Diagnostic> {
        let text = self.0.get(Path::new(&format!("outputs:{}:{environment}", program.display())));
        let fields = text.map(|text| serde_json::from_str(text)).transpose();
        fields.map_err(|error| Diagnostic::error("cloud::upstream::unreadable", format!("no record: {error}")))
    }

    /// A "file" `env:NAME` is a variable.
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(Path::new(&format!("env:{name}"))).map(|text| text.trim_end().to_string())
    }
}

/// Params that a text gives with lines `//@ set NAME=VALUE`.
pub fn given(text: &str) -> Vec<(&str, &str)> {
    text.lines().filter_map(|line| line.strip_prefix("//@ set ")?.split_once('=')).collect()
}

/// The graph of a program, if it has one, and all that there is to say of it.
pub fn examined(files: &Files, params: &[(&str, &str)]) -> (Option<ResourceGraph>, Sources, Report) {
    let mut sources = Sources::default();
    let mut report = Report::default();
    let params = params.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let files_of_values = files.0.keys().filter(|path| path.extension().is_some_and(|e| e == "cloudvars"));
    let inputs = Inputs { params, files: files_of_values.cloned().collect(), ..Inputs::of(Path::new("")) };
    let graph = compile(&inputs, files, &mut sources, &mut report);
    assert_eq!(graph.is_none(), report.has_errors(), "a graph and errors exclude each other");
    sources.hide(report.secrets());
    (graph, sources, report)
}

/// The graph of a program, if it has one, and everything that was said of it.
pub fn compiled(files: &Files, params: &[(&str, &str)]) -> (Option<ResourceGraph>, String) {
    let (graph, sources, report) = examined(files, params);
    (graph, ui::render(&report, &sources, LOOK))
}

/// Without the numbers of the library's lines, which move with every line of its documentation.
/// Time that this thread has spent on a processor: what else the machine does is not in it.
pub fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// Looks until this is so, and fails when it never becomes so.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(300);
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub fn steady(said: &str) -> String {
    regex::Regex::new(r"(stdlib/[a-z0-9/]+\.cloud):\d+(:\d+)?").unwrap().replace_all(said, "$1").into_owned()
}

pub fn graph(text: &str) -> ResourceGraph {
    let (graph, said) = compiled(&Files::main(text), &[]);
    graph.unwrap_or_else(|| panic!("the program has errors:\n{said}"))
}

/// How a store dies.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Death {
    /// Before the batch is written.
    Before,
    /// When it is durable, and nobody knows yet.
    After,
    /// In the middle of its last line.
    Torn,
}

/// A store whose process is killed at one batch of records.
struct Mortal {
    store: LocalStore,
    left: usize,
    death: Death,
}

impl Mortal {
    fn killed() -> StoreFault {
        StoreFault::Io { path: "journal".into(), doing: "write", error: std::io::Error::other("killed") }
    }
}

impl Store for Mortal {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreFault> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                self.store.append(records)
            }
            None => {
                if self.death != Death::Before {
                    self.store.append(records)?;
                }
                if self.death == Death::Torn {
                    let file = std::fs::OpenOptions::new().write(true).open(self.store.journal()).unwrap();
                    file.set_len(file.metadata().unwrap().len() - 7).unwrap();
                }
                Err(Mortal::killed())
            }
        }
    }

    fn compact(&mut self, state: &State) -> Result<(), StoreFault> {
        if self.left == 0 { Err(Mortal::killed()) } else { self.store.compact(state) }
    }

    fn tenure(&self) -> Tenure {
        self.store.tenure()
    }
}

/// Loses the answer of one call that was carried out.
struct Lossy {
    sandbox: Sandbox,
    left: Arc<AtomicUsize>,
    deeds: Arc<Deeds>,
}

/// Actions of the cloud, which the sandbox has none of.
#[derive(Default)]
pub struct Deeds {
    /// The `word` of each that is refused.
    pub refused: Mutex<BTreeSet<String>>,
    /// Each that came, with the component that it came for.
    pub came: Mutex<Vec<String>>,
}

impl Lossy {
    fn answer<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        let was = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.wrapping_sub(1)));
        match was {
            Ok(0) => Err(Fault::new(FaultKind::Unknown, "no answer came")),
            _ => result,
        }
    }
}

#[async_trait]
impl Provider for Lossy {
    fn cloud(&self) -> &'static str {
        "sandbox"
    }
    fn patience(&self, kind: &str) -> Patience {
        self.sandbox.patience(kind)
    }
    async fn create(&self, want: &Want) -> Result<Made, Fault> {
        self.answer(self.sandbox.create(want).await)
    }
    async fn find(&self, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        self.answer(self.sandbox.find(want, seek).await)
    }
    async fn read(&self, place: &Place) -> Result<Reading, Fault> {
        self.answer(self.sandbox.read(place).await)
    }
    async fn update(&self, place: &Place, old: Option<&Fields>, want: &Want) -> Result<Progress, Fault> {
        self.answer(self.sandbox.update(place, old, want).await)
    }
    async fn act(&self, place: &Place, deed: &Deed) -> Result<Progress, Fault> {
        let word = deed.settings.get("word").and_then(Value::as_str).unwrap_or_default();
        self.deeds.came.lock().unwrap().push(format!("{} {word}", place.address));
        if self.deeds.refused.lock().unwrap().contains(word) {
            return self.answer(Err(Fault::new(FaultKind::Refused, format!("the cloud does not do `{word}`"))));
        }
        self.answer(self.sandbox.act(place, deed).await)
    }
    async fn owned(&self, lineage: &str, known: &[Place]) -> Result<Option<Vec<Owned>>, Fault> {
        self.sandbox.owned(lineage, known).await
    }
    async fn obstacles(&self, leaving: &[Leaving]) -> Vec<Result<Vec<Obstacle>, Fault>> {
        self.sandbox.obstacles(leaving).await
    }
    fn answers(&self, kind: &str) -> bool {
        self.sandbox.answers(kind)
    }
    async fn delete(&self, place: &Place) -> Result<Progress, Fault> {
        self.answer(self.sandbox.delete(place).await)
    }
}

/// One environment in a directory of its own.
pub struct World {
    directory: tempfile::TempDir,
    /// The call whose answer is lost, counted over all runs.
    lost: Arc<AtomicUsize>,
    pub deeds: Arc<Deeds>,
}

/// What one run came to.
pub struct Run {
    pub plan: Plan,
    pub outcome: Outcome,
}

impl World {
    pub fn new() -> World {
        World {
            directory: tempfile::tempdir().unwrap(),
            lost: Arc::new(AtomicUsize::new(usize::MAX)),
            deeds: Arc::default(),
        }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The answer of the call after `calls` others will be lost.
    pub fn lose_answer(&self, calls: usize) {
        self.lost.store(calls, Ordering::SeqCst);
    }

    /// Whether the answer that should be lost was.
    pub fn lost_one(&self) -> bool {
        self.lost.load(Ordering::SeqCst) > usize::MAX / 2
    }

    pub fn sandbox(&self, graph: &ResourceGraph) -> Sandbox {
        let schemas: Schemas =
            graph.in_order().map(|resource| (resource.schema.kind.clone(), resource.schema.clone())).collect();
        Sandbox::open(&self.path().join("sandbox.jsonl"), schemas).unwrap()
    }

    pub fn objects(&self) -> Vec<Object> {
        self.sandbox(&ResourceGraph::empty(None)).objects()
    }

    /// Somebody else sets an attribute of the thing that a component made.
    pub fn meddle(&self, graph: &ResourceGraph, address: &str, name: &str, value: Value) {
        let object = self.object(address);
        let mut inputs = object.inputs.clone();
        inputs.insert(name.into(), value);
        let want = Want { kind: object.kind.clone(), inputs, samples: Fields::new(), owner: object.owner.clone() };
        self.on_runtime(self.sandbox(graph).update(&place(&object), None, &want)).unwrap();
    }

    /// The cloud itself gives a thing another computed attribute.
    pub fn refill(&self, address: &str, name: &str, value: Value) {
        let mut object = self.object(address);
        object.outputs.insert(name.into(), value);
        let line = serde_json::json!({ "put": object });
        let mut file = std::fs::OpenOptions::new().append(true).open(self.path().join("sandbox.jsonl")).unwrap();
        writeln!(file, "{line}").unwrap();
    }

    /// Somebody else deletes the thing that a component made.
    pub fn take_away(&self, graph: &ResourceGraph, address: &str) {
        self.on_runtime(self.sandbox(graph).delete(&place(&self.object(address)))).unwrap();
    }

    fn object(&self, address: &str) -> Object {
        let mut objects = self.objects().into_iter();
        objects.find(|object| object.owner.address.to_string() == address).expect("there is such a thing")
    }

    fn on_runtime<T>(&self, future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    pub fn state(&self) -> State {
        store::peek(self.path()).unwrap().expect("something is recorded")
    }

    pub fn key(&self) -> SealingKey {
        store::sealing_key(self.path()).unwrap().unwrap_or_else(|| {
            let key = SealingKey::random();
            store::keep_key(self.path(), &key).unwrap();
            key
        })
    }

    pub fn holder() -> Holder {
        Holder { user: None, host: "test".into(), command: "test".into(), length: tadpole::state::lease::LENGTH }
    }

    /// One whole run of apply, killed at the given batch of records if any.
    pub fn run(&self, graph: &ResourceGraph, kill: Option<(usize, Death)>) -> Result<Run, StoreFault> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(self.run_on(graph, kill, request()))
    }

    /// A run of a plan that is about something in particular.
    pub fn run_as(&self, graph: &ResourceGraph, request: Request) -> Run {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(self.run_on(graph, None, request)).unwrap()
    }

    /// The same, killed at a batch of records.
    pub fn run_killed(&self, graph: &ResourceGraph, kill: (usize, Death), request: Request) -> Run {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(self.run_on(graph, Some(kill), request)).unwrap()
    }

    /// Takes down what a run of this plan made.
    pub fn roll_back(&self, graph: &ResourceGraph, plan: &Plan) -> Run {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut ledger, calls) = self.open(graph, None).await.unwrap();
            let plan = plan::rollback(plan, ledger.state());
            let (_sender, stop) = tokio::sync::watch::channel(Stop::No);
            let outcome = roll_back(&plan, graph, &mut ledger, &self.key(), &calls, stop).await;
            Run { plan, outcome }
        })
    }

    /// The environment, taken for writing.
    async fn open(&self, graph: &ResourceGraph, kill: Option<(usize, Death)>) -> Result<(Ledger, Calls), StoreFault> {
        let (store, replayed) = LocalStore::open(self.path(), &World::holder())?;
        let mut store = store;
        let (state, records) = match replayed {
            Some(replayed) => (replayed.state, replayed.records),
            None => {
                // The very first snapshot is not what these tests kill.
                let state = State::new("test-lineage".into(), "sandbox".into());
                store.compact(&state)?;
                (state, 0)
            }
        };
        let store: Box<dyn Store> = match kill {
            None => Box::new(store),
            Some((left, death)) => Box::new(Mortal { store, left, death }),
        };
        let ledger = Ledger::new(state, store, records);
        let (events, _ignored) = tokio::sync::mpsc::unbounded_channel();
        let provider = Lossy { sandbox: self.sandbox(graph), left: self.lost.clone(), deeds: self.deeds.clone() };
        let calls = Calls::new(Arc::new(provider), events).under(ledger.tenure());
        Ok((ledger, calls))
    }

    /// A plan that nobody carries out.
    pub fn plan(&self, graph: &ResourceGraph) -> Plan {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut plan = runtime.block_on(self.run_until(graph, None, request(), Stop::Soon)).unwrap().plan;
        plan.made.records = document::records(&self.state());
        plan
    }

    async fn run_on(
        &self,
        graph: &ResourceGraph,
        kill: Option<(usize, Death)>,
        request: Request,
    ) -> Result<Run, StoreFault> {
        self.run_until(graph, kill, request, Stop::No).await
    }

    async fn run_until(
        &self,
        graph: &ResourceGraph,
        kill: Option<(usize, Death)>,
        request: Request,
        until: Stop,
    ) -> Result<Run, StoreFault> {
        let (mut ledger, calls) = self.open(graph, kill).await?;
        recover(&mut ledger, &calls).await.map_err(|fault| match fault {
            tadpole::apply::recover::RecoveryFault::Store(fault) => fault,
            tadpole::apply::recover::RecoveryFault::Cloud(address, fault) => panic!("{address}: {fault}"),
        })?;
        let moved = plan::moves(graph, ledger.state());
        let refreshed = match request.refresh {
            true => refresh(&moved.state, graph, &calls).await,
            false => look_up(&moved.state, graph, &calls).await,
        };
        let mut refreshed = refreshed.unwrap_or_else(|faults| panic!("{faults:?}"));
        if request.persistent {
            let owned = calls.owned(&moved.state, Vec::new()).await.unwrap().unwrap();
            refreshed.owned = owned.into_iter().map(|one| (one.kind, one.id)).collect();
        }
        if request.purpose == Purpose::Refresh {
            let plan = plan::found(ledger.state(), &refreshed, graph, request);
            record(&plan, &mut ledger)?;
            return Ok(Run { plan, outcome: Outcome::default() });
        }
        let mut report = Report::default();
        report.extend(request.scope.problems(graph, &moved.state));
        let asks = request.refresh;
        let mut plan = plan::diff(graph, &moved, &refreshed, &self.key(), request, &mut report);
        if asks {
            let foreseen = foresee(&plan, &moved.state, &calls).await;
            assert!(foreseen.faults.is_empty(), "{:?}", foreseen.faults);
            plan.obstruct(foreseen.obstacles);
        }
        assert!(!report.has_errors(), "{}", ui::render(&report, &Sources::default(), LOOK));
        if until != Stop::No {
            return Ok(Run { plan, outcome: Outcome::default() });
        }
        let (_sender, stop) = tokio::sync::watch::channel(Stop::No);
        let outcome = execute(&plan, graph, &refreshed, &mut ledger, &self.key(), &calls, stop).await;
        Ok(Run { plan, outcome })
    }

    /// A run that must come to a good end.
    pub fn apply(&self, graph: &ResourceGraph) -> Run {
        let run = self.run(graph, None).unwrap();
        assert!(run.outcome.failed.is_empty(), "{:?}", run.outcome.failed);
        assert!(run.outcome.store.is_none(), "{:?}", run.outcome.store);
        run
    }
}

/// All files below a directory.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { files_below(&path) } else { vec![path] };
    let mut files: Vec<PathBuf> = entries.flat_map(below).collect();
    files.sort();
    files
}

/// All of a program.
pub fn request() -> Request {
    Request::from(("test".into(), "default".into()))
}

fn place(object: &Object) -> Place {
    Place {
        kind: object.kind.clone(),
        id: object.id.clone(),
        address: object.owner.address.clone(),
        inputs: object.inputs.clone(),
        outputs: object.outputs.clone(),
    }
}

/// A plan as it is shown.
pub fn shown(plan: &Plan) -> String {
    text::lines(plan, 100).into_iter().map(|(_, line)| format!("{line}\n")).collect()
}
