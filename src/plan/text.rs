//! A plan as text for the terminal. Colour is the caller's: lines come with what they are.

use std::collections::BTreeSet;

use crate::name::Address;
pub use crate::plan::pieces::shortened;
use crate::plan::pieces::{Piece, What, changed, first};
use crate::plan::{
    AttributeChange, Change, ChangeKind, Difference, Drift, Drifted, HazardKind, Plan, Planned, Purpose, Revert, Scope,
    Spot, Standing, Stray,
};
use crate::printable::Plain;
use crate::value::Value;

/// Resources that one list names.
const LISTED: usize = 20;

/// What a line is, for its colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    Plain,
    Heading,
    Good,
    Change,
    Bad,
    Faint,
}

/// How a plan is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// Columns of a line, where values allow that.
    pub width: usize,
    /// Whether a value takes as many lines as it needs.
    pub full: bool,
}

/// Lines that one value takes, unless all are asked for.
const MOST_LINES: usize = 100;

impl From<usize> for View {
    fn from(width: usize) -> View {
        View { width, full: false }
    }
}

/// The plan in lines.
pub fn lines(plan: &Plan, view: impl Into<View>) -> Vec<(Tone, String)> {
    printable(whole(plan, view.into()))
}

/// Changes, with all their attributes.
pub fn changes(changes: &[Change], view: impl Into<View>) -> Vec<(Tone, String)> {
    printable(each(changes, view.into()))
}

/// Whatever an id or a line of the program holds, it stays on its line.
fn printable(lines: Vec<(Tone, String)>) -> Vec<(Tone, String)> {
    lines.into_iter().map(|(tone, line)| (tone, Plain(&line).to_string())).collect()
}

fn whole(plan: &Plan, view: View) -> Vec<(Tone, String)> {
    let width = view.width;
    let mut lines = vec![(Tone::Plain, String::new())];
    let place = format!("{}/{}", plan.project, plan.environment);
    let cloud = match &*plan.cloud {
        "sandbox" => "in the sandbox, ",
        _ => "",
    };
    let asked = plan.refresh.word();
    let intent = match (plan.purpose, plan.is_empty()) {
        (Purpose::Refresh, false) => "Tadpole will record what it found in",
        (Purpose::Refresh, true) => "All is as recorded in",
        (Purpose::Apply | Purpose::Destroy, false) => "Tadpole will change",
        (Purpose::Apply | Purpose::Destroy, true) => "Nothing changes in",
    };
    lines.push((Tone::Heading, format!("{intent} {place}  ({cloud}state serial {}, {asked})", plan.serial)));
    lines.extend(scope(plan).map(|line| (Tone::Faint, line)));
    hazards(plan, width, &mut lines);
    drift(&plan.drift, view, &mut lines);
    if !plan.moves.is_empty() {
        lines.push((Tone::Plain, String::new()));
        let column = plan.moves.keys().map(|old| old.to_string().chars().count()).max().unwrap_or(0);
        for (old, new) in &plan.moves {
            lines.push((Tone::Change, format!("  > {:column$}  is called {new} from now on", old.to_string())));
        }
    }
    if !plan.reverts.is_empty() {
        lines.push((Tone::Plain, String::new()));
        for Revert { address, id, .. } in &plan.reverts {
            lines.push((Tone::Change, format!("  > {address}  is {id} again: its replacement did not come to an end")));
        }
    }
    if !plan.changes.is_empty() || (!plan.drift.is_empty() && plan.unchanged > 0) {
        lines.push((Tone::Plain, String::new()));
    }
    lines.extend(each(&plan.changes, view));
    if plan.unchanged > 0 {
        lines.push((Tone::Faint, format!("  = {} unchanged", plan.unchanged)));
    }
    let standing: Vec<Standing> = plan.standing().collect();
    if !standing.is_empty() {
        lines.push((Tone::Plain, String::new()));
        lines.push((Tone::Heading, "  Left standing, and recorded no longer:".into()));
        // A command is not broken in two.
        lines.extend(plan.again(&standing).iter().map(|line| (Tone::Plain, format!("    {line}"))));
    }
    strays(plan, &mut lines);
    if !plan.outputs.is_empty() {
        lines.push((Tone::Plain, String::new()));
        lines.push((Tone::Plain, "  outputs".into()));
        let column = plan.outputs.iter().map(|output| output.name.as_str().len()).max().unwrap_or(0);
        for output in &plan.outputs {
            let pieces =
                changed(output.name.as_str(), (output.old.as_ref(), &output.new), false, true, width - 4.min(width));
            lines.extend(rows(&pieces, "  ", column, "", view).map(|line| (Tone::Plain, line)));
        }
    }
    if !plan.is_empty() {
        lines.push((Tone::Plain, String::new()));
        lines.push((Tone::Heading, format!("  {}", summary(plan))));
    }
    lines
}

