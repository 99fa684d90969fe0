//! What `live` shows: a tree of addresses, each with how it is, how long that took to find out, and below it
//! what is wrong.

use std::collections::BTreeMap;

use crate::cli::markdown::wrapped;
use crate::cli::progress;
use crate::cli::ui::{Look, Paint};
use crate::live::{Round, Standing, Thing};
use crate::name::{Name, Segment};

/// How much is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum View {
    /// Everything, until that is too much: then what is live in one line a group.
    Brief,
    All,
    /// Only what there is something to say of.
    Failing,
}

/// Things that are shown one by one in any case.
const FEW: usize = 30;
/// Lines of one group that tell of nothing but live things, where not everything is shown.
const QUIET_LINES: usize = 10;
/// Columns of a name or a type that others make room for.
const NAME: usize = 48;
const TYPE: usize = 24;

/// What stands at an address or below it.
#[derive(Default)]
struct Node<'a> {
    things: Vec<&'a Thing>,
    below: BTreeMap<&'a Segment, Node<'a>>,
    total: usize,
    live: usize,
    quiet: usize,
    worst: Option<Standing>,
}

impl<'a> Node<'a> {
    fn insert(&mut self, path: &'a [Segment], thing: &'a Thing) {
        self.total += 1;
        self.live += usize::from(thing.standing == Standing::Live);
        self.quiet += usize::from(thing.standing.is_quiet());
        self.worst = self.worst.max(Some(thing.standing));
        match path {
            [] => self.things.push(thing),
            [first, rest @ ..] => self.below.entry(first).or_default().insert(rest, thing),
        }
    }

    fn is_quiet(&self) -> bool {
        self.quiet == self.total
    }

    /// "12 live", "11 of 12 live".
    fn state(&self) -> String {
        match self.total - self.live {
            0 => format!("{} live", self.total),
            _ => format!("{} of {} live", self.live, self.total),
        }
    }
}

/// One line of the table, and what is said below it.
struct Row {
    depth: usize,
    standing: Standing,
    name: String,
    template: String,
    state: String,
    took: String,
    notes: Vec<String>,
}

/// The tree, without a heading.
pub fn tree(round: &Round, view: View, look: Look) -> String {
    let mut root = Node::default();
    for thing in &round.things {
        root.insert(thing.address.segments(), thing);
    }
    let view = if view == View::Brief && root.total <= FEW { View::All } else { view };
    let mut rows = Vec::new();
    gather(&root, 0, view, &mut rows);
    let width = |of: &dyn Fn(&Row) -> usize, most: usize| rows.iter().map(of).max().unwrap_or(0).min(most);
    let chars = |text: &str| text.chars().count();
    let names = width(&|row| 2 * row.depth + chars(&row.name), NAME.min(look.width / 2));
    let types = width(&|row| chars(&row.template), TYPE);
    let states = width(&|row| chars(&row.state), TYPE);
    let times = width(&|row| chars(&row.took), TYPE);
    let mut text = String::new();
    for row in &rows {
        let (mark, paint) = mark(row.standing);
        let indent = " ".repeat(2 * row.depth);
        let name = format!("{indent}{mark} {:1$}", row.name, names.saturating_sub(2 * row.depth));
        let name = name.replacen(mark, &look.paint(mark, paint), 1);
        let state = look.paint(&row.state, paint) + &" ".repeat(states - chars(&row.state).min(states));
        let line = format!("  {name}  {:types$}  {state}  {:>times$}", row.template, row.took);
        text.push_str(line.trim_end());
        text.push('\n');
        let indent = " ".repeat(2 * row.depth + 6);
        for note in &row.notes {
            text.push_str(&wrapped(note, &indent, look.width));
        }
    }
    text
}

