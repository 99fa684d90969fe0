//! Taking a thing down: all its terminate actions run, whatever comes of the others; it is deleted only when
//! none failed that it has to wait for.

use tokio::time::Instant;

use crate::action::{Failed, together};
use crate::apply::event::Event;
use crate::apply::limit::passes_later;
use crate::apply::provider::{Fault, FaultKind, Place, Reading};
use crate::apply::step::{Begun, Failure, Step, Stopped};
use crate::model::action::{List, Verb};
use crate::state::record::{Ended, Record};
use crate::state::{Operation, Recorded};

impl Step {
    pub(super) async fn terminate(&self, present: &Recorded) -> Result<(), Failure> {
        if present.lifecycle.terminate.is_empty() {
            // Replaced and left standing.
            return Ok(self.forget(present, false).await?);
        }
        let mut present = present.clone();
        let failures = self.before_delete(&mut present).await?;
        let delete = present.lifecycle.terminate.iter().find(|action| action.verb == Verb::Delete);
        if let Some(failed) = together(failures) {
            // They all belong to one end, which is still to come.
            self.anew(&present).await?;
            let kept = if delete.is_some() { "it was not deleted" } else { "it is recorded still" };
            let fault = Fault { message: format!("{}; {kept}", failed.fault.message), ..failed.fault };
            return Err(Failure::Action(Failed { fault, ..failed }));
        }
        let Some(delete) = delete else {
            // Taken leave of, and left standing.
            return Ok(self.forget(&present, false).await?);
        };
        self.calls.tell(Event::Running { address: self.work.address.clone(), action: delete.name.clone() });
        let place = self.place(&present);
        let Begun { op, beginning, .. } = self.begin(Operation::Delete, present.clone()).await?;
        let gone = match self.calls.delete(&place, beginning).await {
            Ok(()) => self.until_gone(&place).await,
            Err(fault) => Err(fault),
        };
        let result = match gone {
            Ok(()) => Ended::Gone,
            // It may be gone or going. The operation stays open: recovery looks again.
            Err(fault) if passes_later(fault.kind) || fault.interrupted => return Err(fault.into()),
            Err(_) => Ended::Unchanged,
        };
        self.journal.record(vec![Record::Ended { op, result }]).await?;
        if gone.is_err() {
            self.anew(&present).await?;
        }
        Ok(gone?)
    }

    /// Runs all but the deletion. Answers what failed that the deletion has to wait for.
    async fn before_delete(&self, present: &mut Recorded) -> Result<Vec<Failed>, Stopped> {
        let actions = present.lifecycle.terminate.clone();
        let mut failures = Vec::new();
        if actions.iter().all(|action| action.verb == Verb::Delete) {
            return Ok(failures);
        }
        let op = self.next_op();
        let (address, id) = (self.work.address.clone(), present.id.clone());
        self.journal.record(vec![Record::Entered { op, address, id, list: List::Terminate }]).await?;
        let op = present.course.get_or_insert_default().begin(List::Terminate, op);
        for (at, action) in actions.iter().filter(|action| action.verb != Verb::Delete).enumerate() {
            match self.run_settled(List::Terminate, at, action, present, op).await? {
                Ok(()) => {}
                Err(failed) => {
                    let interrupted = failed.fault.interrupted;
                    failures.push(failed);
                    if interrupted {
                        break;
                    }
                }
            }
        }
        Ok(failures)
    }

    /// All terminate actions will run the next time: what was saved by one of them then is not enough later.
    async fn anew(&self, present: &Recorded) -> Result<(), Stopped> {
        if present.course.is_none() {
            return Ok(());
        }
        let (address, id) = (self.work.address.clone(), present.id.clone());
        self.journal.record(vec![Record::Anew { address, id }]).await
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
            self.calls.rest(patience.pause(began.elapsed())).await?;
        }
    }
}
