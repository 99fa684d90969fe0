//! A plan as Markdown, for the comment on a pull request: what may go wrong, a table, and the values folded
//! away. Nothing in a name or a value is taken for Markdown or HTML.

use std::fmt::Write;

use crate::plan::pieces::{Piece, Side, What, changed, first};
use crate::plan::text::{Tone, mark, shortened, summary};
use crate::plan::{Change, Difference, Drifted, Hazard, HazardKind, Plan, Purpose, Spot, Standing};
use crate::printable::Plain;

/// Bytes up to which each part of the page may go on: a comment holds 65,536 characters.
const HAZARDS: usize = 15_000;
const TABLE: usize = 30_000;
/// Resources that one list names.
const LISTED: usize = 20;
const DRIFT: usize = 40_000;
const FOLDED: usize = 62_000;
/// Columns of a line of values, and characters of a value among others.
const WIDE: usize = 120;
const SHORT: usize = 80;
/// Lines that one value takes.
const VALUE: usize = 60;
const OUTPUTS: usize = 15;

/// The plan, with a line break at its end.
pub fn page(plan: &Plan) -> String {
    let place = format!("{}/{}", plan.project, plan.environment);
    let summary = if plan.is_empty() { "nothing changes".to_string() } else { summary(plan) };
    let mut page = format!("### {}: {}\n", code(&place), summary.trim_end_matches('.').replace(".  ", ", "));
    hazards(plan, &mut page);
    table(plan, &mut page);
    standing(plan, &mut page);
    drift(plan, &mut page);
    folded(plan, &mut page);
    let cloud = if *plan.cloud == *"sandbox" { "in the sandbox, " } else { "" };
    let asked = plan.refresh.word();
    let _ = writeln!(page, "\n<sub>{cloud}state serial {}, {asked}</sub>", plan.serial);
    page
}

fn hazards(plan: &Plan, page: &mut String) {
    let all: Vec<(usize, &[Hazard])> = plan.hazards().collect();
    if all.is_empty() {
        return;
    }
    page.push_str("\n> [!CAUTION]\n");
    for (at, (number, group)) in all.iter().enumerate() {
        let change = &plan.changes[*number];
        if page.len() > HAZARDS {
            let _ = writeln!(page, "> - and {} others", all.len() - at);
            break;
        }
        let texts: Vec<String> = group.iter().map(|hazard| plain(&hazard.text)).collect();
        let _ = write!(page, "> - {} {}", code(&change.address.to_string()), texts.join("; "));
        let is_obstacle = group.iter().any(|hazard| hazard.kind == HazardKind::Obstacle);
        if let Some(text) = is_obstacle.then(|| plan.stays_too(*number)).flatten() {
            let _ = write!(page, "; {}", plain(&text));
        }
        for help in group.iter().filter_map(|hazard| hazard.help.as_ref()) {
            let _ = write!(page, "<br>help: {}", plain(help));
        }
        let attribute = group.iter().find_map(|hazard| hazard.attribute.as_ref()).filter(|_| !is_obstacle);
        let changed = attribute.and_then(|name| change.attributes.iter().find(|one| one.name == *name));
        if let Some(changed) = changed.filter(|changed| changed.replaces) {
            let _ = write!(page, "; {} cannot change in place", code(changed.name.as_str()));
        }
        if let Some(Spot { file, line, text }) = changed.and_then(|changed| changed.place.as_ref()) {
            let _ = write!(page, " ({} {})", code(&format!("{file}:{line}")), code(&shortened(text, SHORT)));
        }
        page.push('\n');
    }
}

fn table(plan: &Plan, page: &mut String) {
    if !plan.strays.is_empty() {
        page.push_str("\n> [!WARNING]\n> Of this environment in the cloud, and not recorded:\n");
        for stray in plan.strays.iter().take(LISTED) {
            let _ =
                writeln!(page, "> - {} {} {}", code(&stray.address.to_string()), code(&stray.kind), code(&stray.id));
        }
    }
    if plan.changes.is_empty() && plan.moves.is_empty() && plan.reverts.is_empty() {
        return;
    }
    page.push_str("\n| | component | type | change |\n| --- | --- | --- | --- |\n");
    for (old, new) in &plan.moves {
        if page.len() > TABLE {
            break;
        }
        let _ = writeln!(
            page,
            "| {} | {} | | renamed from {} |",
            code(">"),
            cell(&new.to_string()),
            cell(&old.to_string())
        );
    }
    for (at, change) in plan.changes.iter().enumerate() {
        if page.len() > TABLE {
            let _ = writeln!(page, "| | and {} others | | |", plan.changes.len() - at);
            break;
        }
        let (sign, _, word) = mark(change.kind);
        let names: Vec<String> = change
            .attributes
            .iter()
            .filter(|changed| change.id.is_some() && changed.tells())
            .map(|changed| cell(changed.name.as_str()))
            .collect();
        let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
        let (address, template) = (cell(&change.address.to_string()), cell(change.template.as_str()));
        let _ = writeln!(page, "| {} | {address} | {template} | {word}{names} |", code(sign));
    }
}

/// What stays, and how it is found again.
fn standing(plan: &Plan, page: &mut String) {
    let all: Vec<Standing> = plan.standing().collect();
    if all.is_empty() {
        return;
    }
    page.push_str("\nLeft standing, and recorded no longer:\n\n");
    for (at, one) in all.iter().enumerate() {
        if page.len() > DRIFT {
            let _ = writeln!(page, "- and {} others", all.len() - at);
            break;
        }
        let (address, id) = (one.address.to_string(), one.id);
        let region = one.region.map(|region| format!(" in {}", code(region))).unwrap_or_default();
        let again = match one.replaced {
            true => "another one has replaced it".to_string(),
            false => code(&plan.import(&address, id)),
        };
        let _ = writeln!(page, "- {} {} {}{region}: {again}", code(&address), code(one.kind), code(id));
    }
}

