//! An action that AWS carries out itself: `Act`, with a struct of its own for its attributes, is what a new
//! one implements; `AnyAct` is the same without types, made from it, and what the table of actions holds.

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::kind::{decode, site};
use super::session::{Session, Sessions, Site};
use crate::apply::provider::{Deed, Fault, Patience, Place, Progress};

/// One action. It runs at least once each time that its turn comes: after a crash, or after an answer that did
/// not come, it runs again with the same token.
#[async_trait]
pub trait Act: Copy + Send + Sync + 'static {
    /// The attributes of its template that the call needs.
    type Settings: DeserializeOwned + Send + Sync;

    /// `place` is the resource in whose list it stands; what it works on besides, its settings say.
    async fn run(
        &self,
        session: &Session,
        place: &Place,
        settings: &Self::Settings,
        token: &str,
    ) -> Result<Progress, Fault>;
}

/// Where the thing lives that an action names, if it names one.
#[derive(Deserialize)]
struct Named {
    region: Option<String>,
    profile: Option<String>,
}

/// An [`Act`] whose struct is not seen.
#[async_trait]
pub trait AnyAct: Send + Sync {
    async fn run(&self, sessions: &Sessions, place: &Place, deed: &Deed) -> Result<Progress, Fault>;
}

#[async_trait]
impl<A: Act> AnyAct for A {
    async fn run(&self, sessions: &Sessions, place: &Place, deed: &Deed) -> Result<Progress, Fault> {
        // What it names may live elsewhere than what it stands in the list of.
        let named: Named = decode(&deed.kind, &deed.settings)?;
        let own = site(place)?;
        let profile = if named.region.is_some() { named.profile } else { own.profile };
        let session = sessions.at(&Site { region: named.region.unwrap_or(own.region), profile }).await;
        let outcome = Act::run(self, &session, place, &decode(&deed.kind, &deed.settings)?, &deed.token).await;
        outcome.map_err(|fault| {
            let fault = session.way.complete(fault);
            session.recent.judge(fault, &deed.settings, Some(&place.id), Patience::default())
        })
    }
}
