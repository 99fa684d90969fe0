//! One change, carried out: actions in their order, each call announced in the journal before it
//! leaves and recorded before anything depends on it. A step owns nothing but its own work; it asks
//! the executor to record, and waits until that is durable.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::action;
use crate::apply::Stop;
use crate::apply::event::Event;
use crate::apply::limit::{Beginning, Calls, Tries, passes_later};
use crate::apply::provider::{Call, Fault, FaultKind, Health, Here, Made, Owner, Place, Reading, Seek, Want};
use crate::model::action::{Action, ActionTerm, Lifecycle, Verb};
use crate::model::term::Known;
use crate::name::{Address, Name};
use crate::plan::{ChangeKind, Part};
use crate::state::ledger::token;
use crate::state::record::{Ended, Record};
use crate::state::{Began, Recorded, Status};
use crate::value::{Fields, Value};

/// Records on their way to the journal, and how to say that they are durable.
pub(super) type Request = (Vec<Record>, oneshot::Sender<()>);

/// The journal as steps see it.
#[derive(Clone)]
pub(super) struct Journal {
    pub requests: mpsc::UnboundedSender<Request>,
    /// The next operation's number.
    pub next_op: Arc<AtomicU64>,
    /// Nothing begins any more once somebody wants it to stop.
    pub stop: watch::Receiver<Stop>,
}

/// The executor has stopped: nothing may be done any more.
pub(super) struct Stopped;

/// Why a step came to no good end.
pub(super) enum Failure {
    Fault(Fault),
    Stopped,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Fault(fault)
    }
}

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Failure {
        Failure::Stopped
    }
}

impl Journal {
    /// Returns when the records are durable.
    async fn record(&self, records: Vec<Record>) -> Result<(), Stopped> {
        let (done, durable) = oneshot::channel();
        self.requests.send((records, done)).map_err(|_| Stopped)?;
        durable.await.map_err(|_| Stopped)
    }
}

/// Everything that one change needs, settled as far as it could be when its turn came.
pub(super) struct Work {
    pub kind: ChangeKind,
    pub part: Part,
    pub address: Address,
    pub lineage: Arc<str>,
    /// What the program wants; absent when it is taken down.
    pub wanted: Option<Wanted>,
    /// What is recorded, or was found.
    pub present: Option<Recorded>,
    /// Whether the provider has anything to change.
    pub inputs_differ: bool,
    /// Whether there is nothing any more to be taken down.
    pub gone: bool,
}

pub(super) struct Wanted {
    pub template: Name,
    pub kind: Arc<str>,
    pub inputs: Fields,
    pub samples: Fields,
    pub lifecycle: Lifecycle<ActionTerm>,
    pub dependencies: BTreeSet<Address>,
}

/// A resource's own id and outputs, for what its actions say of itself.
struct Own<'a> {
    address: &'a Address,
    id: &'a Arc<str>,
    outputs: &'a Fields,
}

impl Known for Own<'_> {
    fn id(&self, address: &Address) -> Option<Arc<str>> {
        (address == self.address).then(|| self.id.clone())
    }

    fn output(&self, address: &Address, attribute: &Name) -> Option<Value> {
        if address == self.address { self.outputs.get(attribute).cloned() } else { None }
    }
}

pub(super) struct Step {
    pub work: Work,
    pub calls: Calls,
    pub journal: Journal,
}

impl Step {
    /// Carries the change out. Answers the id of what is there now, empty when nothing is.
    pub async fn run(self) -> Result<Arc<str>, Failure> {
        match (self.work.part, self.work.kind, &self.work.wanted, &self.work.present) {
            (Part::Make, ChangeKind::Start | ChangeKind::Replace, Some(wanted), _) => self.start(wanted).await,
            (Part::Make, ChangeKind::Revive, Some(wanted), present) => {
                let id = self.start(wanted).await?;
                self.bury(present.as_ref().filter(|present| present.id != id)).await?;
                Ok(id)
            }
            (Part::Make, ChangeKind::Update | ChangeKind::Adopt, Some(wanted), Some(present)) => {
                self.update(wanted, present).await
            }
            (Part::Unmake, ChangeKind::Terminate | ChangeKind::Replace, _, Some(present)) => {
                self.terminate(present).await?;
                Ok(present.id.clone())
            }
            (Part::Unmake, ChangeKind::Forget, _, Some(present)) => {
                self.forget(present, self.work.gone).await?;
                Ok(present.id.clone())
            }
            (part, kind, ..) => unreachable!("a {kind:?} without what it works on, to {part:?}"),
        }
    }

