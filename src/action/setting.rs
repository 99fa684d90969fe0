//! The settings of an action, as the actions need them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::action::Scene;
use crate::apply::hidden::Hidden;
use crate::apply::provider::{Fault, FaultKind};
use crate::model::action::Action;
use crate::name::Name;
use crate::value::{Data, Fields, Secret, Value};

/// The settings of one action, or of a piece of data among them. What is null is absent.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    action: &'a Name,
    fields: &'a Fields,
    /// The program's, from which paths start.
    directory: &'a Path,
}

impl<'a> Settings<'a> {
    pub fn of(action: &'a Action, scene: &Scene<'a>) -> Settings<'a> {
        Settings { action: &action.name, fields: &action.settings, directory: &scene.calls.directory }
    }

    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| **value != Value::Null)
    }

    /// The fields of a setting that is data.
    pub fn data(&self, name: &str) -> Option<Settings<'a>> {
        match self.get(name) {
            Some(Value::Data(Data { fields, .. })) => Some(Settings { fields, ..*self }),
            _ => None,
        }
    }

    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.get(name) {
            Some(Value::Duration(millis)) => Some(Duration::from_millis(*millis)),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub fn count(&self, name: &str) -> Option<u32> {
        match self.get(name) {
            Some(Value::Int(number)) => u32::try_from(*number).ok(),
            _ => None,
        }
    }

    pub fn is(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Bool(true)))
    }

    /// The whole numbers of a list.
    pub fn numbers(&self, name: &str) -> Option<Vec<i64>> {
        let number = |item: &Value| if let Value::Int(number) = item { Some(*number) } else { None };
        match self.get(name) {
            Some(Value::List(items)) => Some(items.iter().filter_map(number).collect()),
            _ => None,
        }
    }

    /// A text, which may be a secret one.
    ///
    /// # Errors
    /// When it is a secret that is not at hand.
    pub fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        self.get(name).map_or(Ok(None), |value| self.text_of(value))
    }

    /// The texts of a list, of which each may be a secret one.
    ///
    /// # Errors
    /// When one is a secret that is not at hand.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Fault> {
        let Some(Value::List(items)) = self.get(name) else { return Ok(Vec::new()) };
        items.iter().filter_map(|item| self.text_of(item).transpose()).collect()
    }

    /// The texts of a map, of which each may be a secret one.
    ///
    /// # Errors
    /// When one is a secret that is not at hand.
    pub fn pairs(&self, name: &str) -> Result<Vec<(String, String)>, Fault> {
        let Some(Value::Map(entries)) = self.get(name) else { return Ok(Vec::new()) };
        let pair = |(key, value): (&String, &Value)| Ok(self.text_of(value)?.map(|text| (key.clone(), text)));
        entries.iter().filter_map(|entry| pair(entry).transpose()).collect()
    }

    fn text_of(&self, value: &Value) -> Result<Option<String>, Fault> {
        match value {
            Value::String(text) => Ok(Some(text.to_string())),
            Value::Secret(secret) => match secret.value() {
                Some(value) if secret.reveal().is_none() => self.text_of(value),
                Some(_) | None => self.reveal(secret).map(Some),
            },
            Value::Null => Ok(None),
            Value::Bool(_)
            | Value::Int(_)
            | Value::Number(_)
            | Value::Duration(_)
            | Value::Size(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Data(_) => Ok(Some(value.to_string())),
            Value::Reference(reference) => Ok(Some(reference.id.to_string())),
        }
    }

    /// What is recorded of a secret is where it came from: there it is looked up again.
    fn reveal(&self, secret: &Secret) -> Result<String, Fault> {
        if let Some(text) = secret.reveal() {
            return Ok(text.to_string());
        }
        let action = self.action;
        let missing = |help: String| {
            let message = format!("`{action}` needs a secret that is not at hand: `{}`", secret.origin);
            Fault::new(FaultKind::Refused, message).help(help)
        };
        match secret.origin.split_once(':') {
            Some(("env", name)) => {
                std::env::var(name).map_err(|_| missing(format!("set the variable `{name}` to what it was")))
            }
            Some(("file", path)) => std::fs::read_to_string(self.directory.join(path))
                .map(|text| text.trim_end_matches(['\r', '\n']).to_string())
                .map_err(|error| missing(format!("it was in the file `{path}`, which cannot be read: {error}"))),
            _ => Err(missing("it is in the program alone, which this command does not read".to_string())),
        }
    }

    /// Whether there is a secret anywhere in a setting.
    pub fn is_secret(&self, name: &str) -> bool {
        self.get(name).is_some_and(Value::holds_secret)
    }

    /// A path, which starts in the program's directory.
    ///
    /// # Errors
    /// When it is a secret that is not at hand.
    pub fn path(&self, name: &str) -> Result<Option<PathBuf>, Fault> {
        Ok(self.text(name)?.map(|path| self.directory.join(path)))
    }

    /// Every secret of the action and of the thing that it is for, as far as it is at hand: no message may show one.
    pub fn hidden(&self, scene: &Scene<'_>) -> Hidden {
        let mut texts = Vec::new();
        for value in self.fields.values().chain(scene.place.inputs.values()).chain(scene.place.outputs.values()) {
            value.walk(&mut |value| {
                if let Value::Secret(secret) = value {
                    texts.extend(value.secrets().into_iter().map(str::to_string));
                    texts.extend(self.reveal(secret).ok());
                }
            });
        }
        Hidden::of(texts.iter().map(String::as_str))
    }

    /// How often a deed that failed is done again, and the first pause, which doubles.
    pub fn retry(&self) -> (u32, Duration) {
        let Some(retry) = self.data("retry") else { return (0, Duration::ZERO) };
        (retry.count("times").unwrap_or(0), retry.duration("backoff").unwrap_or(Duration::from_secs(1)))
    }
}
