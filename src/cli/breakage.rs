//! `tadpole sandbox break`: what goes wrong from now on, and changes behind everybody's back, so that
//! faults and drift can be tried.

use std::sync::Arc;
use std::time::Duration;

use crate::apply::provider::FaultKind;
use crate::cli::Exit;
use crate::cli::context::{Compiled, Place, say_report};
use crate::cli::sandbox::{Opened, say_unusable};
use crate::cli::session::say_store;
use crate::cli::streams::{put_out, say, tell_line, tell_one};
use crate::cli::ui::{Look, Paint};
use crate::compile;
use crate::diagnostic::{Report, closest};
use crate::model::term::{Nothing, Term};
use crate::name::Name;
use crate::printable::Plain;
use crate::resolve::load::Loader;
use crate::sandbox::weather::{Call, Refusal, Weather};
use crate::sandbox::{Object, Schemas};
use crate::source::Sources;
use crate::state::store;
use crate::value::{Secret, Value, with_unit};

#[derive(clap::Args)]
pub struct Break {
    #[command(flatten)]
    place: Place,
    /// Make fair weather again, before anything else here is done
    #[arg(long)]
    none: bool,
    /// What all chances follow from: the same seed is the same luck
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// How long things take: `real`, a part of it as in `x0.01`, or `none`
    #[arg(long, value_name = "FACTOR", value_parser = parse_latency)]
    latency: Option<f64>,
    /// How long new things may not be seen yet, and deleted ones may be seen still: `3s`
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    lag: Option<Duration>,
    /// The chance that a call is refused as one too many: `0.1`
    #[arg(long, value_name = "CHANCE", value_parser = parse_chance)]
    throttle: Option<f64>,
    /// Calls a second that each service takes, or that one takes: `10`, `ec2=2`; may be repeated
    #[arg(long = "rate", value_name = "[SERVICE=]CALLS", value_parser = parse_rate)]
    rates: Vec<(String, f64)>,
    /// The chance that a call fails (500)
    #[arg(long, value_name = "CHANCE", value_parser = parse_chance)]
    errors: Option<f64>,
    /// The chance that a call is carried out, and its answer lost
    #[arg(long, value_name = "CHANCE", value_parser = parse_chance)]
    lose: Option<f64>,
    /// The chance that a call is lost on its way, and not carried out
    #[arg(long, value_name = "CHANCE", value_parser = parse_chance)]
    lose_calls: Option<f64>,
    /// Calls that are not permitted: `aws.S3Bucket:create`, `web[*]`; may be repeated
    #[arg(long, value_name = "WHAT[:CALL]", value_parser = parse_what)]
    deny: Vec<(String, Option<Call>)>,
    /// Calls that the cloud will not do; may be repeated
    #[arg(long, value_name = "WHAT[:CALL]", value_parser = parse_what)]
    refuse: Vec<(String, Option<Call>)>,
    /// Delete a thing, by its address or id, whatever refers to it; may be repeated
    #[arg(long, value_name = "THING")]
    gone: Vec<String>,
    /// Change an attribute of a thing: `images.versioning=false`; may be repeated
    #[arg(long, value_name = "THING.ATTRIBUTE=VALUE", value_parser = parse_change)]
    change: Vec<(String, String, String)>,
}

fn parse_latency(text: &str) -> Result<f64, String> {
    let factor = match text {
        "real" => Some(1.0),
        "none" => Some(0.0),
        _ => text.strip_prefix('x').and_then(|factor| factor.parse().ok()),
    };
    let sound = |factor: &f64| factor.is_finite() && (0.0..=1000.0).contains(factor);
    factor.filter(sound).ok_or_else(|| "write `real`, `none`, or a part of it: `x0.01`".into())
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let count = text[..unit].parse().ok();
    match count.and_then(|count| with_unit(count, &text[unit..])) {
        Some(Value::Duration(millis)) if millis <= 3_600_000 => Ok(Duration::from_millis(millis)),
        _ => Err("write a time of at most an hour, with its unit: `3s`, `500ms`".into()),
    }
}

fn parse_chance(text: &str) -> Result<f64, String> {
    let chance = text.parse().ok().filter(|chance| (0.0..=1.0).contains(chance));
    chance.ok_or_else(|| "write a chance from 0 to 1: `0.05`".into())
}

fn parse_rate(text: &str) -> Result<(String, f64), String> {
    let (service, rate) = text.split_once('=').unwrap_or(("*", text));
    match rate.parse() {
        Ok(rate) if rate > 0.0 && f64::is_finite(rate) && !service.is_empty() => Ok((service.to_string(), rate)),
        _ => Err("write calls a second: `10`, or `ec2=2` for one service".into()),
    }
}

