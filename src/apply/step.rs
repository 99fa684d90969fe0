//! One change, carried out: actions in their order, each call announced in the journal before it
//! leaves and recorded before anything depends on it. A step owns nothing but its own work; it asks
//! the executor to record, and waits until that is durable.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::action::Failed;
use crate::apply::Stop;
use crate::apply::event::Event;
use crate::apply::limit::{Beginning, Calls, Tries, passes_later};
use crate::apply::provider::{Call, Fault, FaultKind, Health, Here, Made, Owner, Place, Reading, Seek, Want};
use crate::model::action::{Action, ActionTerm, Lifecycle, List, Verb};
use crate::model::schema::Schema;
use crate::model::term::Known;
use crate::name::{Address, Name};
use crate::plan::{ChangeKind, Part};
use crate::state::record::{Ended, Record};
use crate::state::salt::Tokens;
use crate::state::{Began, Course, Operation, Recorded, Status};
use crate::value::{Fields, SealingKey, Value};

/// Records on their way to the journal, and how to say that they are durable.
pub(super) type Request = (Vec<Record>, oneshot::Sender<()>);

/// The journal as steps see it.
#[derive(Clone)]
pub(super) struct Journal {
    pub requests: mpsc::UnboundedSender<Request>,
    /// The next operation's number.
    pub next_op: Arc<AtomicU64>,
    /// Of operations.
    pub tokens: Tokens,
    /// Nothing begins any more once somebody wants it to stop.
    pub stop: watch::Receiver<Stop>,
}

/// The executor has stopped: nothing may be done any more.
pub(super) struct Stopped;

/// Why a step came to no good end.
pub(super) enum Failure {
    Action(Failed),
    Stopped,
}

/// An operation whose beginning is durable.
pub(super) struct Begun {
    pub op: u64,
    pub owner: Owner,
    /// Room for its first call.
    pub beginning: Beginning,
    /// How far its lists had come before.
    pub course: Course,
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Failure {
        Failure::Action(failed)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Action(fault.into())
    }
}

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Failure {
        Failure::Stopped
    }
}

impl Journal {
    /// Returns when the records are durable.
    pub async fn record(&self, records: Vec<Record>) -> Result<(), Stopped> {
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
    /// The token of a create of this address that was not found, and whose call may still arrive.
    pub late: Option<Arc<str>>,
    /// What the program wants; absent when it is taken down.
    pub wanted: Option<Wanted>,
    /// What is recorded, or was found.
    pub present: Option<Recorded>,
    /// What was recorded, and was gone when another one was found in its place.
    pub lost: Option<Recorded>,
    /// Whether the provider has anything to change.
    pub inputs_differ: bool,
    /// Whether there is nothing any more to be taken down.
    pub gone: bool,
    /// For the fingerprints of secrets.
    pub key: SealingKey,
}

pub(super) struct Wanted {
    pub template: Name,
    pub kind: Arc<str>,
    pub schema: Arc<Schema>,
    pub inputs: Fields,
    /// What the program asks for instead, where the cloud had set it otherwise at creation.
    pub requested: Fields,
    pub samples: Fields,
    pub lifecycle: Lifecycle<ActionTerm>,
    pub dependencies: BTreeSet<Address>,
    pub protected: bool,
}

/// A resource's own id and outputs, for what its actions say of itself.
pub(super) struct Own<'a> {
    pub address: &'a Address,
    pub id: &'a Arc<str>,
    pub outputs: &'a Fields,
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
                let id = self.update(wanted, present).await?;
                self.bury(self.work.lost.as_ref()).await?;
                Ok(id)
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

