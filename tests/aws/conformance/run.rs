//! One fixture, carried out.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tadpole::apply::provider::{Fault, Health, Owned, Place, Progress, Provider, Reading, Seek};
use tadpole::graph::ResourceGraph;
use tadpole::name::Address;
use tadpole::plan::{Change, ChangeKind, Plan};
use tadpole::state::{Recorded, State, Status};
use tadpole::value::{Fields, reveal};
use tempfile::TempDir;

use super::super::beside;
use super::super::environment::{Environment, told};
use super::super::moto::Moto;
use super::super::proxy::Proxy;
use super::super::watched::Watched;
use super::fixture::{Fixture, Step};
use crate::world::shown;

/// Calls of a hundred that go wrong in bad weather.
const PERCENT: u8 = 12;
/// How often somebody tries again, when the weather was too bad.
const APPLIES: usize = 4;
/// How long states last that things pass through.
const SLOWNESS: Duration = Duration::from_millis(60);

type Outcome<T = ()> = Result<T, String>;

pub struct Run<'f> {
    fixture: &'f Fixture,
    /// What names of this run begin with.
    prefix: String,
    moto: &'static Moto,
    proxy: Arc<Proxy>,
    provider: Arc<Watched>,
    /// Where the fixture's files lie for what reads them from disk.
    _home: TempDir,
}

/// An environment, and what its things are named.
struct Stage {
    environment: Environment,
    name: String,
    /// How many there are when all is well.
    count: Option<i64>,
}