fn parse_what(text: &str) -> Result<(String, Option<Call>), String> {
    let Some((what, name)) = text.rsplit_once(':') else {
        return Ok((text.to_string(), None));
    };
    match Call::ALL.into_iter().find(|call| call.name() == name) {
        Some(call) => Ok((what.to_string(), Some(call))),
        None => {
            let calls: Vec<&str> = Call::ALL.into_iter().map(Call::name).collect();
            Err(format!("`{name}` is no call: write one of {}", calls.join(", ")))
        }
    }
}

fn parse_change(text: &str) -> Result<(String, String, String), String> {
    let parts = text.split_once('=').and_then(|(what, value)| Some((what.rsplit_once('.')?, value)));
    match parts {
        Some(((thing, attribute), value)) if !thing.is_empty() && !attribute.is_empty() => {
            Ok((thing.to_string(), attribute.to_string(), value.to_string()))
        }
        _ => Err("write it as THING.ATTRIBUTE=VALUE: `images.versioning=false`".into()),
    }
}

impl Break {
    pub fn run(self, look: Look) -> Result<Exit, Exit> {
        // Schemas tell what can be changed; without a program, what is there does.
        let compiled = if self.change.is_empty() { None } else { self.place.compile_quietly() };
        let schemas: Schemas = match &compiled {
            Some(Compiled { graph, .. }) => {
                graph.in_order().map(|resource| (resource.schema.kind.clone(), resource.schema.clone())).collect()
            }
            None => Schemas::new(),
        };
        let opened = Opened::at(&self.place, schemas.clone(), look)?;
        // Nobody makes weather for a program that is not there.
        if !self.place.record().exists()
            && let Err(nothing) = self.place.disk().program(&self.place.program)
        {
            tell_one(&nothing, look);
            return Err(Exit::Wrong);
        }
        let mut gone = Vec::new();
        for thing in &self.gone {
            gone.push(opened.find(thing, look)?);
        }
        let mut changed: Vec<(Object, Name, Value)> = Vec::new();
        for (thing, attribute, value) in &self.change {
            let object = opened.find(thing, look)?;
            let value = self.value(&object, attribute, value, &schemas, look)?;
            changed.push((object, attribute.as_str().into(), value));
        }
        let unusable = |error: std::io::Error| say_unusable(&opened.path, &error, look);
        let weather = self.weather(&opened.sandbox.weather());
        if let Some(weather) = &weather {
            opened.sandbox.set_weather(weather.clone()).map_err(unusable)?;
        }
        for object in gone {
            opened.sandbox.meddle(&[object.key()], Vec::new()).map_err(unusable)?;
            tell_line(&format!("{} is gone: {} {}", opened.address(&object), object.kind, Plain(&object.id)));
        }
        for (object, attribute, value) in changed {
            // Another change of the same thing may have gone before.
            let mut object = opened.find(&format!("{}:{}", object.kind, object.id), look)?;
            let fields = if object.outputs.contains_key(&attribute) { &mut object.outputs } else { &mut object.inputs };
            let old = fields.insert(attribute.clone(), value.clone());
            let old = old.map_or("unset".to_string(), |old| old.to_string());
            opened.sandbox.meddle(&[], vec![object.clone()]).map_err(unusable)?;
            tell_line(&format!("{}.{attribute} is {value} now: it was {old}", opened.address(&object)));
        }
        if weather.is_none() && !(self.gone.is_empty() && self.change.is_empty()) {
            return Ok(Exit::Done);
        }
        let output = Look::of_output();
        let heading = output.paint(&format!("{}  weather of the sandbox", opened.name), Paint::Strong);
        Ok(put_out(&format!("{heading}\n\n{}", shown(&opened.sandbox.weather())), look).unwrap_or(Exit::Done))
    }

    /// The weather that was asked for; nothing, if none was.
    fn weather(&self, now: &Weather) -> Option<Weather> {
        let mut weather = if self.none { Weather::default() } else { now.clone() };
        let refusal = |kind: FaultKind| {
            move |(what, call): &(String, Option<Call>)| Refusal { what: what.as_str().into(), call: *call, kind }
        };
        let denied = self.deny.iter().map(refusal(FaultKind::Denied));
        weather.refusals.extend(denied.chain(self.refuse.iter().map(refusal(FaultKind::Refused))));
        weather.rates.extend(self.rates.iter().map(|(service, rate)| (Arc::from(service.as_str()), *rate)));
        let set = |to: &mut f64, value: Option<f64>| *to = value.unwrap_or(*to);
        set(&mut weather.latency, self.latency);
        set(&mut weather.throttle, self.throttle);
        set(&mut weather.errors, self.errors);
        set(&mut weather.lose, self.lose);
        set(&mut weather.lose_calls, self.lose_calls);
        weather.lag = self.lag.unwrap_or(weather.lag);
        weather.seed = self.seed.unwrap_or(weather.seed);
        (self.none || self.seed.is_some() || weather != *now).then_some(weather)
    }

