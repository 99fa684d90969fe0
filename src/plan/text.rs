//! A plan as text for the terminal. Colour is the caller's: lines come with what they are.

use crate::name::Address;
use crate::plan::parts::{self, Part};
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

/// The plan in lines no wider than `width` columns where its values allow that.
pub fn lines(plan: &Plan, width: usize) -> Vec<(Tone, String)> {
    printable(whole(plan, width))
}

/// Changes, with all their attributes.
pub fn changes(changes: &[Change], width: usize) -> Vec<(Tone, String)> {
    printable(each(changes, width))
}

/// Whatever an id or a line of the program holds, it stays on its line.
fn printable(lines: Vec<(Tone, String)>) -> Vec<(Tone, String)> {
    lines.into_iter().map(|(tone, line)| (tone, Plain(&line).to_string())).collect()
}

fn whole(plan: &Plan, width: usize) -> Vec<(Tone, String)> {
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
    drift(&plan.drift, width, &mut lines);
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
    lines.extend(each(&plan.changes, width));
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
            let new = shown(&output.new, width.saturating_sub(column + 8));
            lines.push((Tone::Plain, format!("    {:column$}  {new}", output.name.as_str())));
        }
    }
    if !plan.is_empty() {
        lines.push((Tone::Plain, String::new()));
        lines.push((Tone::Heading, format!("  {}", summary(plan))));
    }
    lines
}