impl<'f> Run<'f> {
    pub fn new(fixture: &'f Fixture, prefix: &str) -> Run<'f> {
        let moto = Moto::shared();
        let proxy = Arc::new(Proxy::before(moto));
        proxy.slow(SLOWNESS);
        let home = tempfile::tempdir().unwrap();
        for (name, text) in &fixture.files {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let provider = Arc::new(Watched::new(beside(&proxy.endpoint, home.path()), proxy.clone()));
        Run { fixture, prefix: prefix.to_lowercase(), moto, proxy, provider, _home: home }
    }

    pub fn all(&self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcome = runtime.block_on(async {
            let count = self.story().await?;
            if self.fixture.is_lookup {
                return Ok(());
            }
            if !self.fixture.is_excused("lost") {
                self.lost(count).await.map_err(|error| format!("after a lost answer: {error}"))?;
            }
            if !self.fixture.is_excused("weather") {
                self.weathered(count).await.map_err(|error| format!("in bad weather: {error}"))?;
            }
            Ok(())
        });
        if std::env::var_os("TADPOLE_LOG").is_some() {
            self.proxy.log().iter().for_each(|line| eprintln!("{line}"));
        }
        outcome
    }

    fn stage(&self, letter: char) -> Stage {
        let name = format!("{}-{letter}", self.prefix);
        Stage { environment: Environment::new(&format!("lineage-{name}"), self.provider.clone()), name, count: None }
    }

    /// From its creation to its deletion, step by step. Answers how many there were.
    async fn story(&self) -> Outcome<Option<i64>> {
        let mut stage = self.stage('a');
        let mut graph = ResourceGraph::empty(None);
        for (at, step) in self.fixture.steps.iter().enumerate() {
            let word = match step {
                Step::Made(_) => "made",
                Step::Seen(_) => "seen",
                Step::Changed(..) => "changed",
                Step::Replaced(..) => "replaced",
                Step::Drift(..) => "drift",
                Step::Gone(_) => "gone",
            };
            let step = self.step(&mut stage, step, &mut graph).await;
            step.map_err(|error| format!("section {} (`{word}`): {error}", at + 1))?;
        }
        self.taken_down(&stage).await.map_err(|error| format!("when it is destroyed: {error}"))?;
        Ok(stage.count)
    }

    async fn step(&self, stage: &mut Stage, step: &Step, graph: &mut ResourceGraph) -> Outcome {
        match step {
            Step::Made(program) => {
                *graph = self.fixture.graph(program, &stage.name)?;
                stage.environment.apply(graph).await?;
                stage.count = self.count(stage).await?;
                if !self.fixture.is_lookup && stage.count.is_none_or(|count| count < 1) {
                    return Err(format!("`//@ there` counts {:?} of them", stage.count));
                }
                self.nothing_to_do(stage, graph).await?;
                if self.fixture.is_lookup {
                    return Ok(());
                }
                self.is_read(stage, graph).await?;
                self.is_found(stage).await?;
                self.is_owned(stage).await?;
                if !self.fixture.is_excused("again") {
                    self.set_again(stage).await.map_err(|error| format!("when all is set again: {error}"))?;
                    self.nothing_to_do(stage, graph).await?;
                }
                if !self.fixture.is_excused("import") {
                    self.import(stage, graph).await.map_err(|error| format!("when it is imported: {error}"))?;
                }
                Ok(())
            }
            Step::Seen(script) => {
                let told = self.ask(stage, script).await?;
                match told.result == told.expected {
                    true => Ok(()),
                    false => Err(format!("boto3 sees\n    {}\nand not\n    {}", told.result, told.expected)),
                }
            }
            Step::Changed(names, program) => {
                *graph = self.fixture.graph(program, &stage.name)?;
                let plan = stage.environment.apply(graph).await?;
                self.planned(&plan, ChangeKind::Update, names, false)?;
                match plan.changes.iter().find(|change| change.kind != ChangeKind::Update) {
                    Some(other) => Err(format!("`{}` is not updated:\n{}", other.address, shown(&plan))),
                    None => self.nothing_to_do(stage, graph).await,
                }
            }
            Step::Replaced(names, program) => {
                let before = self.recorded(stage)?.id;
                *graph = self.fixture.graph(program, &stage.name)?;
                let plan = stage.environment.apply(graph).await?;
                self.planned(&plan, ChangeKind::Replace, names, false)?;
                self.nothing_to_do(stage, graph).await?;
                let old = Recorded { id: before, ..self.recorded(stage)? };
                match old.id == self.recorded(stage)?.id {
                    // A name may be its id, and be the same in another region.
                    true => Ok(()),
                    false => self.is_gone(&old).await,
                }
            }
            Step::Drift(names, script) => {
                self.ask(stage, script).await?;
                let plan = stage.environment.apply(graph).await?;
                self.planned(&plan, ChangeKind::Update, names, true)?;
                self.nothing_to_do(stage, graph).await
            }
            Step::Gone(script) => {
                self.ask(stage, script).await?;
                let plan = stage.environment.plan(graph).await?;
                self.planned(&plan, ChangeKind::Revive, &[], false)?;
                stage.environment.apply(graph).await?;
                self.nothing_to_do(stage, graph).await
            }
        }
    }

    /// That the plan is empty, and that there are as many of it as there were.
    async fn nothing_to_do(&self, stage: &Stage, graph: &ResourceGraph) -> Outcome {
        let plan = stage.environment.plan(graph).await?;
        if !plan.is_empty() || !plan.drift.is_empty() {
            return Err(format!("there is more to do once it was applied:\n{}", shown(&plan)));
        }
        let count = self.count(stage).await?;
        match count == stage.count {
            true => Ok(()),
            false => Err(format!("there are {count:?} of it, and there were {:?}", stage.count)),
        }
    }

    /// That the plan does just this with the thing, at least because of these attributes.
    fn planned(&self, plan: &Plan, kind: ChangeKind, names: &[String], drifted: bool) -> Outcome {
        let wrong = |text: String| Err(format!("{text}:\n{}", shown(plan)));
        let Some(change) = self.change(plan) else {
            return wrong(format!("no {kind:?} of `{}` was planned", self.fixture.thing));
        };
        if change.kind != kind {
            return wrong(format!("a {:?} was planned, and no {kind:?}", change.kind));
        }
        let says = |name: &&String| {
            let mut attributes = change.attributes.iter();
            !attributes.any(|one| one.name.as_str() == **name && (!drifted || one.drifted))
        };
        match names.iter().find(says) {
            Some(name) => wrong(format!("`{name}` is not planned to change")),
            None => Ok(()),
        }
    }

    fn change<'p>(&self, plan: &'p Plan) -> Option<&'p Change> {
        plan.changes.iter().find(|change| change.address == self.fixture.thing && change.retired.is_none())
    }