fn drift(plan: &Plan, page: &mut String) {
    if plan.drift.is_empty() {
        return;
    }
    page.push_str("\nChanged outside of tadpole:\n\n");
    for (at, one) in plan.drift.iter().enumerate() {
        if page.len() > DRIFT {
            let _ = writeln!(page, "- and {} others", plan.drift.len() - at);
            break;
        }
        let address = code(&one.address.to_string());
        let _ = match &one.what {
            Drifted::Gone => writeln!(page, "- {address} is gone ({})", code(&one.id)),
            Drifted::Attributes(all) => {
                let parts = all.iter().map(difference);
                writeln!(page, "- {address}: {}", parts.collect::<Vec<_>>().join(", "))
            }
        };
    }
}

/// What somebody else changed of an attribute, its first part if there are many.
fn difference(Difference { name, recorded, found }: &Difference) -> String {
    let (Piece { path, what }, more) = first(name.as_str(), (recorded, found), false, SHORT);
    let path = code(&path);
    let text = match what {
        What::Pair(old, new) => format!("{path} {} → {}", code(&old), code(&new)),
        What::Note(note) => format!("{path} {note}"),
        What::Only(..) | What::Lines(_) => path,
    };
    if more > 0 { format!("{text} and {more} more") } else { text }
}

/// Every value, as a diff: that has colours where Markdown has none.
fn folded(plan: &Plan, page: &mut String) {
    let mut body = String::new();
    let mut left = plan.outputs.len().saturating_sub(OUTPUTS);
    for change in &plan.changes {
        let text = diff(change);
        if page.len() + body.len() + text.len() > FOLDED {
            left += 1;
        } else {
            body.push_str(&text);
        }
    }
    for output in plan.outputs.iter().take(OUTPUTS) {
        let pieces = changed(output.name.as_str(), (output.old.as_ref(), &output.new), false, true, WIDE);
        put(&pieces, ("output ", ""), &mut body);
    }
    if left > 0 {
        let _ = writeln!(body, "  and {left} others");
    }
    if body.is_empty() || plan.purpose == Purpose::Refresh {
        return;
    }
    let fence = "`".repeat(longest_run(&body).max(2) + 1);
    let _ = write!(page, "\n<details><summary>Values</summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n");
}

fn diff(change: &Change) -> String {
    let (_, tone, word) = mark(change.kind);
    let sign = match tone {
        Tone::Good => '+',
        Tone::Bad => '-',
        Tone::Change | Tone::Plain | Tone::Heading | Tone::Faint => '!',
    };
    let mut text = format!("{sign} {}  {}  {word}\n", change.address, change.template);
    if let Some(reason) = &change.reason {
        let _ = writeln!(text, "#   {}", one_line(reason));
    }
    for changed in change.attributes.iter().filter(|changed| changed.tells()) {
        let forces = if changed.replaces { "  forces replacement" } else { "" };
        put(&changed.pieces(WIDE), ("  ", forces), &mut text);
    }
    text
}

/// The lines of one attribute or output, with what stands before its name and behind its new value.
fn put(pieces: &[Piece], (before, behind): (&str, &str), text: &mut String) {
    let mut rows: Vec<String> = Vec::new();
    let row = |sign: char, path: &str, value: &str| format!("{sign} {before}{path}  {value}");
    for Piece { path, what } in pieces {
        match what {
            What::Pair(old, new) => rows.extend([row('-', path, old), row('+', path, new)]),
            What::Note(note) => rows.push(row('+', path, note)),
            What::Only(side, lines) => {
                let sign = if *side == Side::Both { '+' } else { side.sign() };
                let mut lines = lines.iter();
                rows.push(row(sign, path, lines.next().map_or("", String::as_str)));
                rows.extend(lines.map(|line| format!("{sign} {before}{line}")));
            }
            What::Lines(lines) => {
                rows.push(row('!', path, ""));
                rows.extend(lines.iter().map(|(side, line)| format!("{} {before}   {line}", side.sign())));
            }
        }
    }
    if let Some(at) = rows.iter().position(|row| row.starts_with(['+', '!'])) {
        rows[at].push_str(behind);
    }
    let more = rows.len().saturating_sub(VALUE);
    for row in rows.iter().take(VALUE) {
        let _ = writeln!(text, "{}", one_line(row.trim_end()));
    }
    if more > 0 {
        let _ = writeln!(text, "# {before}and {more} more lines: `tadpole plan --full` shows them");
    }
}

/// A text as code, whatever is in it.
pub fn code(text: &str) -> String {
    let text = one_line(text);
    let ticks = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// As [`code`], in a table, where a bar ends a cell even there.
pub fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// A sentence of ours with names from outside in it. Names in backticks stay code.
fn plain(text: &str) -> String {
    sentence(text, code)
}

/// As [`plain`], in a table.
pub fn plain_cell(text: &str) -> String {
    sentence(text, cell)
}

fn sentence(text: &str, code: fn(&str) -> String) -> String {
    let mut plain = String::new();
    for (at, part) in one_line(text).split('`').enumerate() {
        if at % 2 == 1 {
            plain.push_str(&code(part));
            continue;
        }
        for c in part.chars() {
            if c.is_ascii_punctuation() && !matches!(c, ',' | ':' | ';' | '.' | '\'' | '/' | '-' | '(' | ')') {
                plain.push('\\');
            }
            plain.push(c);
        }
    }
    plain
}

/// A text on one line, with what cannot be seen escaped.
fn one_line(text: &str) -> String {
    Plain(&text.replace(['\n', '\r'], " ")).to_string()
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
