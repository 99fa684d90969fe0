//! A provider that keeps secrets. Clouds quote what they were asked for when they refuse it, and what
//! they say ends up on terminals and in the logs of build servers: no secret of a call is in its fault.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::apply::hidden::Hidden;
use crate::apply::provider::{
    Deed, Fault, Health, Leaving, Made, Obstacle, Owned, Patience, Place, Progress, Provider, Reading, Seek, Unsigned,
    Want,
};
use crate::state::Operation;
use crate::value::Fields;

pub struct Discreet(pub Arc<dyn Provider>);

/// A fault that does not say what is secret among these values.
fn discreet(fault: Fault, values: &Fields) -> Fault {
    Hidden::among(values).fault(fault)
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
    use crate::value::{Secret, Value};

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