    fn recorded(&self, stage: &Stage) -> Outcome<Recorded> {
        let state = stage.environment.state();
        let recorded = state.resources.get(&self.fixture.thing).cloned();
        recorded.ok_or_else(|| format!("`{}` is not recorded", self.fixture.thing))
    }

    fn place(&self, recorded: &Recorded) -> Place {
        Place {
            kind: recorded.kind.clone(),
            id: recorded.id.clone(),
            address: self.fixture.thing.clone(),
            inputs: recorded.inputs.clone(),
            outputs: recorded.outputs.clone(),
        }
    }

    /// That it is read the same alone and with others, by little and by much that is known of it, in few calls.
    async fn is_read(&self, stage: &Stage, graph: &ResourceGraph) -> Outcome {
        let recorded = self.recorded(stage)?;
        let kind = format!("aws.{}", self.fixture.name);
        if *recorded.kind != *kind {
            return Err(format!("`{}` is a {}, and the fixture is called {kind}", self.fixture.thing, recorded.kind));
        }
        if recorded.status != Status::Live {
            return Err(format!("it is recorded as {:?}", recorded.status));
        }
        let place = self.place(&recorded);
        let before = self.proxy.count("");
        let many = self.provider.read_many(std::slice::from_ref(&place)).await.remove(0).map_err(said)?;
        let calls = self.proxy.count("") - before;
        if calls > self.fixture.calls {
            let log = self.proxy.log()[before..].join("\n");
            return Err(format!("a refresh takes {calls} calls and not {}:\n{log}", self.fixture.calls));
        }
        let one = self.provider.read(&place).await.map_err(said)?;
        let [alone, among] = [&one, &many].map(|reading| format!("{reading:?}"));
        if alone != among {
            return Err(format!("read alone it is\n    {alone}\nand among many\n    {among}"));
        }
        let Reading::Here(here) = one else { return Err("it is not there".into()) };
        if here.health != Health::Live {
            return Err(format!("it is {:?}", here.health));
        }
        let resource = graph.get(&self.fixture.thing).ok_or("the program has no such thing")?;
        let unknown = |name: &str| resource.schema.attributes.get(name).is_none();
        if let Some(name) = here.inputs.keys().chain(here.outputs.keys()).find(|name| unknown(name.as_str())) {
            return Err(format!("`{name}` is told, and is no attribute"));
        }
        let mut bare = place.clone();
        bare.inputs.retain(|name, _| ["region", "profile"].contains(&name.as_str()));
        bare.outputs = Fields::new();
        match self.provider.read(&bare).await.map_err(said)? {
            Reading::Here(found) if found.outputs == here.outputs => {}
            other => return Err(format!("with nothing but its id known it is\n    {other:?}\nand not\n    {here:?}")),
        }
        match self.provider.check(&place).await.map_err(said)? {
            Some(Health::Live) => Ok(()),
            other => Err(format!("it was checked, and is {other:?}")),
        }
    }

    /// That it is found by whoever made it, and by nobody else.
    async fn is_found(&self, stage: &Stage) -> Outcome {
        if self.fixture.is_excused("find") {
            return Ok(());
        }
        let id = self.recorded(stage)?.id;
        let want = self.provider.want(&self.fixture.thing).ok_or("it was never to be made")?;
        for seek in [Seek::Made(want.owner.clone()), Seek::Owned(want.owner.clone())] {
            let found = self.provider.find(&want, &seek).await.map_err(said)?;
            if found.as_ref() != Some(&id) {
                return Err(format!("by {seek:?} is found {found:?} and not {id}"));
            }
        }
        let mut other = want.owner.clone();
        other.lineage = "lineage-of-somebody-else".into();
        let mut later = want.owner.clone();
        later.token = "00000000-0000-4000-8000-000000000000".into();
        for seek in [Seek::Made(other.clone()), Seek::Owned(other), Seek::Made(later)] {
            // That it is taken is an answer too.
            if let Ok(Some(found)) = self.provider.find(&want, &seek).await {
                return Err(format!("by {seek:?} is found {found}"));
            }
        }
        Ok(())
    }

