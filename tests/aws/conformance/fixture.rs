//! The text of a fixture, cut into what it says.

use std::collections::BTreeMap;

use tadpole::graph::ResourceGraph;
use tadpole::name::Address;

use crate::world::{Files, compiled};

/// What can be excused with a reason.
const EXCUSABLE: [&str; 10] =
    ["changed", "replaced", "drift", "gone", "lost", "weather", "import", "find", "again", "owned"];

#[derive(Debug)]
pub enum Step {
    Made(String),
    Seen(String),
    Changed(Vec<String>, String),
    Replaced(Vec<String>, String),
    Drift(Vec<String>, String),
    Gone(String),
}

pub struct Fixture {
    /// As the type is called, without its cloud.
    pub name: String,
    pub thing: Address,
    pub steps: Vec<Step>,
    /// What counts things like it.
    pub there: Option<String>,
    /// What the plan changes after an import.
    pub untold: Vec<String>,
    /// The most calls of a refresh.
    pub calls: usize,
    pub is_lookup: bool,
    excused: Vec<String>,
    /// Put before each program.
    preamble: String,
    pub files: BTreeMap<String, String>,
}

impl Fixture {
    /// # Errors
    /// What is wrong with the text.
    pub fn read(name: &str, text: &str) -> Result<Fixture, String> {
        let mut sections = format!("\n{text}").split("\n//@ ").map(str::to_string).collect::<Vec<_>>().into_iter();
        let mut fixture = Fixture {
            name: name.to_string(),
            thing: "thing".parse().unwrap(),
            steps: Vec::new(),
            there: None,
            untold: Vec::new(),
            calls: 1,
            is_lookup: false,
            excused: Vec::new(),
            preamble: sections.next().unwrap_or_default(),
            files: BTreeMap::new(),
        };
        for section in sections {
            let (heading, body) = section.split_once('\n').unwrap_or((&section, ""));
            let (word, rest) = heading.split_once(' ').unwrap_or((heading, ""));
            let names: Vec<String> = rest.split_whitespace().map(str::to_string).collect();
            match word {
                "of" => fixture.thing = rest.trim().parse().map_err(|error| format!("`//@ of`: {error}"))?,
                "made" => fixture.steps.push(Step::Made(body.to_string())),
                "there" => fixture.there = Some(uncommented(body)),
                "seen" => fixture.steps.push(Step::Seen(uncommented(body))),
                "changed" => fixture.steps.push(Step::Changed(names, body.to_string())),
                "replaced" => fixture.steps.push(Step::Replaced(names, body.to_string())),
                "drift" => fixture.steps.push(Step::Drift(names, uncommented(body))),
                "gone" => fixture.steps.push(Step::Gone(uncommented(body))),
                "import" => fixture.untold = names,
                "calls" => fixture.calls = rest.trim().parse().map_err(|_| format!("`//@ {heading}`: no number"))?,
                "file" => drop(fixture.files.insert(rest.trim().to_string(), uncommented(body))),
                "lookup" => fixture.is_lookup = true,
                "no" => match rest.split_once(": ") {
                    Some((step, reason)) if EXCUSABLE.contains(&step) && !reason.trim().is_empty() => {
                        fixture.excused.push(step.to_string());
                    }
                    _ => return Err(format!("`//@ {heading}` is not `//@ no STEP: REASON` with one of {EXCUSABLE:?}")),
                },
                _ => return Err(format!("`//@ {heading}` is no section: see conformance/mod.rs")),
            }
        }
        fixture.complete()?;
        Ok(fixture)
    }

    /// Every step is there or excused.
    fn complete(&self) -> Result<(), String> {
        if !matches!(self.steps.first(), Some(Step::Made(_))) {
            return Err("the first section that does anything must be `//@ made`".into());
        }
        if self.is_lookup {
            return Ok(());
        }
        let has = |word: &str| {
            self.steps.iter().any(|step| match step {
                Step::Made(_) => false,
                Step::Seen(_) => word == "seen",
                Step::Changed(..) => word == "changed",
                Step::Replaced(..) => word == "replaced",
                Step::Drift(..) => word == "drift",
                Step::Gone(_) => word == "gone",
            })
        };
        let missing = ["seen", "changed", "replaced", "drift", "gone"];
        match missing.into_iter().find(|word| !has(word) && !self.is_excused(word)) {
            Some(word) => Err(format!("there is no section `//@ {word}`, and no reason for that")),
            None if self.there.is_none() => Err("there is no section `//@ there`".into()),
            None => Ok(()),
        }
    }

    pub fn is_excused(&self, step: &str) -> bool {
        self.excused.iter().any(|excused| excused == step)
    }

    /// A program of it, with the name of a run.
    ///
    /// # Errors
    /// What the compiler says.
    pub fn graph(&self, program: &str, name: &str) -> Result<ResourceGraph, String> {
        let text = format!("{}\n{program}", self.preamble);
        let mut files = Files::main(&text);
        files.0.extend(self.files.iter().map(|(name, text)| (name.into(), text.clone())));
        let given = [("name", name)];
        let given = if text.contains("param name:") { &given[..] } else { &[] };
        let (graph, said) = compiled(&files, given);
        graph.ok_or_else(|| format!("the program has errors:\n{said}"))
    }
}

/// Lines without the signs that make them comments.
fn uncommented(body: &str) -> String {
    let bare = |line: &str| {
        let text = line.strip_prefix("// ").or_else(|| line.strip_prefix("//")).unwrap_or(line);
        format!("{text}\n")
    };
    body.lines().map(bare).collect()
}
