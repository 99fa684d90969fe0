//! What became of each environment: at the end of the run, and as a page for a build server.

use std::fmt::Write;

use jiff::Timestamp;

use crate::cli::expiry::told;
use crate::cli::reap::end::{End, Reaped, Standing};
use crate::cli::ui::Paint;
use crate::plan::markdown::{cell, code, plain_cell};

/// The end of the run in lines.
pub fn lines(all: &[Reaped]) -> Vec<(String, Paint)> {
    let column = all.iter().map(|reaped| reaped.name.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for Reaped { name, end, .. } in all {
        let (sign, paint) = match end {
            End::Down { .. } => ("v", Paint::Good),
            End::Would { .. } => ("-", Paint::Bad),
            End::Failed { .. } | End::Unreadable(_) => ("x", Paint::Bad),
            End::Held(_) | End::Changed(_) | End::Elsewhere(_) | End::NotTried => (".", Paint::Faint),
        };
        lines.push((format!("  {sign} {name:column$}  {}", end.in_words()), paint));
        for why in end.why() {
            lines.push((format!("      {why}"), Paint::Plain));
        }
        for Standing { address, template, id } in end.standing() {
            lines.push((format!("      stays: {address}  {template} {id}"), Paint::Plain));
        }
    }
    if let Some(text) = after(all) {
        lines.push((format!("  {text}"), Paint::Plain));
    }
    lines
}

/// What is left to know, and to do.
fn after(all: &[Reaped]) -> Option<&'static str> {
    let failed = all.iter().any(|reaped| matches!(reaped.end, End::Failed { .. }));
    let stands = all.iter().any(|reaped| !reaped.end.standing().is_empty());
    match (failed, stands) {
        (true, _) => Some("What was done is recorded; the next reap goes on from there."),
        (false, true) => Some("What stays is taken back by a later apply of the same environment."),
        (false, false) => None,
    }
}

/// The same as Markdown, with a line break at its end.
pub fn page(project: &str, all: &[Reaped], dry_run: bool, now: Timestamp) -> String {
    let count = |is: &dyn Fn(&End) -> bool| all.iter().filter(|reaped| is(&reaped.end)).count();
    let parts = [
        (count(&|end| matches!(end, End::Down { .. })), "taken down"),
        (count(&|end| matches!(end, End::Would { .. })), "to be taken down"),
        (count(&End::is_failure), "failed"),
        (count(&End::is_skipped), "skipped"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let sum = if parts.is_empty() { "nothing has expired".to_string() } else { parts.join(", ") };
    let kind = if dry_run { " (dry run)" } else { "" };
    let mut page = format!("### Expired environments of {}: {sum}{kind}\n", code(project));
    if !all.is_empty() {
        page.push_str("\n| environment | expired | what became of it |\n| --- | --- | --- |\n");
    }
    for Reaped { name, expired, end } in all {
        let expired = expired.map_or_else(|| "?".to_string(), |at| told(at, now));
        let words = end.in_words();
        let words = plain_cell(&words);
        let words = if end.is_failure() { format!("**{words}**") } else { words };
        let whys: String = end.why().iter().map(|why| format!("<br>{}", plain_cell(why))).collect();
        let _ = writeln!(page, "| {} | {expired} | {} |", cell(name), words + &whys);
    }
    let standing: Vec<(&str, &Standing)> =
        all.iter().flat_map(|reaped| reaped.end.standing().iter().map(|one| (reaped.name.as_str(), one))).collect();
    if !standing.is_empty() {
        let words = if dry_run { "Would be left standing" } else { "Left standing" };
        let _ = write!(page, "\n{words}:\n\n| environment | component | type | id |\n| --- | --- | --- | --- |\n");
    }
    for (name, Standing { address, template, id }) in standing {
        let address = cell(&address.to_string());
        let _ = writeln!(page, "| {} | {address} | {} | {} |", cell(name), cell(template.as_str()), cell(id));
    }
    page
}
