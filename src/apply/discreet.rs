//! A provider that keeps secrets. Clouds quote what they were asked for when they refuse it, and what
//! they say ends up on terminals and in the logs of build servers: no secret of a call is in its fault.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::apply::provider::{
    Deed, Fault, Health, Leaving, Made, Obstacle, Owned, Patience, Place, Progress, Provider, Reading, Seek, Unsigned,
    Want,
};
use crate::state::Operation;
use crate::value::{Fields, Value};

pub struct Discreet(pub Arc<dyn Provider>);

/// Bytes of a part of a secret that are not found elsewhere by chance.
const INNER: usize = 6;

/// What stands in the place of a secret.
const HIDDEN: &str = "(secret)";

/// A fault that does not say what is secret among these values.
fn discreet(fault: Fault, values: &Fields) -> Fault {
    Hidden::among(values).fault(fault)
}

/// A text that does not say what is secret among these values, as far as their texts are known.
pub fn without_secrets(text: String, values: &Fields) -> String {
    Hidden::among(values).text(text)
}

/// As [`discreet`], of what is in the way of a deletion.
fn discreetly(told: Result<Vec<Obstacle>, Fault>, values: &Fields) -> Result<Vec<Obstacle>, Fault> {
    let hidden = Hidden::among(values);
    let hide = |text: String| hidden.text(text);
    let obstacle = |one: Obstacle| Obstacle { message: hide(one.message), help: one.help.map(hide), ..one };
    match told {
        Ok(obstacles) => Ok(obstacles.into_iter().map(obstacle).collect()),
        Err(fault) => Err(hidden.fault(fault)),
    }
}

/// Secrets that nothing may say, in every form in which requests and answers carry them.
pub struct Hidden {
    /// What is longer first, since one form may be the start of another.
    forms: Vec<String>,
}

impl Hidden {
    pub fn of<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Hidden {
        let mut forms: Vec<String> = secrets.into_iter().flat_map(forms).filter(|form| !form.is_empty()).collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Hidden { forms }
    }

    fn among(values: &Fields) -> Hidden {
        Hidden::of(values.values().flat_map(Value::secrets))
    }

    pub fn text(&self, text: String) -> String {
        self.forms.iter().fold(text, |text, form| text.replace(form, HIDDEN))
    }

    pub fn fault(&self, fault: Fault) -> Fault {
        Fault { message: self.text(fault.message), help: fault.help.map(|help| self.text(help)), ..fault }
    }
}

/// A secret as it is, and as requests and answers carry it.
fn forms(secret: &str) -> Vec<String> {
    let percent = |keep: &[u8]| {
        secret.bytes().fold(String::new(), |mut text, byte| {
            match byte.is_ascii_alphanumeric() || keep.contains(&byte) {
                true => text.push(char::from(byte)),
                // Writing to a text does not fail.
                false => drop(write!(text, "%{byte:02X}")),
            }
            text
        })
    };
    let json = serde_json::to_string(secret).unwrap_or_default();
    let mut forms = vec![
        secret.to_string(),
        json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_string(),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        percent(b"-._~"),
        percent(b"-._~/"),
        percent(b"-._~").replace("%20", "+"),
    ];
    forms.extend([STANDARD, URL_SAFE].map(|engine| engine.encode(secret)));
    // Behind something else, as in `user:password`, base64 may begin anywhere in a group of three bytes.
    for inner in (0..3).filter_map(|from| secret.as_bytes().get(from..)) {
        let whole = &inner[..inner.len() / 3 * 3];
        if whole.len() >= INNER {
            forms.extend([STANDARD, URL_SAFE].map(|engine| engine.encode(whole)));
        }
    }
    forms
}

