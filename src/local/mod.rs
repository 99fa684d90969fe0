//! This machine as a provider: files, directories, ports and processes. Always compiled, and nothing to sign in to.
//! Processes are for Linux, whose `/proc` tells them apart for certain; the rest is for every system.

mod directory;
mod file;
mod identity;
pub mod launch;
pub mod limits;
mod mark;
mod port;
mod process;
mod site;
mod stop;
mod tail;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::mark::Marks;
use self::site::Site;
use crate::apply::provider::{
    Fault, FaultKind, Health, Leaving, Made, Obstacle, Owned, Patience, Place, Progress, Provider, Reading, Seek, Want,
    usually,
};
use crate::state::Operation;
use crate::value::Fields;

const FILE: &str = "local.File";
const DIRECTORY: &str = "local.Directory";
const PORT: &str = "local.Port";
const PROCESS: &str = "local.Process";

/// What there is to be made.
#[derive(Clone, Copy)]
enum Kind {
    File,
    Directory,
    Port,
    Process,
}

fn kind(name: &str) -> Result<Kind, Fault> {
    match name {
        FILE => Ok(Kind::File),
        DIRECTORY => Ok(Kind::Directory),
        PORT => Ok(Kind::Port),
        PROCESS => Ok(Kind::Process),
        _ => {
            let text = format!("`{name}` is not a type that this version can make on this machine");
            Err(Fault::new(FaultKind::Refused, text))
        }
    }
}

/// This machine, as one environment of one program sees it.
pub struct Local {
    site: Arc<Site>,
}

impl Local {
    /// `directory` is the program's, where relative paths start; `record` is where its environment is recorded,
    /// and where it is written down whose what is. `launcher` is this program, which starts processes.
    pub fn new(directory: &Path, record: &Path, launcher: PathBuf) -> Local {
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let record = whole(record);
        Local {
            site: Arc::new(Site {
                directory: whole(directory),
                marks: Marks::new(record.join("local")),
                logs: record.join("log"),
                launcher,
                children: Default::default(),
                stopping: Default::default(),
                choosing: Default::default(),
            }),
        }
    }

    /// Does what waits for the disk where nothing else waits for it.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Site) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let site = self.site.clone();
        let done = tokio::task::spawn_blocking(move || work(&site)).await;
        done.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends. Whether it was done is not known.
            Err(_) => Err(Fault::new(FaultKind::Unknown, "the command ended meanwhile")),
        })
    }
}

#[async_trait]
impl Provider for Local {
    fn cloud(&self) -> &'static str {
        "local"
    }

    /// What is done is seen at once.
    fn patience(&self, _: &str) -> Patience {
        Patience {
            consistency: Duration::ZERO,
            poll: Duration::from_millis(50),
            readiness: Duration::from_secs(60),
            // A process has the grace that the program gives it.
            deletion: Duration::from_secs(24 * 3600),
        }
    }

    fn service<'k>(&self, _: &'k str) -> &'k str {
        "local"
    }

    fn at_once(&self) -> usize {
        32
    }

    fn usually(&self, _: &str, operation: Operation) -> Duration {
        usually(operation).min(Duration::from_millis(100))
    }

    async fn create(&self, want: &Want) -> Result<Made, Fault> {
        let (kind, want) = (kind(&want.kind)?, want.clone());
        self.apart(move |site| match kind {
            Kind::File => file::create(site, &want),
            Kind::Directory => directory::create(site, &want),
            Kind::Port => port::create(site, &want),
            Kind::Process => process::create(site, &want),
        })
        .await
    }

    async fn find(&self, want: &Want, seek: &Seek) -> Result<Option<Arc<str>>, Fault> {
        let (kind, want, seek) = (kind(&want.kind)?, want.clone(), seek.clone());
        self.apart(move |site| match kind {
            Kind::File => file::find(site, &want, &seek),
            Kind::Directory => directory::find(site, &want, &seek),
            Kind::Port => port::find(site, &seek),
            Kind::Process => process::find(site, &seek),
        })
        .await
    }

    async fn read(&self, place: &Place) -> Result<Reading, Fault> {
        let (kind, place) = (kind(&place.kind)?, place.clone());
        self.apart(move |site| match kind {
            Kind::File => file::read(site, &place),
            Kind::Directory => directory::read(site, &place),
            Kind::Port => port::read(site, &place),
            Kind::Process => process::read(site, &place),
        })
        .await
    }

    async fn check(&self, place: &Place) -> Result<Option<Health>, Fault> {
        let (kind, apart) = (kind(&place.kind)?, place.clone());
        match kind {
            Kind::Process => self.apart(move |site| process::check(site, &apart)).await,
            Kind::File | Kind::Directory | Kind::Port => Ok(match self.read(place).await? {
                Reading::Here(here) => Some(here.health),
                Reading::Gone => None,
            }),
        }
    }

    async fn owned(&self, lineage: &str, _: &[Place]) -> Result<Option<Vec<Owned>>, Fault> {
        let lineage = lineage.to_string();
        let owned = self.apart(move |site| {
            let mut owned = Vec::new();
            for mark in site.marks.all()?.into_iter().filter(|mark| *mark.owner.lineage == *lineage) {
                let is_there = match kind(&mark.kind)? {
                    Kind::File | Kind::Directory => mark.is_of(site::look(&site.path(&mark.id))?.as_ref()),
                    Kind::Port => true,
                    Kind::Process => process::runs(site, &mark.id)?,
                };
                if is_there {
                    owned.push(Owned {
                        kind: mark.kind.as_str().into(),
                        id: mark.id.as_str().into(),
                        address: mark.owner.address,
                        remains: false,
                    });
                }
            }
            Ok(owned)
        });
        Ok(Some(owned.await?))
    }

    async fn obstacles(&self, leaving: &[Leaving]) -> Vec<Result<Vec<Obstacle>, Fault>> {
        let places: Vec<Place> = leaving.iter().map(|leaving| leaving.place.clone()).collect();
        let told = self.apart(move |site| {
            let going: BTreeSet<PathBuf> = places.iter().map(|place| site.path(&place.id)).collect();
            let obstacle = |place: &Place| match kind(&place.kind)? {
                Kind::File => file::obstacle(site, place),
                Kind::Directory => directory::obstacle(site, place, &going),
                Kind::Port | Kind::Process => Ok(None),
            };
            Ok(places.iter().map(|place| obstacle(place).map(|one| one.into_iter().collect())).collect())
        });
        told.await.unwrap_or_else(|fault| vec![Err(fault); leaving.len()])
    }

    async fn update(&self, place: &Place, _: Option<&Fields>, want: &Want) -> Result<Progress, Fault> {
        let (kind, place, want) = (kind(&place.kind)?, place.clone(), want.clone());
        self.apart(move |site| match kind {
            Kind::File => file::update(site, &place, &want),
            Kind::Directory => directory::update(site, &place, &want),
            // Of these, only what is recorded changes: how they are asked, and how they end.
            Kind::Port | Kind::Process => Ok(Progress::Done),
        })
        .await
    }

    async fn delete(&self, place: &Place) -> Result<Progress, Fault> {
        let (kind, place) = (kind(&place.kind)?, place.clone());
        self.apart(move |site| match kind {
            Kind::File => file::delete(site, &place),
            Kind::Directory => directory::delete(site, &place),
            Kind::Port => port::delete(site, &place),
            Kind::Process => process::delete(site, &place),
        })
        .await
    }
}
