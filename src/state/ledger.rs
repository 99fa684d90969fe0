//! The ledger: a state and the store that makes its changes durable. Whoever has it is the one
//! writer of the environment.

use std::sync::Arc;

use crate::name::Address;
use crate::state::State;
use crate::state::about::{About, Command};
use crate::state::record::Record;
use crate::state::salt::Tokens;
use crate::state::store::{Store, StoreFault};
use crate::state::tenure::Tenure;

pub struct Ledger {
    state: State,
    store: Box<dyn Store>,
    /// Records that the snapshot does not have yet.
    pending: usize,
    /// Who writes, until that is recorded. Who has nothing else to record did not write.
    writer: Option<Command>,
}

impl Ledger {
    /// A state that the store holds already, `replayed` records of it in the journal alone.
    pub fn new(mut state: State, store: Box<dyn Store>, replayed: usize) -> Ledger {
        state.epoch = store.tenure().epoch();
        let writer = store.writer();
        Ledger { state, store, pending: replayed, writer }
    }

    /// A new environment, recorded at once: its lineage must be durable before anything bears it.
    ///
    /// # Errors
    /// When the store cannot keep it.
    pub fn begin(state: State, mut store: Box<dyn Store>) -> Result<Ledger, StoreFault> {
        let mut state = written_by(store.writer(), state);
        state.about.created = state.about.created.or(store.writer().map(|command| command.at));
        store.salt().into_iter().for_each(|salt| state.salted(salt));
        store.compact(&state)?;
        Ok(Ledger { writer: None, ..Ledger::new(state, store, 0) })
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether this process may still act for the environment.
    pub fn tenure(&self) -> Tenure {
        self.store.tenure()
    }

    /// Records that become durable together, and then true.
    ///
    /// # Errors
    /// When they may not be durable; the state is as before then.
    pub fn record(&mut self, records: Vec<Record>) -> Result<(), StoreFault> {
        if records.is_empty() {
            return Ok(());
        }
        let salt = self.store.salt();
        let wrote =
            self.writer.iter().map(|command| Record::Wrote { command: Box::new(command.clone()), salt: salt.clone() });
        let records: Vec<Record> = wrote.chain(records).collect();
        self.store.append(&records)?;
        self.writer = None;
        self.pending += records.len();
        records.into_iter().for_each(|record| self.state.apply(record));
        Ok(())
    }

    /// What the tokens of this run are made with, whether or not it has recorded anything yet.
    pub fn tokens(&self) -> Tokens {
        let mut salts = self.state.salts.clone();
        if self.writer.is_some()
            && let Some(salt) = self.store.salt()
        {
            salts.put(self.state.next_op, salt);
        }
        Tokens { lineage: self.state.lineage.clone(), salts: Arc::new(salts) }
    }

    /// The number of the next operation.
    pub fn next_op(&self) -> u64 {
        self.state.next_op
    }

    /// Puts another state in place of this one, which has a higher serial.
    ///
    /// # Errors
    /// When the store cannot; this one is still in force then.
    pub fn replace(&mut self, state: State) -> Result<(), StoreFault> {
        let state = written_by(self.store.writer(), state);
        self.store.compact(&state)?;
        self.state = State { epoch: self.state.epoch, ..state };
        self.pending = 0;
        self.writer = None;
        Ok(())
    }

    /// Folds the journal into a new snapshot, when there is something to fold.
    ///
    /// # Errors
    /// When the store cannot; nothing is lost then.
    pub fn compact(&mut self) -> Result<(), StoreFault> {
        if self.pending == 0 {
            return Ok(());
        }
        self.state.serial += 1;
        match self.store.compact(&self.state) {
            Ok(()) => {
                self.pending = 0;
                Ok(())
            }
            Err(fault) => {
                self.state.serial -= 1;
                Err(fault)
            }
        }
    }
}

/// A state that is recorded as a whole, with who did that.
fn written_by(writer: Option<Command>, state: State) -> State {
    let command = writer.or(state.about.command);
    State { about: About { command, ..state.about }, ..state }
}

/// The idempotency token of an operation: the same for every try of it, another one for any other.
pub fn token(lineage: &str, address: &Address, what: &str, op: u64, salt: Option<&str>) -> Arc<str> {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    let parts = [lineage, &address.to_string(), what, &op.to_string()];
    for part in parts.into_iter().chain(salt) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