    /// That it is among what bears the tags of its environment, and that nothing is that is not recorded.
    async fn is_owned(&self, stage: &Stage) -> Outcome {
        let recorded = self.recorded(stage)?;
        let owned = self.owned(stage, &stage.environment.state()).await?;
        let is_it =
            |one: &Owned| one.id == recorded.id && one.kind == recorded.kind && one.address == self.fixture.thing;
        match owned.iter().any(is_it) {
            found if found == self.fixture.is_excused("owned") => {
                return Err(format!("whether it is among the environment's own is not {found}: {owned:?}"));
            }
            _ => {}
        }
        let state = stage.environment.state();
        let is_known = |one: &&Owned| state.things().any(|(_, known)| known.id == one.id && known.kind == one.kind);
        match owned.iter().find(|one| !is_known(one)) {
            Some(one) => Err(format!("{one:?} is among the environment's own, and not recorded")),
            None => Ok(()),
        }
    }

    /// What bears the tags of an environment, where `known` is or was.
    async fn owned(&self, stage: &Stage, known: &State) -> Outcome<Vec<Owned>> {
        let places: Vec<Place> = known
            .things()
            .map(|(address, one)| Place {
                kind: one.kind.clone(),
                id: one.id.clone(),
                address: address.clone(),
                inputs: one.inputs.clone(),
                outputs: one.outputs.clone(),
            })
            .collect();
        let lineage = stage.environment.state().lineage.clone();
        let owned = self.provider.owned(&lineage, &places).await.map_err(said)?;
        owned.ok_or_else(|| "it is not told what is the environment's own".to_string())
    }

