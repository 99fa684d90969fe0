//! What would make AWS refuse deletions, asked before anybody agrees to them: a few lists a service, region and
//! profile. What goes with the rest holds nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::kind::{at_once, site};
use super::session::{Session, Sessions, Site};
use super::{ec2, rds, s3};
use crate::apply::provider::{Fault, Leaving, Obstacle};
use crate::value::Value;

/// Obstacles by the ids of things.
pub type Found = Vec<(Arc<str>, Obstacle)>;

/// What leaves together, of one region and profile.
pub struct Going {
    pub all: Vec<Leaving>,
    /// Everything that leaves, anywhere, by its id; of groups their members too.
    ids: Arc<BTreeSet<String>>,
}

impl Going {
    /// Those of a type.
    pub fn of<'g>(&'g self, kind: &'g str) -> impl Iterator<Item = &'g Leaving> {
        self.all.iter().filter(move |one| *one.place.kind == *kind)
    }

    /// The ids of those of a type.
    pub fn ids<'g>(&'g self, kind: &'g str) -> Vec<&'g str> {
        self.of(kind).map(|one| &*one.place.id).collect()
    }

    /// Whether something that holds one of these is no obstacle: it leaves too, or is known to stay.
    pub fn frees(&self, holder: &str, held: &Leaving) -> bool {
        self.ids.contains(holder) || held.known.iter().any(|(_, id)| **id == *holder)
    }
}

/// In the order of the places.
pub async fn obstacles(sessions: &Sessions, leaving: &[Leaving]) -> Vec<Result<Vec<Obstacle>, Fault>> {
    let members = leaving.iter().filter_map(|one| one.place.outputs.get("instances")).flat_map(Value::parts);
    let members = members.filter_map(|id| id.as_str().map(str::to_string));
    let ids: BTreeSet<String> = leaving.iter().map(|one| one.place.id.to_string()).chain(members).collect();
    let ids = Arc::new(ids);
    let mut sites: BTreeMap<(String, Option<String>), Vec<usize>> = BTreeMap::new();
    let mut answers: Vec<Result<Vec<Obstacle>, Fault>> = leaving.iter().map(|_| Ok(Vec::new())).collect();
    for (at, one) in leaving.iter().enumerate() {
        match site(&one.place) {
            Ok(Site { region, profile }) => sites.entry((region, profile)).or_default().push(at),
            Err(fault) => answers[at] = Err(fault),
        }
    }
    let mut jobs = Vec::new();
    for ((region, profile), numbers) in sites {
        let session = sessions.at(&Site { region, profile }).await;
        let going = Going { all: numbers.iter().map(|at| leaving[*at].clone()).collect(), ids: ids.clone() };
        jobs.push(async move { (numbers, of_site(&session, &going).await) });
    }
    for (numbers, told) in at_once(jobs).await {
        for (at, told) in numbers.into_iter().zip(told) {
            answers[at] = told;
        }
    }
    answers
}

/// In the order of what leaves. A service that cannot be asked says so of everything of its own.
async fn of_site(session: &Arc<Session>, going: &Going) -> Vec<Result<Vec<Obstacle>, Fault>> {
    let (buckets, machines, databases) =
        tokio::join!(s3::obstacles(session, going), ec2::obstacles(session, going), rds::obstacles(session, going));
    let all = [(s3::KINDS, buckets), (ec2::KINDS, machines), (rds::KINDS, databases)];
    let complete = |fault: &Fault| session.way.complete(fault.clone());
    going
        .all
        .iter()
        .map(|one| {
            let of_it = |kinds: super::Kinds| kinds.iter().any(|(name, _)| **name == *one.place.kind);
            match all.iter().find(|(kinds, _)| of_it(kinds)) {
                None => Ok(Vec::new()),
                Some((_, Err(fault))) => Err(complete(fault)),
                Some((_, Ok(found))) => {
                    let own = found.iter().filter(|(id, _)| *id == one.place.id);
                    Ok(own.map(|(_, obstacle)| obstacle.clone()).collect())
                }
            }
        })
        .collect()
}

/// "`a`, `b` and 3 more", of what holds something.
pub fn held_by(holders: Vec<String>) -> Option<Obstacle> {
    if holders.is_empty() {
        return None;
    }
    let holders = ec2::few(holders);
    let verb = if holders.len() == 1 { "holds" } else { "hold" };
    let text = format!("{} {verb} it", ec2::named(&holders));
    Some(Obstacle::new(text).help("delete or detach first what nobody needs, or keep it with `terminateActions [];`"))
}