fn each(changes: &[Change], width: usize) -> Vec<(Tone, String)> {
    let column = changes.iter().map(|change| change.address.to_string().chars().count()).max().unwrap_or(0);
    let types = changes.iter().map(|change| change.template.as_str().len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for change in changes {
        resource(change, column.min(32), types.min(32), width, &mut lines);
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
        lines.push((Tone::Bad, format!("    {address}  {kind} {id}")));
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
            let values = values(changed, width.saturating_sub(indent.len() + 26), 0);
            let values = values.trim_end_matches("  forces replacement");
            let text = format!("{} {values} cannot change in place", changed.name);
            lines.extend(wrapped(&indent, &indent, &text, width).map(|line| (Tone::Plain, line)));
        }
        if let Some(Spot { file, line, text }) = &changed.place {
            let place = format!("{indent}{file}:{line}   ");
            let room = width.saturating_sub(place.chars().count());
            lines.push((Tone::Faint, format!("{place}{}", cut(&text.replace('\t', " "), room))));
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
    let left = match plan.left_out.len() {
        0 => "no change is left out".to_string(),
        1 => "1 change is left out".to_string(),
        many => format!("{many} changes are left out"),
    };
    Some(format!("  {}: {left}", parts.join(", ")))
}

/// What was changed by somebody else.
fn drift(drift: &[Drift], width: usize, lines: &mut Vec<(Tone, String)>) {
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
                let room = width.saturating_sub(names + 13) / 2;
                for Difference { name, recorded, found } in differences {
                    let fits = |value: &Value| value.to_string().chars().count() <= room.max(20);
                    let whole = fits(recorded) && fits(found);
                    if let Some(parts) = parts_of(name.as_str(), recorded, found, width).filter(|_| !whole) {
                        lines.extend(parts.into_iter().map(|line| (Tone::Plain, line)));
                        continue;
                    }
                    let text = match (recorded, found) {
                        (Value::Secret(_), Value::Secret(_)) => "(secret, changed)".to_string(),
                        _ => format!("{} -> {}", cut(&recorded.to_string(), room), cut(&found.to_string(), room)),
                    };
                    lines.push((Tone::Plain, format!("  |    {:names$}  {text}", name.as_str())));
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

fn resource(change: &Change, column: usize, types: usize, width: usize, lines: &mut Vec<(Tone, String)>) {
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
        if let Some(parts) = in_parts(attribute, width, names) {
            lines.extend(parts.into_iter().map(|line| (Tone::Plain, line)));
            continue;
        }
        lines.push((
            Tone::Plain,
            format!("  |    {:names$}  {}", attribute.name.as_str(), values(attribute, width, names)),
        ));
    }
}

/// Parts of one value that are shown line by line.
const MOST_PARTS: usize = 20;

/// Line by line what differs, where the values have parts and do not fit into one line.
fn in_parts(change: &AttributeChange, width: usize, names: usize) -> Option<Vec<String>> {
    let (Some(old), Planned::Value(new)) = (&change.old, &change.new) else { return None };
    let room = width.saturating_sub(names + 9) / 2;
    let fits = |value: &Value| value.to_string().chars().count() <= room.max(20);
    // A list of actions says what changed in which of them.
    if fits(old) && fits(new) && change.is_input() {
        return None;
    }
    let mut parts = parts_of(change.name.as_str(), old, new, width)?;
    if let Some(first) = parts.first_mut() {
        if change.replaces {
            first.push_str("  forces replacement");
        }
        if change.drifted {
            first.push_str("  (changed outside)");
        }
    }
    Some(parts)
}

/// The same without what becomes of it. Nothing where it says no more than both values whole.
fn parts_of(name: &str, old: &Value, new: &Value, width: usize) -> Option<Vec<String>> {
    let parts = parts::differing(name, old, new);
    if parts.is_empty() || parts.iter().any(|part| part.path == name) {
        return None;
    }
    let shown = &parts[..parts.len().min(MOST_PARTS)];
    let column = shown.iter().map(|part| part.path.chars().count()).max().unwrap_or(0).min(width / 2);
    let room = width.saturating_sub(column + 13) / 2;
    let text = |value: Option<&Value>| value.map_or("unset".to_string(), |value| cut(&brief(value), room));
    let line = |part: &Part| {
        let values = match (part.old, part.new) {
            (Some(Value::Secret(_)), Some(Value::Secret(_))) => "(secret, changed)".to_string(),
            (old, new) => format!("{} -> {}", text(old), text(new)),
        };
        format!("  |    {:column$}  {values}", part.path)
    };
    let mut lines: Vec<String> = shown.iter().map(line).collect();
    match parts.len() - shown.len() {
        0 => {}
        more => lines.push(format!("  |    and {more} more")),
    }
    Some(lines)
}

/// Of a hash nobody reads more than its beginning.
fn brief(value: &Value) -> String {
    match value.as_str() {
        Some(text) if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => text[..12].to_string(),
        _ => value.to_string(),
    }
}

fn values(change: &AttributeChange, width: usize, names: usize) -> String {
    let room = width.saturating_sub(names + 9);
    let mut text = match &change.old {
        None => shown(&change.new, room),
        Some(old) if matches!((old, &change.new), (Value::Secret(_), Planned::Value(Value::Secret(_)))) => {
            "(secret, changed)".into()
        }
        // What is referred to keeps its address; there will be another thing behind it.
        Some(old) if matches!(&change.new, Planned::Later(Some(new)) if *new == old.to_string()) => {
            format!("{}, another one then (known after apply)", cut(&old.to_string(), room.saturating_sub(40)))
        }
        Some(old) => format!("{} -> {}", cut(&old.to_string(), room / 2), shown(&change.new, room / 2)),
    };
    if change.replaces {
        text.push_str("  forces replacement");
    }
    if change.drifted {
        text.push_str("  (changed outside)");
    }
    text
}

pub(super) fn shown(planned: &Planned, room: usize) -> String {
    match planned {
        Planned::Value(value) => cut(&value.to_string(), room),
        Planned::Nothing => "unset".into(),
        Planned::Later(None) => "known after apply".into(),
        Planned::Later(Some(made_of)) => format!("{} (known after apply)", cut(made_of, room.saturating_sub(20))),
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

/// As much of a text as there is room for, and of a value never less than can be read.
fn cut(text: &str, room: usize) -> String {
    shortened(text, room.max(20))
}

/// A text of so many characters at most.
pub fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_string();
    }
    let mut cut: String = text.chars().take(room - 3).collect();
    cut.push_str("...");
    cut
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
    if parts.is_empty() {
        parts.push("only outputs change".into());
    }
    let hazards: usize = plan.changes.iter().map(|change| change.hazard_groups().count()).sum();
    let hazards = match hazards {
        0 => String::new(),
        1 => "  1 hazard.".to_string(),
        many => format!("  {many} hazards."),
    };
    format!("{}.{hazards}", parts.join(", "))
}