    async fn forget(&self, present: &Recorded, gone: bool) -> Result<(), Stopped> {
        let record = Record::Forgotten { address: self.work.address.clone(), id: present.id.clone(), gone };
        self.journal.record(vec![record]).await
    }

    /// What was gone when planning, and has a successor now. One that turns up after all stays recorded, for
    /// the next plan to take down.
    async fn bury(&self, old: Option<&Recorded>) -> Result<(), Failure> {
        let Some(old) = old else { return Ok(()) };
        let place = self.place(old);
        match self.calls.read(&place).await? {
            Reading::Gone => Ok(self.forget(old, true).await?),
            Reading::Here(_) => Ok(()),
        }
    }

    /// Makes the beginning of an operation durable, when its first call may leave and there is room for one
    /// more. The room is given back when that call has been answered.
    async fn begin(&self, verb: Verb, request: Recorded) -> Result<(u64, Owner, Beginning), Failure> {
        let call = match verb {
            Verb::Create => Call::Create,
            Verb::Update => Call::Update,
            Verb::Delete => Call::Delete,
            Verb::Check | Verb::Act | Verb::Http => unreachable!("what may run twice is not journaled"),
        };
        let mut stop = self.journal.stop.clone();
        let beginning = tokio::select! {
            biased;
            Ok(_) = stop.wait_for(|stop| *stop != Stop::No) => return Err(Failure::Stopped),
            beginning = self.calls.beginning(&request.kind, call) => beginning,
        };
        self.calls.tell(Event::Began { address: self.work.address.clone(), kind: self.work.kind });
        let (op, began, owner) = self.began(verb, request);
        self.journal.record(vec![began]).await?;
        Ok((op, owner, beginning))
    }

    fn began(&self, verb: Verb, request: Recorded) -> (u64, Record, Owner) {
        let op = self.journal.next_op.fetch_add(1, Ordering::Relaxed);
        let token = token(&self.work.lineage, &self.work.address, verb, op);
        let address = self.work.address.clone();
        let owner = Owner { lineage: self.work.lineage.clone(), address: address.clone(), token: token.clone() };
        let at = self.calls.clock.now().to_string().into();
        (op, Record::Began { op, began: Box::new(Began { address, verb, token, request, at }) }, owner)
    }

    fn want(&self, wanted: &Wanted, owner: Owner) -> Want {
        Want { kind: wanted.kind.clone(), inputs: wanted.inputs.clone(), samples: wanted.samples.clone(), owner }
    }

    fn place(&self, recorded: &Recorded) -> Place {
        place_of(&self.work.address, recorded)
    }

    /// What will be recorded of the wanted resource, once it has an id.
    fn recorded(&self, wanted: &Wanted, id: Arc<str>, outputs: Fields, status: Status) -> Result<Recorded, Fault> {
        let own = Own { address: &self.work.address, id: &id, outputs: &outputs };
        let lifecycle = wanted.lifecycle.settle(&own).map_err(|message| Fault::new(FaultKind::Refused, message))?;
        Ok(Recorded {
            template: wanted.template.clone(),
            kind: wanted.kind.clone(),
            status,
            inputs: wanted.inputs.clone(),
            dependencies: wanted.dependencies.clone(),
            lifecycle,
            id,
            outputs,
        })
    }

    /// As [`Step::recorded`], where the outputs are not known: actions that need them are left out.
    fn intended(&self, wanted: &Wanted, id: Arc<str>) -> Recorded {
        let known = |action: &ActionTerm| Ok::<_, Infallible>(action.known().ok());
        let Ok(lifecycle) = wanted.lifecycle.try_map(known);
        Recorded {
            template: wanted.template.clone(),
            kind: wanted.kind.clone(),
            id,
            status: Status::Incomplete,
            inputs: wanted.inputs.clone(),
            outputs: Fields::new(),
            dependencies: wanted.dependencies.clone(),
            lifecycle,
        }
    }