fn each(changes: &[Change], view: View) -> Vec<(Tone, String)> {
    let column = changes.iter().map(|change| change.address.to_string().chars().count()).max().unwrap_or(0);
    let types = changes.iter().map(|change| change.template.as_str().len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for change in changes {
        resource(change, column.min(32), types.min(32), view, &mut lines);
    }
    lines
}

/// What the cloud holds of the environment, and nothing records.
fn strays(plan: &Plan, lines: &mut Vec<(Tone, String)>) {
    let all = &plan.strays;
    let Some(first) = all.first() else { return };
    lines.push((Tone::Plain, String::new()));
    lines.push((Tone::Bad, "  Of this environment in the cloud, and not recorded:".into()));
    for Stray { address, kind, id, .. } in all.iter().take(LISTED) {
        lines.push((Tone::Bad, format!("    {address}  {kind} {}", Plain(id))));
    }
    if all.len() > LISTED {
        lines.push((Tone::Bad, format!("    and {} others", all.len() - LISTED)));
    }
    let command = match all.as_slice() {
        [_] => plan.import(&first.address.to_string(), &first.id),
        _ => plan.import("ADDRESS", "ID"),
    };
    lines.push((Tone::Plain, "    This plan leaves it as it is. Delete it in the cloud, or record it:".into()));
    lines.push((Tone::Plain, format!("      {command}")));
}

/// What to know before anything else: what may go wrong, why it is done, and where that is written.
fn hazards(plan: &Plan, width: usize, lines: &mut Vec<(Tone, String)>) {
    for (number, group) in plan.hazards() {
        let change = &plan.changes[number];
        let head = format!("  ! {}  ", change.address);
        let indent = " ".repeat(head.chars().count().min(24));
        for (at, hazard) in group.iter().enumerate() {
            let before = if at == 0 { &head } else { &indent };
            lines.extend(wrapped(before, &indent, &hazard.text, width).map(|line| (Tone::Bad, line)));
        }
        let is_obstacle = group.iter().any(|hazard| hazard.kind == HazardKind::Obstacle);
        let stays_too = is_obstacle.then(|| plan.stays_too(number)).flatten();
        lines.extend(
            stays_too.iter().flat_map(|text| wrapped(&indent, &indent, text, width)).map(|line| (Tone::Bad, line)),
        );
        for help in group.iter().filter_map(|hazard| hazard.help.as_ref()) {
            let (first, next) = (format!("{indent}help: "), format!("{indent}      "));
            lines.extend(wrapped(&first, &next, help, width).map(|line| (Tone::Plain, line)));
        }
        let attribute = group.iter().find_map(|hazard| hazard.attribute.as_ref()).filter(|_| !is_obstacle);
        let Some(changed) = attribute.and_then(|name| change.attributes.iter().find(|one| one.name == *name)) else {
            continue;
        };
        if changed.replaces {
            let room = width.saturating_sub(indent.len() + 26);
            let text = format!("{} cannot change in place", in_short(changed, room / 2));
            lines.extend(wrapped(&indent, &indent, &text, width).map(|line| (Tone::Plain, line)));
        }
        if let Some(Spot { file, line, text }) = &changed.place {
            let place = format!("{indent}{file}:{line}   ");
            let room = width.saturating_sub(place.chars().count());
            lines.push((Tone::Faint, format!("{place}{}", shortened(&text.replace('\t', " "), room.max(20)))));
        }
    }
}

/// What the plan is confined to, when it is.
fn scope(plan: &Plan) -> Option<String> {
    let Scope { targets, excludes, replaces: _ } = &plan.scope;
    if plan.scope.is_whole() {
        return None;
    }
    let list = |addresses: &[Address]| addresses.iter().map(Address::to_string).collect::<Vec<_>>().join(", ");
    let they_need = |many: bool| if many { "what they need" } else { "what it needs" };
    let needs_them = |many: bool| if many { "what needs them" } else { "what needs it" };
    let mut parts = Vec::new();
    if !targets.is_empty() {
        let many = targets.len() > 1;
        parts.push(match plan.purpose {
            Purpose::Apply => format!("only {} and {}", list(targets), they_need(many)),
            Purpose::Destroy => format!("only {} and {}", list(targets), needs_them(many)),
            Purpose::Refresh => format!("only {}", list(targets)),
        });
    }
    if !excludes.is_empty() {
        let many = excludes.len() > 1;
        parts.push(match plan.purpose {
            Purpose::Apply => format!("not {} or {}", list(excludes), needs_them(many)),
            Purpose::Destroy => format!("not {} or {}", list(excludes), they_need(many)),
            Purpose::Refresh => format!("not {}", list(excludes)),
        });
    }
    let besides = |change: &&Change| !targets.iter().any(|target| target.covers(&change.address));
    let besides: BTreeSet<&Address> = plan.changes.iter().filter(besides).map(|change| &change.address).collect();
    if !targets.is_empty() && !besides.is_empty() {
        parts.push(format!("which changes also {}", some(besides)));
    }
    let left = match plan.left_out.len() {
        0 => "no change is left out".to_string(),
        1 => "1 change is left out".to_string(),
        many => format!("{many} changes are left out"),
    };
    Some(format!("  {}: {left}", parts.join(", ")))
}

/// Addresses that a line has room for.
const IN_A_LINE: usize = 8;

fn some(addresses: BTreeSet<&Address>) -> String {
    let mut names: Vec<String> = addresses.iter().take(IN_A_LINE).map(|address| address.to_string()).collect();
    if addresses.len() > IN_A_LINE {
        names.push(format!("and {} others", addresses.len() - IN_A_LINE));
    }
    names.join(", ")
}

/// What was changed by somebody else.
fn drift(drift: &[Drift], view: View, lines: &mut Vec<(Tone, String)>) {
    if drift.is_empty() {
        return;
    }
    lines.push((Tone::Plain, String::new()));
    lines.push((Tone::Heading, "  Changed outside of tadpole:".into()));
    let column = drift.iter().map(|one| one.address.to_string().chars().count()).max().unwrap_or(0).min(32);
    let types = drift.iter().map(|one| one.template.as_str().len()).max().unwrap_or(0).min(32);
    for one in drift {
        let head = format!("{:column$}  {:types$}", one.address.to_string(), one.template.as_str());
        match &one.what {
            Drifted::Gone => lines.push((Tone::Bad, format!("  - {head}  {} is gone", one.id))),
            Drifted::Attributes(differences) => {
                lines.push((Tone::Change, format!("  ~ {head}  {}", one.id)));
                let names = differences.iter().map(|one| one.name.as_str().len()).max().unwrap_or(0);
                for Difference { name, recorded, found } in differences {
                    let found = Planned::Value(found.clone());
                    let room = view.width.saturating_sub(8);
                    let pieces = changed(name.as_str(), (Some(recorded), &found), false, true, room);
                    lines.extend(rows(&pieces, "  |  ", names, "", view).map(|line| (Tone::Plain, line)));
                }
            }
        }
    }
}

/// The sign, colour and word of a kind of change.
pub fn mark(kind: ChangeKind) -> (&'static str, Tone, &'static str) {
    match kind {
        ChangeKind::Start => ("+", Tone::Good, "start"),
        ChangeKind::Revive => ("+", Tone::Good, "start again"),
        ChangeKind::Adopt => ("<", Tone::Good, "adopt"),
        ChangeKind::Update => ("~", Tone::Change, "update"),
        ChangeKind::Replace => ("±", Tone::Bad, "replace"),
        ChangeKind::Terminate => ("-", Tone::Bad, "terminate"),
        ChangeKind::Forget => (">", Tone::Faint, "forget"),
        ChangeKind::Report => ("?", Tone::Change, "differs"),
    }
}

fn resource(change: &Change, column: usize, types: usize, view: View, lines: &mut Vec<(Tone, String)>) {
    let width = view.width;
    let (sign, tone, word) = mark(change.kind);
    let head = format!("  {sign} {:column$}  {:types$}  ", change.address.to_string(), change.template.as_str());
    let names: Vec<&str> = change.actions.iter().map(crate::name::Name::as_str).collect();
    let what = if names.is_empty() { word.to_string() } else { format!("{word}: {}", names.join(", ")) };
    let indent = format!("  |{}", " ".repeat(head.chars().count().saturating_sub(3)));
    lines.extend(wrapped(&head, &indent, &what, width).map(|line| (tone, line)));
    if let Some(reason) = &change.reason {
        lines.extend(wrapped("  |    ", "  |    ", reason, width).map(|line| (Tone::Faint, line)));
    }
    let telling = || change.attributes.iter().filter(|attribute| attribute.tells());
    let names = telling().map(|attribute| attribute.name.as_str().len()).max().unwrap_or(0);
    for attribute in telling() {
        let mut suffix = String::new();
        if attribute.replaces {
            suffix.push_str("  forces replacement");
        }
        if attribute.drifted {
            suffix.push_str("  (changed outside)");
        }
        let pieces = attribute.pieces(width.saturating_sub(7 + names - attribute.name.as_str().len()));
        lines.extend(rows(&pieces, "  |  ", names, &suffix, view).map(|line| (Tone::Plain, line)));
    }
}

impl AttributeChange {
    /// What becomes of it, in lines of so many columns where values allow that.
    pub(super) fn pieces(&self, width: usize) -> Vec<Piece> {
        // A list of actions says what changed in which of them, where they are not only named.
        let names = |value: &Value| value.parts().all(|part| part.as_str().is_some());
        let whole = self.is_input() || self.old.as_ref().is_some_and(names);
        changed(self.name.as_str(), (self.old.as_ref(), &self.new), self.unordered, whole, width)
    }
}

/// The lines of one attribute or output. A sign says what is only there before or afterwards.
fn rows(pieces: &[Piece], margin: &str, column: usize, suffix: &str, view: View) -> impl Iterator<Item = String> {
    let column = match pieces {
        [_] => column,
        _ => {
            let paths = pieces.iter().map(|piece| piece.path.chars().count());
            paths.max().unwrap_or(0).min(view.width / 2)
        }
    };
    let mut rows = Vec::new();
    let row = |sign: char, path: &str, text: &str| format!("{margin}{sign} {path:column$}  {text}");
    for Piece { path, what } in pieces {
        match what {
            What::Pair(old, new) => rows.push(row(' ', path, &format!("{old} -> {new}"))),
            What::Note(note) => rows.push(row(' ', path, note)),
            What::Only(side, lines) => {
                let mut lines = lines.iter();
                rows.push(row(side.sign(), path, lines.next().map_or("", String::as_str)));
                rows.extend(lines.map(|line| format!("{margin}{} {line}", side.sign())));
            }
            What::Lines(lines) => {
                rows.push(format!("{margin}  {path}"));
                rows.extend(lines.iter().map(|(side, line)| format!("{margin}{}     {line}", side.sign())));
            }
        }
    }
    rows.first_mut().into_iter().for_each(|first| first.push_str(suffix));
    let more = if view.full { 0 } else { rows.len().saturating_sub(MOST_LINES) };
    if more > 1 {
        rows.truncate(MOST_LINES);
        rows.push(format!("{margin}  and {more} more lines: `--full` shows them"));
    }
    rows.into_iter().map(|row| row.trim_end().to_string())
}

/// What changes of an attribute, as part of a sentence, with so many columns for each value.
fn in_short(attribute: &AttributeChange, room: usize) -> String {
    let name = attribute.name.as_str();
    let room = room.max(20);
    let old = attribute.old.as_ref().map(|old| shortened(&old.to_string(), room));
    match (&attribute.old, &attribute.new) {
        (Some(old), Planned::Value(new)) => {
            let (Piece { path, what }, more) = first(name, (old, new), attribute.unordered, room);
            let text = match what {
                What::Pair(old, new) => format!("{path} {old} -> {new}"),
                What::Note(note) => format!("{path} {note}"),
                What::Only(..) | What::Lines(_) => path,
            };
            if more > 0 { format!("{text} and {more} more") } else { text }
        }
        (Some(was), Planned::Later(Some(new))) if *new == was.to_string() => {
            format!("{name} {}, another one then (known after apply)", shortened(new, room))
        }
        (_, new) => {
            let new = match new {
                Planned::Value(new) => shortened(&new.to_string(), room),
                Planned::Nothing => "unset".into(),
                Planned::Later(None) => "known after apply".into(),
                Planned::Later(Some(made_of)) => format!("{} (known after apply)", shortened(made_of, room)),
            };
            old.map_or_else(|| format!("{name} {new}"), |old| format!("{name} {old} -> {new}"))
        }
    }
}

/// A sentence in lines of so many columns, where its words allow that.
fn wrapped(first: &str, next: &str, text: &str, width: usize) -> impl Iterator<Item = String> {
    let mut lines = Vec::new();
    let mut line = first.to_string();
    for (at, word) in text.split(' ').enumerate() {
        if at > 0 && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, next.to_string()));
        } else if at > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.into_iter()
}

