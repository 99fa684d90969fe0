//! Lists of actions, one action after the other: what is done is journaled, so that after a crash or a failure
//! the next run goes on with the one that was not.

use std::sync::Arc;

use crate::action::{self, Failed, Scene};
use crate::apply::step::{Own, Step, Stopped, Wanted};
use crate::model::action::{Action, ActionTerm, List, Occasion, Verb};
use crate::name::Address;
use crate::state::Recorded;
use crate::state::record::Record;

impl Step {
    /// On what occasion a list is run in this step.
    pub(super) fn occasion(&self, list: List) -> Occasion {
        self.work.kind.occasion(list)
    }

    /// What else belongs to its start, once it is there. `recorded` keeps what was done of it.
    pub(super) async fn after_start(
        &self,
        wanted: &Wanted,
        recorded: &mut Recorded,
        op: u64,
    ) -> Result<Result<(), Failed>, Stopped> {
        let beside = wanted.lifecycle.start.iter().filter(|action| action.verb != Verb::Create);
        for (at, action) in beside.enumerate() {
            if let Err(failed) = self.beside(List::Start, at, action, recorded, op).await? {
                return Ok(Err(failed));
            }
        }
        if let Some(course) = &mut recorded.course {
            course.started = true;
        }
        Ok(Ok(()))
    }

    /// Runs an action of the program that leaves the record as it is, unless it is done already. `at` counts the
    /// actions of that sort before it in its list.
    pub(super) async fn beside(
        &self,
        list: List,
        at: usize,
        action: &ActionTerm,
        recorded: &mut Recorded,
        op: u64,
    ) -> Result<Result<(), Failed>, Stopped> {
        let own = Own { address: &self.work.address, id: &recorded.id, outputs: &recorded.outputs };
        match self.settled(action, &own) {
            Ok(action) => self.run_settled(list, at, &action, recorded, op).await,
            Err(fault) => Ok(Err(fault.into())),
        }
    }

    /// As [`Step::beside`], with an action that is decided.
    pub(super) async fn run_settled(
        &self,
        list: List,
        at: usize,
        action: &Action,
        recorded: &mut Recorded,
        op: u64,
    ) -> Result<Result<(), Failed>, Stopped> {
        let sum: Arc<str> = action.sum().into();
        let course = recorded.course.get_or_insert_default();
        let first_op = course.begin(list, op);
        if course.has_done(list, at, &sum) {
            return Ok(Ok(()));
        }
        let token = self.deed_token(list, first_op, &sum, course.times_done(list, at, &sum));
        let place = self.place(recorded);
        let (occasion, calls) = (self.occasion(list), &self.calls);
        let scene = Scene { place: &place, token: &token, list, occasion, calls, witness: None };
        if let Err(failed) = action::run(action, scene).await {
            return Ok(Err(failed));
        }
        recorded.course.get_or_insert_default().note(list, at, sum.clone());
        let (address, id) = (self.work.address.clone(), recorded.id.clone());
        self.journal.record(vec![Record::Acted { op, address, id, list, at, sum }]).await?;
        Ok(Ok(()))
    }

    /// The same for every try of one action of one list, even after a crash. The number of the operation alone
    /// tells things apart: a component may get another address before it is done. A list may have the same action
    /// several times.
    fn deed_token(&self, list: List, op: u64, sum: &str, times: usize) -> String {
        let what = format!("{} {sum} {times}", list.attribute());
        self.journal.tokens.of(&Address::root(), &what, op).to_string()
    }

    /// Runs the liveness actions.
    pub(super) async fn checked(&self, recorded: &Recorded) -> Result<(), Failed> {
        let place = self.place(recorded);
        for action in &recorded.lifecycle.liveness {
            let (list, occasion) = (List::Liveness, self.occasion(List::Liveness));
            // No action of this list needs a token: none of them changes anything.
            let scene = Scene { place: &place, token: "", list, occasion, calls: &self.calls, witness: None };
            action::run(action, scene).await?;
        }
        Ok(())
    }
}
