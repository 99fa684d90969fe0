//! What a plan leaves standing, and how it is found again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::name::{Address, Name};
use crate::plan::{Change, ChangeKind, Plan};
use crate::printable::{Plain, shell_word};
use crate::state::Recorded;

/// Why a thing is recorded no longer without having been deleted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "lowercase", deny_unknown_fields)]
pub enum Left {
    /// It was gone before.
    Gone,
    /// It existed before this environment found it.
    Found,
    /// This environment made it, and its `terminateActions` do not delete it.
    Standing {
        /// The provider's name of its type.
        kind: Arc<str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<Arc<str>>,
    },
}

impl Left {
    /// What becomes of a recorded thing that is there, and is not to be recorded any more.
    pub(super) fn of(recorded: &Recorded) -> Option<Left> {
        match (recorded.is_deleted(), recorded.is_ours()) {
            (true, _) => None,
            (false, false) => Some(Left::Found),
            (false, true) => Some(Left::Standing { kind: recorded.kind.clone(), region: recorded.region() }),
        }
    }
}

/// A thing that stays when a plan has been carried out, and that nothing records then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing<'p> {
    pub address: &'p Address,
    pub template: &'p Name,
    pub kind: &'p str,
    pub id: &'p str,
    pub region: Option<&'p str>,
    /// Another one has its address then.
    pub replaced: bool,
}

impl Change {
    /// What it leaves standing of what this environment made.
    pub fn standing(&self) -> Option<Standing<'_>> {
        let Some(Left::Standing { kind, region }) = &self.left else { return None };
        Some(Standing {
            address: &self.address,
            template: &self.template,
            kind,
            id: self.id.as_deref()?,
            region: region.as_deref(),
            replaced: self.retired.is_some() || self.kind == ChangeKind::Replace,
        })
    }
}

impl Plan {
    /// Everything that it leaves standing.
    pub fn standing(&self) -> impl Iterator<Item = Standing<'_>> {
        self.changes.iter().filter_map(Change::standing)
    }

    /// The command that records a thing again.
    pub fn import(&self, address: &str, id: &str) -> String {
        let environment = match &*self.environment {
            "default" => String::new(),
            other => format!(" --env {other}"),
        };
        let sandbox = if *self.cloud == *"sandbox" { " --sandbox" } else { "" };
        format!("tadpole import {} {}{environment}{sandbox}", shell_word(address), shell_word(id))
    }

    /// How those that are left standing are found again, a line each, and how they are taken in again.
    pub fn again<'p>(&self, standing: &[Standing<'p>]) -> Vec<String> {
        let column =
            |of: fn(&Standing<'p>) -> String| standing.iter().map(|one| of(one).chars().count()).max().unwrap_or(0);
        let addresses = column(|one| one.address.to_string()).min(32);
        let types = column(|one| one.template.to_string()).min(24);
        let mut lines: Vec<String> = standing
            .iter()
            .map(|one| {
                let place = one.region.map(|region| format!(" in {region}")).unwrap_or_default();
                let replaced = if one.replaced { ", which another one has replaced" } else { "" };
                let (address, template) = (one.address.to_string(), one.template.as_str());
                format!("{address:addresses$}  {template:types$}  {}{place}{replaced}", Plain(one.id))
            })
            .collect();
        let back: Vec<&Standing> = standing.iter().filter(|one| !one.replaced).collect();
        match back.as_slice() {
            [] => {}
            [one] => lines.extend([
                "The next apply takes it in again, as long as the program has it; by hand:".to_string(),
                format!("  {}", self.import(&one.address.to_string(), one.id)),
            ]),
            _ => lines.extend([
                "The next apply takes them in again, as long as the program has them; one by hand:".to_string(),
                format!("  {}", self.import("ADDRESS", "ID")),
            ]),
        }
        lines
    }
}