    pub(super) async fn forget(&self, present: &Recorded, gone: bool) -> Result<(), Stopped> {
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
    pub(super) async fn begin(&self, operation: Operation, request: Recorded) -> Result<Begun, Failure> {
        let call = match operation {
            Operation::Create => Call::Create,
            Operation::Update => Call::Update,
            Operation::Delete => Call::Delete,
        };
        let mut stop = self.journal.stop.clone();
        let beginning = tokio::select! {
            biased;
            Ok(_) = stop.wait_for(|stop| *stop != Stop::No) => return Err(Failure::Stopped),
            beginning = self.calls.beginning(&request.kind, call) => beginning,
        };
        self.calls.tell(Event::Began { address: self.work.address.clone(), kind: self.work.kind });
        let op = self.next_op();
        let mut course = request.course.clone().unwrap_or_default();
        match operation {
            Operation::Create => drop(course.begin(List::Start, op)),
            Operation::Update => {
                course.begin(List::Update, op);
                if !course.started {
                    course.begin(List::Start, op);
                }
            }
            // Its list began before: this is its last action.
            Operation::Delete => {}
        }
        let request = match operation {
            Operation::Create | Operation::Update => Recorded { course: Some(course.clone()), ..request },
            Operation::Delete => request,
        };
        let address = self.work.address.clone();
        let tokens = &self.journal.tokens;
        // The call of a create that was not found may still arrive: then both are the same one.
        let late = self.work.late.clone().filter(|_| operation == Operation::Create);
        let token = late.unwrap_or_else(|| tokens.of(&address, operation.name(), op));
        let owner = Owner { lineage: tokens.lineage.clone(), address: address.clone(), token: token.clone() };
        let at = self.calls.clock.now().to_string().into();
        let began = Box::new(Began { address, operation, token, request, at });
        self.journal.record(vec![Record::Began { op, began }]).await?;
        Ok(Begun { op, owner, beginning, course })
    }

    /// The number of an operation that begins now.
    pub(super) fn next_op(&self) -> u64 {
        self.journal.next_op.fetch_add(1, Ordering::Relaxed)
    }

    fn want(&self, wanted: &Wanted, owner: Owner) -> Want {
        Want { kind: wanted.kind.clone(), inputs: wanted.inputs.clone(), samples: wanted.samples.clone(), owner }
    }

    pub(super) fn place(&self, recorded: &Recorded) -> Place {
        place_of(&self.work.address, recorded)
    }

    /// What will be recorded of the wanted resource, once it has an id.
    fn recorded(&self, wanted: &Wanted, id: Arc<str>, outputs: Fields, status: Status) -> Result<Recorded, Fault> {
        let own = Own { address: &self.work.address, id: &id, outputs: &outputs };
        let lifecycle = wanted.lifecycle.try_map(|action| self.settled(action, &own).map(Some))?;
        Ok(Recorded {
            template: wanted.template.clone(),
            kind: wanted.kind.clone(),
            status,
            inputs: wanted.inputs.clone(),
            requested: wanted.requested.clone(),
            dependencies: wanted.dependencies.clone(),
            lifecycle,
            id,
            outputs,
            protected: wanted.protected,
            course: None,
        })
    }

    /// As [`Step::recorded`], where the outputs are not known: actions that need them are left out.
    fn intended(&self, wanted: &Wanted, id: Arc<str>) -> Recorded {
        let sealed = |mut action: Action| {
            action.seal(&self.work.key);
            action
        };
        let known = |action: &ActionTerm| Ok::<_, Infallible>(action.known().ok().map(sealed));
        let Ok(lifecycle) = wanted.lifecycle.try_map(known);
        Recorded {
            template: wanted.template.clone(),
            kind: wanted.kind.clone(),
            id,
            status: Status::Incomplete,
            inputs: wanted.inputs.clone(),
            requested: wanted.requested.clone(),
            outputs: Fields::new(),
            dependencies: wanted.dependencies.clone(),
            lifecycle,
            protected: wanted.protected,
            course: None,
        }
    }

    /// An action with everything decided, and its secrets comparable.
    pub(super) fn settled(&self, action: &ActionTerm, world: &dyn Known) -> Result<Action, Fault> {
        let mut action = action.settle(world).map_err(|message| Fault::new(FaultKind::Refused, message))?;
        action.seal(&self.work.key);
        Ok(action)
    }

    async fn start(&self, wanted: &Wanted) -> Result<Arc<str>, Failure> {
        let Some(first) = wanted.lifecycle.start.first() else { unreachable!("the check admits a `Create` first") };
        self.calls.tell(Event::Running { address: self.work.address.clone(), action: first.name.clone() });
        let (op, mut recorded) = self.create(wanted).await?;
        if let Err(failed) = self.after_start(wanted, &mut recorded, op).await? {
            return Err(self.incomplete(op, recorded, failed).await);
        }
        self.live(op, recorded).await
    }

    /// Brings it into being. The operation is left open: it ends when it is live.
    async fn create(&self, wanted: &Wanted) -> Result<(u64, Recorded), Failure> {
        let Begun { op, owner, mut beginning, course } =
            self.begin(Operation::Create, self.intended(wanted, "".into())).await?;
        let want = self.want(wanted, owner.clone());
        let address = &self.work.address;
        let mut tries = Tries::default();
        let mut may_arrive = false;
        let made = loop {
            let fault = match self.calls.create(&want, &tries, &mut beginning).await {
                Ok(made) => break made,
                Err(fault) => fault,
            };
            may_arrive |= fault.kind == FaultKind::Unknown;
            // Refused, a create with the token of a late one may have met that: it is looked for too.
            let is_late = self.work.late.is_some() && !passes_later(fault.kind) && !fault.interrupted;
            if fault.kind == FaultKind::Unknown || is_late {
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
            if let Err(fault) = self.calls.again(address, fault, &mut tries).await {
                let result = if may_arrive { Ended::Unseen } else { Ended::Unchanged };
                self.journal.record(vec![Record::Ended { op, result }]).await?;
                return Err(fault.into());
            }
        };
        drop(beginning);
        self.journal.record(vec![Record::Made { op, id: made.id.clone() }]).await?;
        let present = Recorded { course: Some(course), ..self.intended(wanted, made.id.clone()) };
        let place = self.place(&present);
        if !made.whole
            && let Err(fault) = self.calls.update(&place, None, &want, None).await
        {
            return Err(self.incomplete(op, present, fault.into()).await);
        }
        match self.settle_down(&place).await {
            Ok(here) => match self.recorded(wanted, made.id, here.outputs.clone(), Status::Live) {
                Ok(mut recorded) => {
                    self.note_otherwise(&mut recorded, wanted, &here);
                    Ok((op, Recorded { course: present.course, ..recorded }))
                }
                Err(fault) => Err(self.incomplete(op, present, fault.into()).await),
            },
            Err(fault) => Err(self.incomplete(op, present, fault.into()).await),
        }
    }

    /// Records that it exists though it is not as wanted, and passes on why.
    async fn incomplete(&self, op: u64, present: Recorded, failed: Failed) -> Failure {
        let recorded = Recorded { status: Status::Incomplete, ..present };
        match self.journal.record(vec![Record::Ended { op, result: Ended::Recorded(recorded.into()) }]).await {
            Ok(()) => Failure::Action(failed),
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
            self.calls.rest(patience.pause(began.elapsed())).await?;
        }
    }

    /// Runs the liveness actions and ends the operation.
    async fn live(&self, op: u64, recorded: Recorded) -> Result<Arc<str>, Failure> {
        let checked = self.checked(&recorded).await;
        let status = if checked.is_ok() { Status::Live } else { Status::Failing };
        let id = recorded.id.clone();
        // Every list has come to its end, or is about to be run anew.
        let result = Ended::Recorded(Recorded { status, course: None, ..recorded }.into());
        self.journal.record(vec![Record::Ended { op, result }]).await?;
        checked?;
        Ok(id)
    }

    async fn update(&self, wanted: &Wanted, present: &Recorded) -> Result<Arc<str>, Failure> {
        let id = present.id.clone();
        // Half done, it may hold what it held and what it shall hold.
        let dependencies: BTreeSet<Address> = present.dependencies.union(&wanted.dependencies).cloned().collect();
        let course = match present.status {
            // Of one that was recorded without it, nothing is known to be done.
            Status::Incomplete => present.course.clone().unwrap_or_default(),
            Status::Live | Status::Failing => Course { started: true, ..Course::default() },
        };
        let intended = self.intended(wanted, id.clone());
        let intended = Recorded { dependencies: dependencies.clone(), course: Some(course), ..intended };
        let begun = self.begin(Operation::Update, intended).await?;
        let op = begun.op;
        let mut half_done = Recorded { dependencies, course: Some(begun.course.clone()), ..present.clone() };
        if let Err(failed) = self.change(wanted, present, &mut half_done, begun).await? {
            return Err(self.incomplete(op, half_done, failed).await);
        }
        let mut place = self.place(present);
        place.inputs = wanted.inputs.clone();
        let mut outputs = present.outputs.clone();
        let here = match self.settle_down(&place).await {
            Ok(here) => here,
            Err(fault) => return Err(self.incomplete(op, half_done, fault.into()).await),
        };
        outputs.extend(here.outputs.clone());
        match self.recorded(wanted, id, outputs, Status::Live) {
            Ok(mut recorded) => {
                self.note_otherwise(&mut recorded, wanted, &here);
                self.live(op, recorded).await
            }
            Err(fault) => Err(self.incomplete(op, half_done, fault.into()).await),
        }
    }

    /// The update actions, and what an earlier start left undone. `half_done` is what it is by now.
    async fn change(
        &self,
        wanted: &Wanted,
        present: &Recorded,
        half_done: &mut Recorded,
        begun: Begun,
    ) -> Result<Result<(), Failed>, Stopped> {
        let Begun { op, owner, beginning, .. } = begun;
        let mut beginning = Some(beginning);
        let mut at = 0;
        for action in wanted.lifecycle.update.iter().filter(|_| self.work.inputs_differ) {
            if action.verb != Verb::Update {
                if let Err(failed) = self.beside(List::Update, at, action, half_done, op).await? {
                    return Ok(Err(failed));
                }
                at += 1;
                continue;
            }
            self.calls.tell(Event::Running { address: self.work.address.clone(), action: action.name.clone() });
            let want = self.want(wanted, owner.clone());
            // Of what is not complete nobody knows what it is: everything is set.
            let old = (present.status != Status::Incomplete).then_some(&present.inputs);
            if let Err(fault) = self.calls.update(&self.place(present), old, &want, beginning.take()).await {
                return Ok(Err(fault.into()));
            }
            // From here on it is what was wanted, whatever comes of the rest. After a crash it is done again all the
            // same: it takes the thing from whatever it is to what is wanted.
            half_done.inputs.clone_from(&wanted.inputs);
        }
        if half_done.course.as_ref().is_none_or(|course| !course.started) {
            return self.after_start(wanted, half_done, op).await;
        }
        Ok(Ok(()))
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
        calls.rest(calls.provider.patience(&want.kind).poll).await?;
    }
}

/// Reads a thing until it is there, or would have to be seen if it were.
pub async fn seen(place: &Place, until: Instant, calls: &Calls) -> Result<Reading, Fault> {
    loop {
        match calls.read(place).await? {
            Reading::Gone if Instant::now() < until => {
                calls.rest(calls.provider.patience(&place.kind).poll).await?;
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