    async fn start(&self, wanted: &Wanted) -> Result<Arc<str>, Failure> {
        let Some(first) = wanted.lifecycle.start.first() else { unreachable!("the check admits a `Create` first") };
        self.calls.tell(Event::Running { address: self.work.address.clone(), action: first.name.clone() });
        let (op, recorded) = self.create(wanted).await?;
        if let Err(fault) = self.after_start(wanted, &recorded, op).await {
            return Err(self.incomplete(op, recorded, fault).await);
        }
        self.live(op, recorded).await
    }

    /// What else belongs to its start, once it is there.
    async fn after_start(&self, wanted: &Wanted, recorded: &Recorded, op: u64) -> Result<(), Fault> {
        for (at, action) in wanted.lifecycle.start.iter().enumerate() {
            if action.verb != Verb::Create {
                self.beside(at, action, recorded, op).await?;
            }
        }
        Ok(())
    }

    /// Runs an action that leaves the record as it is. One that a crash interrupts runs again.
    async fn beside(&self, at: usize, action: &ActionTerm, recorded: &Recorded, op: u64) -> Result<(), Fault> {
        self.calls.tell(Event::Running { address: self.work.address.clone(), action: action.name.clone() });
        let action = self.settled(action, recorded)?;
        action::run(&action, &self.place(recorded), &self.deed_token(op, at), &self.calls).await
    }

    /// The same for every try of one action of one operation.
    fn deed_token(&self, op: u64, at: usize) -> Arc<str> {
        format!("{}-{at}", token(&self.work.lineage, &self.work.address, Verb::Act, op)).into()
    }

    fn settled(&self, action: &ActionTerm, recorded: &Recorded) -> Result<Action, Fault> {
        let own = Own { address: &self.work.address, id: &recorded.id, outputs: &recorded.outputs };
        action.settle(&own).map_err(|message| Fault::new(FaultKind::Refused, message))
    }

    /// Brings it into being. The operation is left open: it ends when it is live.
    async fn create(&self, wanted: &Wanted) -> Result<(u64, Recorded), Failure> {
        let (op, owner, mut beginning) = self.begin(Verb::Create, self.intended(wanted, "".into())).await?;
        let want = self.want(wanted, owner.clone());
        let address = &self.work.address;
        let mut tries = Tries::default();
        let made = loop {
            let fault = match self.calls.create(&want, &tries, &mut beginning).await {
                Ok(made) => break made,
                Err(fault) => fault,
            };
            if fault.kind == FaultKind::Unknown {
                // It may have been made. Looking comes before trying again, and before giving up.
                let seek = Seek::Made(owner.clone());
                let until = Instant::now() + self.calls.provider.patience(&want.kind).consistency;
                match look(address, &want, &seek, until, &self.calls).await {
                    Ok(Some(id)) => break Made { id, whole: false },
                    Ok(None) => {}
                    // The operation stays open: recovery looks again.
                    Err(_) => return Err(fault.into()),
                }
            }
            if !self.calls.again(address, &fault, &mut tries).await {
                self.journal.record(vec![Record::Ended { op, result: Ended::Unchanged }]).await?;
                return Err(fault.into());
            }
        };
        drop(beginning);
        self.journal.record(vec![Record::Made { op, id: made.id.clone() }]).await?;
        let present = self.intended(wanted, made.id.clone());
        let place = self.place(&present);
        if !made.whole
            && let Err(fault) = self.calls.update(&place, None, &want, None).await
        {
            return Err(self.incomplete(op, present, fault).await);
        }
        match self.settle_down(&place).await {
            Ok(here) => match self.recorded(wanted, made.id, here.outputs, Status::Live) {
                Ok(recorded) => Ok((op, recorded)),
                Err(fault) => Err(self.incomplete(op, present, fault).await),
            },
            Err(fault) => Err(self.incomplete(op, present, fault).await),
        }
    }