fn gather(node: &Node, depth: usize, view: View, rows: &mut Vec<Row>) {
    let mut quiet = 0;
    let mut hidden = 0;
    for (name, elements) in by_name(node) {
        let together = view != View::All && elements.len() > 1;
        for (segment, below) in &elements {
            if below.is_quiet() && (view == View::Failing || together) {
                continue;
            }
            if below.is_quiet() && view == View::Brief {
                quiet += 1;
                if quiet > QUIET_LINES {
                    hidden += below.total;
                    continue;
                }
            }
            element(segment, below, depth, view, rows);
        }
        let quiet: Vec<&Node> = elements.iter().map(|(_, below)| *below).filter(|below| below.is_quiet()).collect();
        if together && view == View::Brief && !quiet.is_empty() {
            let others = if quiet.len() < elements.len() { " others" } else { "" };
            rows.push(sum(format!("{name}[...]"), format!("{}{others} live", total(&quiet)), depth));
        }
    }
    if hidden > 0 {
        rows.push(sum("...".into(), format!("{hidden} others live"), depth));
    }
}

fn total(nodes: &[&Node]) -> usize {
    nodes.iter().map(|node| node.total).sum()
}

fn element(segment: &Segment, node: &Node, depth: usize, view: View, rows: &mut Vec<Row>) {
    let name = segment.to_string();
    for thing in node.things.iter().filter(|thing| view != View::Failing || !thing.standing.is_quiet()) {
        rows.push(row(thing, name.clone(), depth));
    }
    if node.below.is_empty() {
        return;
    }
    if view == View::Brief && node.is_quiet() {
        if node.things.is_empty() {
            rows.push(sum(name, node.state(), depth));
        }
        return;
    }
    if node.things.is_empty() {
        let standing = node.worst.unwrap_or(Standing::Unasked);
        rows.push(Row { standing, ..sum(name, node.state(), depth) });
    }
    gather(node, depth + 1, view, rows);
}

/// What is below a node, elements of one repetition together.
fn by_name<'n, 'a>(node: &'n Node<'a>) -> Vec<(&'n Name, Vec<(&'n Segment, &'n Node<'a>)>)> {
    let mut all: Vec<(&Name, Vec<(&Segment, &Node)>)> = Vec::new();
    for (segment, below) in &node.below {
        match all.last_mut().filter(|(name, _)| **name == segment.name) {
            Some((_, elements)) => elements.push((segment, below)),
            None => all.push((&segment.name, vec![(segment, below)])),
        }
    }
    all
}

fn row(thing: &Thing, name: String, depth: usize) -> Row {
    Row {
        depth,
        standing: thing.standing,
        name,
        template: thing.template.to_string(),
        state: thing.standing.words().into(),
        took: thing.took().map(progress::shown).unwrap_or_default(),
        notes: thing.notes(),
    }
}

/// A line about many things that are live.
fn sum(name: String, state: String, depth: usize) -> Row {
    let (template, took) = (String::new(), String::new());
    Row { depth, standing: Standing::Live, name, template, state, took, notes: Vec::new() }
}

/// The sign of a state, and its colour.
pub fn mark(standing: Standing) -> (&'static str, Paint) {
    match standing {
        Standing::Unasked => (".", Paint::Faint),
        Standing::Live => ("v", Paint::Good),
        Standing::Replaced | Standing::Warned => ("!", Paint::Change),
        Standing::CutOff | Standing::Unknown => ("?", Paint::Bad),
        Standing::Incomplete | Standing::NotLive => ("x", Paint::Bad),
    }
}

/// "  5 live, 1 warned, 2 not live.  0.8 s"
pub fn summary(round: &Round, look: Look) -> String {
    let paint = if round.is_good() { Paint::Good } else { Paint::Bad };
    format!("  {}  {}\n", look.paint(&counts(round), paint), progress::shown(round.took))
}

/// "5 live, 1 warned, 2 not live."
pub fn counts(round: &Round) -> String {
    let order = Standing::ALL.into_iter().filter(|standing| *standing != Standing::Unasked).chain([Standing::Unasked]);
    let counts = order.map(|standing| (round.count(standing), standing.words())).filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, words)| format!("{count} {words}")).collect();
    if counts.is_empty() { "nothing is recorded.".to_string() } else { format!("{}.", counts.join(", ")) }
}

#[cfg(test)]
mod tests;
