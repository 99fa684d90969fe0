//! Whole programs in bad weather: calls that are too many, break, end in the middle, or are carried out without an
//! answer. Whoever tries again often enough has everything in the end, once.

use std::path::Path;
use std::sync::Arc;

use super::at;
use super::environment::Environment;
use super::moto::Moto;
use super::proxy::Proxy;
use super::watched::Watched;
use crate::world::{Files, compiled};

/// Calls of a hundred that go wrong.
const PERCENT: u8 = 40;
/// Seeds in the ordinary run; as many as `TADPOLE_CASES` says otherwise, up to 50.
const SEEDS: u64 = 3;
/// How often somebody tries again, when the weather was too bad.
const TRIES: usize = 8;

fn smartfrog(bucket: &str) -> tadpole::graph::ResourceGraph {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/smartfrog");
    let mut files = Files::main("");
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "cloud") {
            files.0.insert(path.file_name().unwrap().into(), std::fs::read_to_string(&path).unwrap());
        }
    }
    let (graph, said) = compiled(&files, &[("bucket", bucket)]);
    graph.unwrap_or_else(|| panic!("{said}"))
}

/// Names of buckets and states of instances, as boto3 sees them.
fn seen(moto: &Moto, prefix: &str, lineage: &str) -> (Vec<String>, Vec<String>) {
    let script = format!(
        "names = sorted(b['Name'] for b in client('s3').list_buckets()['Buckets'])\n\
         states = [i['State']['Name'] for i in instances(**{{'tadpole:lineage': '{lineage}'}})]\n\
         result = [[n for n in names if n.startswith('{prefix}')], sorted(states)]"
    );
    serde_json::from_value(moto.python(&script)).unwrap()
}

#[test]
fn nothing_is_lost_and_nothing_is_doubled() {
    let seeds = std::env::var("TADPOLE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS).min(50);
    // They wait for each other's calls less than for their own pauses.
    let wrong: usize = std::thread::scope(|scope| {
        let runs: Vec<_> = (1..=seeds).map(|seed| scope.spawn(move || one(seed))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).sum()
    });
    assert!(wrong as u64 > 7 * seeds, "{wrong} calls went wrong: that was no bad weather");
}

/// The example made and taken down in the weather of a seed. Answers how many calls went wrong.
#[tokio::main(flavor = "current_thread")]
async fn one(seed: u64) -> usize {
    let moto = Moto::shared();
    let prefix = format!("weather-{seed}");
    let lineage = format!("lineage-{prefix}");
    let graph = smartfrog(&prefix);
    let proxy = Arc::new(Proxy::before(moto));
    let provider = Arc::new(Watched::new(at(&proxy.endpoint), proxy.clone()));
    let environment = Environment::new(&lineage, provider);

    proxy.weather(seed, PERCENT);
    let mut tries = 0;
    while let Err(error) = environment.apply(&graph).await {
        tries += 1;
        assert!(tries < TRIES, "with seed {seed}, it never comes to an end: {error}");
    }
    proxy.weather(seed, 0);
    assert!(environment.plan(&graph).await.unwrap().is_empty());
    let (buckets, states) = seen(moto, &prefix, &lineage);
    assert_eq!(buckets, [format!("{prefix}-archive"), format!("{prefix}-scratch")], "with seed {seed}");
    assert_eq!(states, vec!["running"; 10], "with seed {seed}");

    proxy.weather(seed + 100, PERCENT);
    let mut tries = 0;
    while let Err(error) = environment.destroy().await {
        tries += 1;
        assert!(tries < TRIES, "with seed {seed}, it is never taken down: {error}");
    }
    let (buckets, states) = seen(moto, &prefix, &lineage);
    assert_eq!(buckets, [format!("{prefix}-archive")], "with seed {seed}, the persistent one stays");
    assert_eq!(states, vec!["terminated"; 10], "with seed {seed}");
    proxy.mishaps()
}