    /// Records that it exists though it is not as wanted, and passes on why.
    async fn incomplete(&self, op: u64, present: Recorded, fault: Fault) -> Failure {
        let recorded = Recorded { status: Status::Incomplete, ..present };
        match self.journal.record(vec![Record::Ended { op, result: Ended::Recorded(recorded.into()) }]).await {
            Ok(()) => Failure::Fault(fault),
            Err(Stopped) => Failure::Stopped,
        }
    }

    /// Reads it until it is no longer on its way.
    async fn settle_down(&self, place: &Place) -> Result<Here, Fault> {
        let patience = self.calls.provider.patience(&place.kind);
        let began = Instant::now();
        loop {
            match self.calls.read(place).await? {
                Reading::Gone if began.elapsed() > patience.consistency => {
                    return Err(Fault::new(FaultKind::Missing, format!("{} was made and is not there", place.id)));
                }
                Reading::Gone => {
                    self.calls.tell(Event::Waiting { address: self.work.address.clone(), on: "to be seen".into() });
                }
                Reading::Here(here) => match &here.health {
                    Health::Live | Health::Dead(_) => return Ok(here),
                    Health::Waiting(on) if began.elapsed() > patience.readiness => {
                        return Err(Fault::new(FaultKind::Refused, format!("{} is still {on}", place.id)));
                    }
                    Health::Waiting(on) => {
                        self.calls.tell(Event::Waiting { address: self.work.address.clone(), on: on.clone() });
                    }
                },
            }
            tokio::time::sleep(patience.pause(began.elapsed())).await;
        }
    }

    /// Runs the liveness actions and ends the operation.
    async fn live(&self, op: u64, recorded: Recorded) -> Result<Arc<str>, Failure> {
        let checked = self.checked(&recorded).await;
        let status = if checked.is_ok() { Status::Live } else { Status::Failing };
        let id = recorded.id.clone();
        let result = Ended::Recorded(Recorded { status, ..recorded }.into());
        self.journal.record(vec![Record::Ended { op, result }]).await?;
        checked?;
        Ok(id)
    }

    async fn checked(&self, recorded: &Recorded) -> Result<(), Fault> {
        let place = self.place(recorded);
        for action in &recorded.lifecycle.liveness {
            self.calls.tell(Event::Running { address: self.work.address.clone(), action: action.name.clone() });
            // No action of this list needs a token: none of them changes anything.
            action::run(action, &place, "", &self.calls).await?;
        }
        Ok(())
    }

    async fn update(&self, wanted: &Wanted, present: &Recorded) -> Result<Arc<str>, Failure> {
        let id = present.id.clone();
        // Half done, it may hold what it held and what it shall hold.
        let dependencies: BTreeSet<Address> = present.dependencies.union(&wanted.dependencies).cloned().collect();
        let mut half_done = Recorded { dependencies: dependencies.clone(), ..present.clone() };
        let intended = Recorded { dependencies, ..self.intended(wanted, id.clone()) };
        let (op, owner, beginning) = self.begin(Verb::Update, intended).await?;
        let mut beginning = Some(beginning);
        let mut outputs = present.outputs.clone();
        if self.work.inputs_differ {
            for (at, action) in wanted.lifecycle.update.iter().enumerate() {
                match action.verb {
                    Verb::Update => {
                        let address = self.work.address.clone();
                        self.calls.tell(Event::Running { address, action: action.name.clone() });
                        let want = self.want(wanted, owner.clone());
                        // Of what is not complete nobody knows what it is: everything is set.
                        let old = (present.status != Status::Incomplete).then_some(&present.inputs);
                        let place = self.place(present);
                        if let Err(fault) = self.calls.update(&place, old, &want, beginning.take()).await {
                            return Err(self.incomplete(op, half_done, fault).await);
                        }
                        // From here on it is what was wanted, whatever comes of the rest.
                        half_done.inputs.clone_from(&wanted.inputs);
                    }
                    Verb::Check | Verb::Act | Verb::Http => {
                        if let Err(fault) = self.beside(at, action, present, op).await {
                            return Err(self.incomplete(op, half_done, fault).await);
                        }
                    }
                    Verb::Create | Verb::Delete => {
                        unreachable!("the check admits no `{}` here", action.verb.template())
                    }
                }
            }
        }
        // What its start left undone.
        if present.status == Status::Incomplete
            && let Err(fault) = self.after_start(wanted, present, op).await
        {
            return Err(self.incomplete(op, half_done, fault).await);
        }
        drop(beginning);
        let mut place = self.place(present);
        place.inputs = wanted.inputs.clone();
        match self.settle_down(&place).await {
            Ok(here) => outputs.extend(here.outputs),
            Err(fault) => return Err(self.incomplete(op, half_done, fault).await),
        }
        match self.recorded(wanted, id, outputs, Status::Live) {
            Ok(recorded) => self.live(op, recorded).await,
            Err(fault) => Err(self.incomplete(op, half_done, fault).await),
        }
    }

