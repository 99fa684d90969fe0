//! `tadpole show --origin`: a component as the program has it, each attribute with the chain of places
//! that set and overrode it.

use crate::check::origin::{Origin, Origins, Role, Step};
use crate::cli::Exit;
use crate::cli::context::{Place, say_report};
use crate::cli::session::say_store;
use crate::cli::streams::put_out;
use crate::cli::ui::{Look, Paint};
use crate::compile;
use crate::diagnostic::Report;
use crate::model::term::{Nothing, Term};
use crate::name::Address;
use crate::source::{Sources, Span};
use crate::state::{Recorded, State, store};
use crate::value::Value;

pub fn show(place: &Place, address: &Address, look: Look) -> Exit {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let origins = compile::origins(&place.inputs(true), address, &place.disk(), &mut sources, &mut report);
    sources.hide(report.secrets());
    say_report(&report, &sources, look);
    let Some(origins) = origins else {
        return Exit::Wrong;
    };
    let state = match store::peek(&place.record()) {
        Ok(state) => state,
        Err(fault) => return say_store(&fault, look),
    };
    let text = lines(&origins, &sources, state.as_ref(), Look::of_output()).join("\n");
    let exit = if report.has_errors() { Exit::Wrong } else { Exit::Done };
    put_out(&format!("{text}\n"), look).unwrap_or(exit)
}

fn lines(origins: &Origins, sources: &Sources, state: Option<&State>, look: Look) -> Vec<String> {
    let recorded = state.and_then(|state| state.resources.get(&origins.address));
    let mut lines = Vec::new();
    let heading = if origins.address.segments().is_empty() {
        "root".to_string()
    } else {
        format!("{}  {}", origins.address, origins.template)
    };
    lines.push(format!("{}  {}", look.paint(&heading, Paint::Strong), place(sources, origins.span)));
    let column = origins.attributes.iter().map(|origin| origin.name.as_str().len()).max().unwrap_or(0);
    // The widest place, so that what stands there begins in one column.
    let spans =
        origins.attributes.iter().flat_map(|origin| origin.steps.iter().map(|step| step.span).chain(origin.declared));
    let places = spans.map(|span| place(sources, span).chars().count()).max().unwrap_or(0).min(40);
    for origin in &origins.attributes {
        lines.push(String::new());
        let value = value(origin, state, recorded);
        lines.push(format!("  {}  {value}", look.paint(&format!("{:column$}", origin.name.as_str()), Paint::Strong)));
        // What counts stands first.
        for step in origin.steps.iter().rev() {
            let role = role(step, origin);
            let text = format!("    {:places$}  {}", place(sources, step.span), statement(sources, step.span));
            let paint = if step.overridden { Paint::Faint } else { Paint::Plain };
            lines.push(format!("{}  {}", look.paint(&text, paint), look.paint(&format!("({role})"), Paint::Faint)));
        }
        if origin.steps.is_empty()
            && let Some(span) = origin.declared
        {
            let text = format!("    {:places$}  {}", place(sources, span), statement(sources, span));
            lines.push(format!("{}  {}", look.paint(&text, Paint::Faint), look.paint("(declared)", Paint::Faint)));
        }
    }
    lines
}

fn value(origin: &Origin, state: Option<&State>, recorded: Option<&Recorded>) -> String {
    if let Some(value) = recorded.filter(|_| origin.computed).and_then(|recorded| recorded.outputs.get(&origin.name)) {
        return format!("{value}  (as recorded)");
    }
    // Actions are known by their names.
    if let Term::List(items) = &origin.term
        && let Some(names) = items.iter().map(name_of).collect::<Option<Vec<_>>>()
    {
        return format!("[{}]", names.join(", "));
    }
    let settled = match state {
        Some(state) => origin.term.settle(state),
        None => origin.term.settle(&Nothing),
    };
    match settled {
        Ok(Term::Known(Value::Null)) => "unset".into(),
        Ok(Term::Known(value)) => value.to_string(),
        Ok(Term::Open(_)) => "not known, because of an error".into(),
        Ok(_) if origin.computed => "known after apply".into(),
        Ok(term) => format!("{term}  (known after apply)"),
        Err(message) => message,
    }
}

/// What an action, or another value of a template, is called in the program.
fn name_of(term: &Term) -> Option<&str> {
    if let Term::Data { name: Some(name), .. } = term { Some(name.as_str()) } else { None }
}

fn role(step: &Step, origin: &Origin) -> String {
    let role = match &step.role {
        Role::Default if origin.computed => "what the sandbox fills in".to_string(),
        Role::Default => "default".to_string(),
        Role::Set => "set".to_string(),
        Role::Merged => "merged in".to_string(),
        Role::Outside => "set from outside".to_string(),
        Role::Inherited(address) if address.segments().is_empty() => "inherited from the program".to_string(),
        Role::Inherited(address) => format!("inherited from `{address}`"),
    };
    if step.overridden { format!("{role}, overridden") } else { role }
}

fn place(sources: &Sources, span: Span) -> String {
    format!("{}:{}", sources.get(span.source).name, sources.line(span).0)
}

/// The line that a place is in, as far as it helps.
fn statement(sources: &Sources, span: Span) -> String {
    const MOST: usize = 60;
    let line = sources.line(span).1;
    if line.chars().count() <= MOST {
        return line.to_string();
    }
    // What one looks for would stand too far to the right.
    let rest = &sources.get(span.source).text[span.start as usize..];
    let text: String = rest.lines().next().unwrap_or("").chars().take(MOST).collect();
    format!("... {text} ...")
}
