//! The parameters of a parameter group: what is set, what has to be set, and how. RDS lists several hundred
//! that a group has of its family; those that somebody set are marked.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{ApplyMethod, Parameter};
use serde::Deserialize;

use crate::apply::provider::Fault;
use crate::aws::fault::Call;
use crate::aws::session::Session;

/// The most parameters that one call changes.
pub const AT_ONCE: usize = 20;

/// When a change counts, as the program says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    #[default]
    Auto,
    Immediate,
    PendingReboot,
}

/// What has to be done to a group.
#[derive(Default, Debug)]
pub struct Changes<'a> {
    /// Names with their values.
    pub set: Vec<(&'a str, &'a str)>,
    pub reset: Vec<&'a str>,
}

impl Changes<'_> {
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.reset.is_empty()
    }
}

/// What turns the parameters that are set into the wanted ones.
pub fn changes<'a>(wanted: &'a BTreeMap<String, String>, present: &'a [Parameter]) -> Changes<'a> {
    let is_set = |name: &str, value: &str| find(present, name).is_some_and(|told| same(told, value));
    let is_wanted = |name: &str| wanted.keys().any(|wanted| wanted.eq_ignore_ascii_case(name));
    Changes {
        set: wanted
            .iter()
            .filter(|(name, value)| !is_set(name, value))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect(),
        reset: present.iter().filter_map(Parameter::parameter_name).filter(|name| !is_wanted(name)).collect(),
    }
}

/// The parameters that are set, with names and values as they are recorded where they mean the same.
pub fn told(recorded: &BTreeMap<String, String>, present: &[Parameter]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for told in present {
        let (Some(name), Some(value)) = (told.parameter_name(), told.parameter_value()) else { continue };
        let known = recorded.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let (name, value) = match known {
            Some((name, value)) if same(told, value) => (name.as_str(), value.as_str()),
            Some((name, _)) => (name.as_str(), value),
            None => (name, value),
        };
        all.insert(name.to_string(), value.to_string());
    }
    all
}

/// Whether the recorded parameters are not all among those that are marked as set: RDS does not mark one that
/// was set to what it is without being set.
pub fn is_short(recorded: &BTreeMap<String, String>, present: &[Parameter]) -> bool {
    recorded.keys().any(|name| find(present, name).is_none())
}

/// As [`told`], when all parameters of the family are at hand: one that has the recorded value counts as set.
pub fn told_of_all(
    recorded: &BTreeMap<String, String>,
    present: &[Parameter],
    all: &[Parameter],
) -> BTreeMap<String, String> {
    let mut told = told(recorded, present);
    for (name, value) in recorded {
        if find(present, name).is_none() && find(all, name).is_some_and(|told| same(told, value)) {
            told.insert(name.clone(), value.clone());
        }
    }
    told
}

/// How a change of one parameter is to be applied. A static one can only wait for a reboot, and so does one of
/// which nothing is known.
pub fn method(wish: Method, name: &str, all: &[Parameter]) -> ApplyMethod {
    let is_dynamic = || find(all, name).and_then(Parameter::apply_type) == Some("dynamic");
    match wish {
        Method::Immediate => ApplyMethod::Immediate,
        Method::PendingReboot => ApplyMethod::PendingReboot,
        Method::Auto if is_dynamic() => ApplyMethod::Immediate,
        Method::Auto => ApplyMethod::PendingReboot,
    }
}

fn find<'p>(parameters: &'p [Parameter], name: &str) -> Option<&'p Parameter> {
    parameters.iter().find(|told| told.parameter_name().is_some_and(|told| told.eq_ignore_ascii_case(name)))
}

/// Whether what RDS tells is this value.
fn same(told: &Parameter, value: &str) -> bool {
    let Some(present) = told.parameter_value() else { return false };
    if present.trim().eq_ignore_ascii_case(value.trim()) {
        return true;
    }
    let truth = |text: &str| match text.trim().to_ascii_lowercase().as_str() {
        "1" | "on" | "true" => Some(true),
        "0" | "off" | "false" => Some(false),
        _ => None,
    };
    told.data_type() == Some("boolean") && truth(present).is_some() && truth(present) == truth(value)
}

/// The parameters of a group: those that somebody set, or all.
///
/// # Errors
/// When AWS refuses, or there is no such group.
pub async fn list(session: &Session, group: &str, set: bool) -> Result<Vec<Parameter>, Fault> {
    let call = Call::read("rds:DescribeDBParameters", format!("read the parameters of the parameter group `{group}`"));
    let request = session.rds().describe_db_parameters().db_parameter_group_name(group);
    let mut pages = request.set_source(set.then(|| "user".to_string())).into_paginator().page_size(100).send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        all.extend(page.map_err(|error| call.fault(&error))?.parameters().iter().cloned());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, value: &str, data: &str, apply: &str) -> Parameter {
        Parameter::builder().parameter_name(name).parameter_value(value).data_type(data).apply_type(apply).build()
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn what_means_the_same_is_no_change() {
        let present = [
            parameter("slow_query_log", "1", "boolean", "dynamic"),
            parameter("character_set_server", "utf8mb4", "string", "dynamic"),
            parameter("long_query_time", "2", "float", "dynamic"),
            parameter("stray", "x", "string", "static"),
        ];
        let wanted = map(&[
            ("slow_query_log", "ON"),
            ("CHARACTER_SET_SERVER", "UTF8MB4"),
            ("long_query_time", "1"),
            ("new", "on"),
        ]);
        let changes = changes(&wanted, &present);
        assert_eq!(changes.set, [("long_query_time", "1"), ("new", "on")]);
        assert_eq!(changes.reset, ["stray"]);
        assert!(super::changes(&map(&[]), &[]).is_empty());
        let told = told(&wanted, &present);
        assert_eq!(
            told,
            map(&[
                ("slow_query_log", "ON"),
                ("CHARACTER_SET_SERVER", "UTF8MB4"),
                ("long_query_time", "2"),
                ("stray", "x")
            ])
        );
        // On a text it is another text.
        assert!(!same(&parameter("mode", "1", "string", "dynamic"), "ON"));
    }

    #[test]
    fn a_parameter_that_is_set_to_its_default_is_still_set() {
        let recorded = map(&[("max_connections", "100"), ("lost", "1")]);
        assert!(is_short(&recorded, &[]));
        let all =
            [parameter("max_connections", "100", "integer", "dynamic"), parameter("lost", "2", "integer", "static")];
        assert_eq!(told_of_all(&recorded, &[], &all), map(&[("max_connections", "100")]));
        assert!(!is_short(&recorded, &all));
    }

    #[test]
    fn a_static_parameter_waits_for_a_reboot() {
        let all = [parameter("a", "1", "integer", "dynamic"), parameter("b", "1", "integer", "static")];
        for (wish, name, expected) in [
            (Method::Auto, "A", ApplyMethod::Immediate),
            (Method::Auto, "b", ApplyMethod::PendingReboot),
            (Method::Auto, "unknown", ApplyMethod::PendingReboot),
            (Method::Immediate, "b", ApplyMethod::Immediate),
            (Method::PendingReboot, "a", ApplyMethod::PendingReboot),
        ] {
            assert_eq!(method(wish, name, &all), expected, "{name}");
        }
    }
}