/// "2 to start, 1 to update, 9 unchanged."
pub fn summary(plan: &Plan) -> String {
    let kinds = [
        (ChangeKind::Start, "to start"),
        (ChangeKind::Revive, "to start again"),
        (ChangeKind::Adopt, "to adopt"),
        (ChangeKind::Update, "to update"),
        (ChangeKind::Replace, "to replace"),
        (ChangeKind::Terminate, "to terminate"),
        (ChangeKind::Forget, "to forget"),
        (ChangeKind::Report, "left different"),
    ];
    if plan.purpose == Purpose::Refresh {
        return match plan.drift.len() {
            1 => "1 to record.".into(),
            many => format!("{many} to record."),
        };
    }
    let mut parts = Vec::new();
    for (kind, words) in kinds {
        let count = plan.changes.iter().filter(|change| change.kind == kind).count();
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    if plan.unchanged > 0 {
        parts.push(format!("{} unchanged", plan.unchanged));
    }
    if !plan.left_out.is_empty() {
        parts.push(format!("{} left out", plan.left_out.len()));
    }
    if !plan.moves.is_empty() {
        parts.insert(0, format!("{} renamed", plan.moves.len()));
    }
    if plan.changes.iter().all(|change| !change.kind.acts()) {
        match plan.outputs.len() {
            0 => {}
            1 => parts.push("1 output changes".into()),
            many => parts.push(format!("{many} outputs change")),
        }
    }
    let hazards: usize = plan.changes.iter().map(|change| change.hazard_groups().count()).sum();
    let hazards = match hazards {
        0 => String::new(),
        1 => "  1 hazard.".to_string(),
        many => format!("  {many} hazards."),
    };
    format!("{}.{hazards}", parts.join(", "))
}