    /// The value of an expression of the program, fit for an attribute.
    fn value(&self, object: &Object, name: &str, text: &str, schemas: &Schemas, look: Look) -> Result<Value, Exit> {
        let schema = schemas.get(&object.kind);
        let attribute = schema.and_then(|schema| schema.get(name));
        let has = object.inputs.contains_key(name) || object.outputs.contains_key(name);
        if attribute.is_none() && !has {
            let known = schema.iter().flat_map(|schema| schema.attributes.keys());
            let known: Vec<&Name> = known.chain(object.inputs.keys()).chain(object.outputs.keys()).collect();
            let meant = closest(name, known.iter().map(|name| name.as_str()));
            let help = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("`tadpole sandbox show {}` shows what it has", object.id),
            };
            say(&format!("{} has no attribute `{name}`", object.id), Some(&help), look);
            return Err(Exit::Wrong);
        }
        let (mut sources, mut report) = (Sources::default(), Report::default());
        let term = compile::evaluate(&self.place.inputs(true), text, &self.place.disk(), &mut sources, &mut report);
        sources.hide(report.secrets());
        say_report(&report, &sources, look);
        let state = store::peek(&self.place.record()).map_err(|fault| say_store(&fault, look))?;
        let settled = match (&term, &state) {
            (None, _) => return Err(Exit::Wrong),
            (Some(term), Some(state)) => term.settle(state),
            (Some(term), None) => term.settle(&Nothing),
        };
        let value = match settled {
            Ok(Term::Known(value)) => Ok(value),
            Ok(term) => Err(format!("`{term}` is known only after apply")),
            Err(message) => Err(message),
        };
        let refused = |value: Value| match attribute.and_then(|attribute| attribute.ty.refuses(&value)) {
            Some(why) => Err(format!("`{name}` cannot be {value}: {why}")),
            None => Ok(value),
        };
        match value.and_then(refused) {
            Ok(Value::String(text)) if attribute.is_some_and(|attribute| attribute.modifiers.secret) => {
                Ok(Value::Secret(Secret::new("sandbox", text)))
            }
            Ok(value) => Ok(value),
            Err(message) => {
                say(&message, None, look);
                Err(Exit::Wrong)
            }
        }
    }
}

/// What to say of a sandbox's weather before a command works in it; nothing when it is fair.
pub fn warning(weather: &Weather) -> Option<String> {
    let parts: Vec<String> = rows(weather).into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    (!weather.is_fair()).then(|| format!("The sandbox is made to have bad weather: {}", parts.join(", ")))
}

/// A weather, one thing a line.
fn shown(weather: &Weather) -> String {
    if weather.is_fair() {
        return "  Fair: nothing goes wrong, and nothing takes time.\n".to_string();
    }
    rows(weather).into_iter().map(|(name, value)| format!("  {name:10}  {value}\n")).collect()
}

fn rows(weather: &Weather) -> Vec<(&'static str, String)> {
    let percent = |chance: f64| format!("{}%", (chance * 10_000.0).round() / 100.0);
    let latency = match weather.latency {
        1.0 => "as in real clouds".to_string(),
        factor => format!("x{factor}"),
    };
    let mut rows = vec![("seed", weather.seed.to_string())];
    let mut row = |holds: bool, name, value| rows.extend(holds.then_some((name, value)));
    row(weather.latency > 0.0, "latency", latency);
    row(!weather.lag.is_zero(), "lag", Value::Duration(weather.lag.as_millis() as u64).to_string());
    row(weather.throttle > 0.0, "throttle", percent(weather.throttle));
    row(weather.errors > 0.0, "errors", percent(weather.errors));
    row(weather.lose > 0.0, "lose", percent(weather.lose));
    row(weather.lose_calls > 0.0, "lose-calls", percent(weather.lose_calls));
    for (service, rate) in &weather.rates {
        let service = if **service == *"*" { "each service" } else { service };
        row(true, "rate", format!("{rate} calls a second of {service}"));
    }
    for refusal in &weather.refusals {
        row(true, if refusal.kind == FaultKind::Denied { "deny" } else { "refuse" }, refusal.to_string());
    }
    rows
}