    /// Sets everything that is wanted, as if nothing were known of what there is.
    async fn set_again(&self, stage: &Stage) -> Outcome {
        let place = self.place(&self.recorded(stage)?);
        let want = self.provider.want(&self.fixture.thing).ok_or("it was never to be made")?;
        for _ in 0..2000 {
            if self.provider.update(&place, None, &want).await.map_err(said)? == Progress::Done {
                return self
                    .until(&place, |reading| match reading {
                        Reading::Here(here) => here.health == Health::Live,
                        Reading::Gone => false,
                    })
                    .await;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("it does not come to an end".into())
    }

    async fn until(&self, place: &Place, good: impl Fn(&Reading) -> bool) -> Outcome {
        let mut last = None;
        for _ in 0..200 {
            let reading = self.provider.read(place).await.map_err(said)?;
            if good(&reading) {
                return Ok(());
            }
            last = Some(reading);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(format!("it stays {last:?}"))
    }

    /// Takes everything in by its id, into an environment of its own.
    async fn import(&self, stage: &Stage, graph: &ResourceGraph) -> Outcome {
        let Stage { environment, .. } = self.stage('b');
        let state = stage.environment.state();
        let made = graph.in_order().filter(|resource| !resource.lifecycle.start.is_empty());
        let all: Vec<(Address, Arc<str>)> = made
            .filter_map(|resource| Some((resource.address.clone(), state.resources.get(&resource.address)?.id.clone())))
            .collect();
        environment.import(graph, &all).await?;
        let plan = environment.plan(graph).await?;
        let Some(change) = self.change(&plan) else { return Ok(()) };
        let untold = |name: &str| self.fixture.untold.iter().any(|untold| untold == name);
        let others = change.attributes.iter().any(|attribute| !untold(attribute.name.as_str()));
        match change.kind == ChangeKind::Update && !others {
            true => Ok(()),
            false => Err(format!("the plan would change it:\n{}", shown(&plan))),
        }
    }

    /// Destroys everything, twice.
    async fn taken_down(&self, stage: &Stage) -> Outcome {
        let recorded = self.recorded(stage)?;
        let before = stage.environment.state();
        stage.environment.destroy().await?;
        if self.fixture.is_lookup {
            return Ok(());
        }
        self.is_gone(&recorded).await?;
        // What is recorded is not looked at again: that it is gone was asked above.
        let mut left = self.owned(stage, &before).await?;
        left.retain(|one| !before.things().any(|(_, known)| known.kind == one.kind && known.id == one.id));
        if !left.is_empty() {
            return Err(format!("these bear the tags of the environment still: {left:?}"));
        }
        let count = self.count(stage).await?;
        if count != Some(0) {
            return Err(format!("{count:?} are left"));
        }
        let plan = stage.environment.destroy().await?;
        match plan.is_empty() && plan.changes.is_empty() {
            true => Ok(()),
            false => Err(format!("there is more to take down:\n{}", shown(&plan))),
        }
    }

    /// That it is gone, and that taking it away once more does no harm.
    async fn is_gone(&self, recorded: &Recorded) -> Outcome {
        let place = self.place(recorded);
        if !matches!(self.provider.read(&place).await.map_err(said)?, Reading::Gone) {
            return Err(format!("{} is still there", place.id));
        }
        match self.provider.read_many(std::slice::from_ref(&place)).await.remove(0).map_err(said)? {
            Reading::Gone => {}
            other => return Err(format!("among many, {} is still {other:?}", place.id)),
        }
        match self.provider.delete(&place).await {
            Ok(Progress::Done) => Ok(()),
            other => Err(format!("deleted once more, {} is {other:?}", place.id)),
        }
    }

    /// The answer of the call that makes it is lost: one is there in the end, and no more.
    async fn lost(&self, count: Option<i64>) -> Outcome {
        let stage = Stage { count, ..self.stage('c') };
        let Some(Step::Made(program)) = self.fixture.steps.first() else { return Err("it is not made".into()) };
        let graph = self.fixture.graph(program, &stage.name)?;
        self.provider.lose(&self.fixture.thing);
        stage.environment.apply(&graph).await?;
        self.provider.lost()?;
        self.nothing_to_do(&stage, &graph).await?;
        self.taken_down(&stage).await
    }

    /// Calls go wrong in every way, again and again: in the end one is there, and then none.
    async fn weathered(&self, count: Option<i64>) -> Outcome {
        let stage = Stage { count, ..self.stage('d') };
        let Some(Step::Made(program)) = self.fixture.steps.first() else { return Err("it is not made".into()) };
        let graph = self.fixture.graph(program, &stage.name)?;
        let seed = self.fixture.name.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        self.proxy.weather(seed, PERCENT);
        let mut made = stage.environment.apply(&graph).await;
        for _ in 0..APPLIES {
            if made.is_err() {
                made = stage.environment.apply(&graph).await;
            }
        }
        self.proxy.weather(seed, 0);
        made?;
        self.nothing_to_do(&stage, &graph).await?;
        self.proxy.weather(seed + 1, PERCENT);
        let mut destroyed = stage.environment.destroy().await;
        for _ in 0..APPLIES {
            if destroyed.is_err() {
                destroyed = stage.environment.destroy().await;
            }
        }
        self.proxy.weather(seed, 0);
        destroyed?;
        match self.count(&stage).await? {
            Some(0) => Ok(()),
            left => Err(format!("{left:?} are left")),
        }
    }

    async fn count(&self, stage: &Stage) -> Outcome<Option<i64>> {
        let Some(script) = &self.fixture.there else { return Ok(None) };
        let told = self.ask(stage, script).await?;
        let count = told.result.as_i64();
        count.map(Some).ok_or_else(|| format!("`//@ there` answers no number: {}", told.result))
    }

    async fn ask(&self, stage: &Stage, script: &str) -> Outcome<super::super::moto::Told> {
        let state = stage.environment.state();
        let ids: serde_json::Map<_, _> =
            state.resources.iter().map(|(address, recorded)| (address.to_string(), json!(recorded.id))).collect();
        let recorded = state.resources.get(&self.fixture.thing);
        let given = json!({
            "name": stage.name,
            "ids": ids,
            "id": recorded.map(|recorded| recorded.id.clone()),
            "inputs": recorded.map(|recorded| reveal(&recorded.inputs)),
            "outputs": recorded.map(|recorded| reveal(&recorded.outputs)),
        });
        let endpoint = format!("http://{}", self.moto.host);
        self.moto.witness(&endpoint, script, &given).map_err(|error| format!("a script failed: {error}"))
    }
}

fn said(fault: Fault) -> String {
    told(&[(Address::root(), fault)])
}
