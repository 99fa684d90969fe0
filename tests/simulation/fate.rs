//! When a run dies. Every point at which a process can be killed is a moment, in one count over the
//! journal and the cloud; a run is killed at one of them, and whatever it still tries does nothing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

#[derive(Debug)]
pub struct Fate {
    /// The moment of the kill; none when it lives on.
    kill: Option<usize>,
    passed: AtomicUsize,
    dead: AtomicBool,
    died: Notify,
}

impl Fate {
    pub fn new(kill: Option<usize>) -> Fate {
        Fate { kill, passed: AtomicUsize::new(0), dead: AtomicBool::new(false), died: Notify::new() }
    }

    /// One more moment; true when it is the last.
    pub fn moment(&self) -> bool {
        let kills = Some(self.passed.fetch_add(1, Ordering::SeqCst)) == self.kill;
        if kills {
            self.dead.store(true, Ordering::SeqCst);
            self.died.notify_one();
        }
        kills || self.is_dead()
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// How many moments there were.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    pub async fn died(&self) {
        if !self.is_dead() {
            self.died.notified().await;
        }
    }
}
