//! Many objects side by side: a few at a time, for as long as one turn lasts.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::object::{Seen, Upload, look};
use super::settings::Bucket;
use crate::apply::provider::{Fault, Owner};

/// How many objects are asked about or sent at the same time.
const AT_ONCE: usize = 16;
/// How long one turn works before it says how far it is.
const TURN: Duration = Duration::from_secs(20);

/// What there is under these paths, a few at a time; without those that are gone.
pub async fn seen(bucket: Bucket<'_>, prefix: &str, paths: Vec<String>) -> Result<BTreeMap<String, Seen>, Fault> {
    let mut all = BTreeMap::new();
    for some in paths.chunks(AT_ONCE) {
        let looks = some.iter().map(|path| async move {
            let seen = look(bucket, &format!("{prefix}{path}")).await?;
            Ok::<_, Fault>(seen.map(|seen| (path.clone(), seen)))
        });
        for one in together(looks).await {
            all.extend(one?);
        }
    }
    Ok(all)
}

/// Sends what can be sent in one turn, a few at a time; answers how many are left.
pub async fn send(bucket: Bucket<'_>, uploads: Vec<Upload>, owner: Option<&Owner>) -> Result<usize, Fault> {
    let began = Instant::now();
    let mut done = 0;
    for some in uploads.chunks(AT_ONCE) {
        if done > 0 && began.elapsed() > TURN {
            break;
        }
        for sent in together(some.iter().map(|upload| upload.send(bucket, owner))).await {
            sent?;
        }
        done += some.len();
    }
    Ok(uploads.len() - done)
}

/// All of them side by side, in their order.
async fn together<F: Future>(jobs: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut jobs: Vec<_> = jobs.map(|job| (Box::pin(job), None)).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (job, answer) in &mut jobs {
            if answer.is_none() {
                match job.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => *answer = Some(done),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    jobs.into_iter().filter_map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_at_once_keep_their_order() {
        let jobs = (0..10u64).map(|n| async move {
            tokio::time::sleep(Duration::from_millis(10 - n)).await;
            n
        });
        assert_eq!(together(jobs).await, (0..10).collect::<Vec<_>>());
    }
}
