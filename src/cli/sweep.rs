//! After everything was taken down: what the cloud still has of the environment.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::apply::provider::Owned;
use crate::cli::session::{LISTED, Session};
use crate::cli::streams::{say_warning, tell, tell_line};
use crate::cli::ui::Paint;
use crate::plan::Plan;
use crate::state::State;

/// Things by type and id.
pub type Things = BTreeSet<(Arc<str>, Arc<str>)>;

/// Everything that is recorded as being there.
pub fn recorded(state: &State) -> Things {
    state.things().map(|(_, recorded)| (recorded.kind.clone(), recorded.id.clone())).collect()
}

/// Looks for what bears the name of the environment and was not recorded `before` the teardown, and says what
/// there is. Answers what nobody knew of; what was left standing on purpose is no surprise.
pub async fn sweep(session: &Session, plan: &Plan, before: &Things, after: &State) -> Vec<Owned> {
    let look = session.look;
    let owned = match session.calls().owned(&after.lineage).await {
        Ok(Some(owned)) => owned,
        // This cloud does not tell.
        Ok(None) => return Vec::new(),
        Err(fault) => {
            tell("\n");
            let text = format!(
                "whether anything else of {}/{} is there is not known: {fault}",
                plan.project, plan.environment
            );
            say_warning(&text, fault.help.as_deref(), look);
            return Vec::new();
        }
    };
    let unrecorded = owned.into_iter().filter(|one| !before.contains(&(one.kind.clone(), one.id.clone())));
    let (kept, lost): (Vec<Owned>, Vec<Owned>) = unrecorded.partition(|one| after.keeps(&one.kind, &one.id));
    if !kept.is_empty() {
        tell_line("  Left standing on purpose, by an earlier run:");
        list(&kept);
        tell_line("    `tadpole destroy --include-persistent` deletes what is left standing.");
    }
    if !lost.is_empty() {
        let text = match lost.len() {
            1 => "  1 thing of this environment is still there, and nothing records it:".to_string(),
            many => format!("  {many} things of this environment are still there, and nothing records them:"),
        };
        tell_line(&look.paint(&text, Paint::Bad));
        list(&lost);
        tell_line("    Take each in again and destroy once more, or delete it by the means of its cloud:");
        tell_line(&format!("      {}", plan.import("ADDRESS", "ID")));
    }
    lost
}

fn list(all: &[Owned]) {
    for one in all.iter().take(LISTED) {
        tell_line(&format!("    {}  {} {}", one.address, one.kind, one.id));
    }
    if all.len() > LISTED {
        tell_line(&format!("    and {} others", all.len() - LISTED));
    }
}