    async fn terminate(&self, present: &Recorded) -> Result<(), Failure> {
        let place = self.place(present);
        let address = &self.work.address;
        if present.lifecycle.terminate.is_empty() {
            // Replaced and left standing.
            return Ok(self.forget(present, false).await?);
        }
        for (at, action) in present.lifecycle.terminate.iter().enumerate() {
            self.calls.tell(Event::Running { address: address.clone(), action: action.name.clone() });
            match action.verb {
                Verb::Delete => {}
                Verb::Act => {
                    let token = self.deed_token(self.journal.next_op.load(Ordering::Relaxed), at);
                    action::run(action, &place, &token, &self.calls).await?;
                    continue;
                }
                Verb::Create | Verb::Check | Verb::Update | Verb::Http => {
                    unreachable!("the check admits no `{}` here", action.verb.template())
                }
            }
            let (op, _, beginning) = self.begin(Verb::Delete, present.clone()).await?;
            let gone = match self.calls.delete(&place, beginning).await {
                Ok(()) => self.until_gone(&place).await,
                Err(fault) => Err(fault),
            };
            let result = match gone {
                Ok(()) => Ended::Gone,
                // It may be gone or going. The operation stays open: recovery looks again.
                Err(fault) if passes_later(fault.kind) => return Err(fault.into()),
                Err(_) => Ended::Unchanged,
            };
            self.journal.record(vec![Record::Ended { op, result }]).await?;
            gone?;
        }
        if present.lifecycle.terminate.iter().all(|action| action.verb != Verb::Delete) {
            // Taken leave of, and left standing.
            self.forget(present, false).await?;
        }
        Ok(())
    }

    async fn until_gone(&self, place: &Place) -> Result<(), Fault> {
        let patience = self.calls.provider.patience(&place.kind);
        let began = Instant::now();
        loop {
            match self.calls.read(place).await? {
                Reading::Gone => return Ok(()),
                Reading::Here(_) if began.elapsed() > patience.deletion => {
                    return Err(Fault::new(FaultKind::Held, format!("{} was deleted and is still there", place.id)));
                }
                Reading::Here(_) => {
                    self.calls.tell(Event::Waiting { address: self.work.address.clone(), on: "to be gone".into() });
                }
            }
            tokio::time::sleep(patience.pause(began.elapsed())).await;
        }
    }
}

/// Looks for a thing until it is there, or would have to be seen if it were.
pub async fn look(
    address: &Address,
    want: &Want,
    seek: &Seek,
    until: Instant,
    calls: &Calls,
) -> Result<Option<Arc<str>>, Fault> {
    loop {
        if let Some(id) = calls.find(want, seek).await? {
            return Ok(Some(id));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        calls.tell(Event::Waiting { address: address.clone(), on: "to be seen".into() });
        tokio::time::sleep(calls.provider.patience(&want.kind).poll).await;
    }
}

/// Reads a thing until it is there, or would have to be seen if it were.
pub async fn seen(place: &Place, until: Instant, calls: &Calls) -> Result<Reading, Fault> {
    loop {
        match calls.read(place).await? {
            Reading::Gone if Instant::now() < until => {
                tokio::time::sleep(calls.provider.patience(&place.kind).poll).await;
            }
            reading => return Ok(reading),
        }
    }
}

/// Where a recorded thing is, for a provider's call.
pub fn place_of(address: &Address, recorded: &Recorded) -> Place {
    Place {
        kind: recorded.kind.clone(),
        id: recorded.id.clone(),
        address: address.clone(),
        inputs: recorded.inputs.clone(),
        outputs: recorded.outputs.clone(),
    }
}