#[async_trait]
impl Provider for Discreet {
    fn cloud(&self) -> &'static str {
        self.0.cloud()
    }

    fn patience(&self, kind: &str) -> Patience {
        self.0.patience(kind)
    }

    fn service<'k>(&self, kind: &'k str) -> &'k str {
        self.0.service(kind)
    }

    fn answers(&self, kind: &str) -> bool {
        self.0.answers(kind)
    }

    fn is_idempotent(&self, kind: &str) -> bool {
        self.0.is_idempotent(kind)
    }

    fn at_once(&self) -> usize {
        self.0.at_once()
    }

    fn usually(&self, kind: &str, operation: Operation) -> Duration {
        self.0.usually(kind, operation)
    }

    async fn owned(&self, lineage: &str, known: &[Place]) -> Result<Option<Vec<Owned>>, Fault> {
        self.0.owned(lineage, known).await
    }

    async fn create(&self, want: &Want) -> Result<Made, Fault> {
        self.0.create(want).await.map_err(|fault| discreet(fault, &want.inputs))
    }

    async fn find(&self, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        self.0.find(want, seek).await.map_err(|fault| discreet(fault, &want.inputs))
    }

    async fn read(&self, place: &Place) -> Result<Reading, Fault> {
        self.0.read(place).await.map_err(|fault| discreet(fault, &place.inputs))
    }

    async fn check(&self, place: &Place) -> Result<Option<Health>, Fault> {
        self.0.check(place).await.map_err(|fault| discreet(fault, &place.inputs))
    }

    async fn check_many(&self, places: &[Place]) -> Vec<Result<Option<Health>, Fault>> {
        let told = self.0.check_many(places).await.into_iter().zip(places);
        told.map(|(told, place)| told.map_err(|fault| discreet(fault, &place.inputs))).collect()
    }

    async fn read_many(&self, places: &[Place]) -> Vec<Result<Reading, Fault>> {
        let readings = self.0.read_many(places).await.into_iter().zip(places);
        readings.map(|(reading, place)| reading.map_err(|fault| discreet(fault, &place.inputs))).collect()
    }

    async fn obstacles(&self, leaving: &[Leaving]) -> Vec<Result<Vec<Obstacle>, Fault>> {
        let told = self.0.obstacles(leaving).await.into_iter().zip(leaving);
        told.map(|(told, leaving)| discreetly(told, &leaving.place.inputs)).collect()
    }

    async fn update(&self, place: &Place, old: Option<&Fields>, want: &Want) -> Result<Progress, Fault> {
        self.0.update(place, old, want).await.map_err(|fault| discreet(fault, &want.inputs))
    }

    fn will_delete(&self, ids: &[Arc<str>]) {
        self.0.will_delete(ids);
    }

    async fn delete(&self, place: &Place) -> Result<Progress, Fault> {
        self.0.delete(place).await.map_err(|fault| discreet(fault, &place.inputs))
    }

    async fn act(&self, place: &Place, deed: &Deed) -> Result<Progress, Fault> {
        let told = self.0.act(place, deed).await.map_err(|fault| discreet(fault, &place.inputs));
        told.map_err(|fault| discreet(fault, &deed.settings))
    }

    /// What is signed is not said again by its fault.
    async fn sign(&self, request: &Unsigned<'_>) -> Result<Vec<(String, String)>, Fault> {
        self.0.sign(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::provider::FaultKind;
    use crate::value::Secret;

    #[test]
    fn a_fault_quotes_no_secret() {
        let secret = Value::Secret(Secret::new("source", "hunter/2+\"x\""));
        let values = Fields::from([("password".into(), Value::List(vec![secret]))]);
        let message =
            "hunter/2+\"x\", hunter/2+\\\"x\\\", hunter%2F2%2B%22x%22, aHVudGVyLzIrIngi, dTpodW50ZXIvMisieCI=, hunter";
        let fault = Fault::new(FaultKind::Refused, message).help("not hunter/2+\"x\"");
        let fault = discreet(fault, &values);
        assert_eq!(fault.message, "(secret), (secret), (secret), (secret), dTpo(secret)eCI=, hunter");
        assert_eq!(fault.help.as_deref(), Some("not (secret)"));
    }
}
