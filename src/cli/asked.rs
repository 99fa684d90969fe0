//! What `plan`, `apply` and `destroy` are asked to be about, as flags.

use crate::cli::ui::Look;
use crate::name::Address;
use crate::plan::{Purpose, Scope};

/// The flags that all three have.
#[derive(clap::Args, Clone, Default, Debug)]
pub struct Scoped {
    /// Only this component and what is below it, with all that it needs; may be repeated
    #[arg(long = "target", value_name = "ADDRESS")]
    targets: Vec<Address>,
    /// Not this component or what is below it, nor what needs it; may be repeated
    #[arg(long = "exclude", value_name = "ADDRESS")]
    excludes: Vec<Address>,
    /// Plan from the record, without asking the cloud how it is doing
    #[arg(long)]
    no_refresh: bool,
    /// Show every value whole, however many lines it takes
    #[arg(long)]
    full: bool,
}

/// And those that only make sense with a program.
#[derive(clap::Args, Clone, Debug)]
pub struct Planning {
    #[command(flatten)]
    scoped: Scoped,
    /// Make this component anew, though nothing about it forces it; may be repeated
    #[arg(long = "replace", value_name = "ADDRESS")]
    replaces: Vec<Address>,
    /// Change nothing in the cloud: record what it says
    #[arg(long, conflicts_with_all = ["no_refresh", "replaces"])]
    refresh_only: bool,
}

/// What to plan.
#[derive(Clone, Debug)]
pub struct Asked {
    pub purpose: Purpose,
    pub scope: Scope,
    /// Whether the cloud is asked how what is recorded is doing.
    pub refresh: bool,
    /// Whether a teardown deletes what this environment made and would leave standing.
    pub persistent: bool,
}

impl Scoped {
    pub fn destroy(self) -> Asked {
        self.asked(Purpose::Destroy)
    }

    /// How the plan is to be shown.
    pub fn look(&self, look: Look) -> Look {
        Look { full: self.full, ..look }
    }

    fn asked(self, purpose: Purpose) -> Asked {
        let Scoped { targets, excludes, no_refresh, full: _ } = self;
        let scope = Scope { targets, excludes, replaces: Vec::new() };
        Asked { purpose, scope, refresh: !no_refresh, persistent: false }
    }
}

impl Planning {
    /// Whether none of them was given.
    pub fn is_empty(&self) -> bool {
        let Planning { scoped: Scoped { targets, excludes, no_refresh, full: _ }, replaces, refresh_only } = self;
        targets.is_empty() && excludes.is_empty() && replaces.is_empty() && !no_refresh && !refresh_only
    }

    /// How the plan is to be shown.
    pub fn look(&self, look: Look) -> Look {
        self.scoped.look(look)
    }

    pub fn asked(self) -> Asked {
        let purpose = if self.refresh_only { Purpose::Refresh } else { Purpose::Apply };
        let mut asked = self.scoped.asked(purpose);
        asked.scope.replaces = self.replaces;
        asked
    }
}
