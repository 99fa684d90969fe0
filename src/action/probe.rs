//! Looking again and again: what `every`, `within`, `grace`, `successes` and `failures` mean.

use std::time::Duration;

use crate::action::setting::Settings;
use crate::action::{Scene, failed};
use crate::apply::event::Event;
use crate::apply::provider::Fault;
use crate::model::action::{Action, Occasion};

/// What a look came to.
pub enum Look {
    Live,
    /// Not yet, and why.
    NotYet(String),
    /// Nor ever by itself, and why.
    Never(String),
}

impl Look {
    /// The same with other words.
    pub fn map(self, words: impl FnOnce(String) -> String) -> Look {
        match self {
            Look::Live => Look::Live,
            Look::NotYet(why) => Look::NotYet(words(why)),
            Look::Never(why) => Look::Never(words(why)),
        }
    }
}

/// How long there is nothing to see at first, how often is looked and for how long, and how many looks in a row
/// count.
struct Pace {
    grace: Duration,
    every: Duration,
    within: Duration,
    successes: u32,
    failures: u32,
}

impl Pace {
    /// As the library's template has it where a record is older than the attribute.
    fn of(action: &Action, scene: &Scene<'_>) -> Pace {
        let settings = Settings::of(action, scene);
        let time = |name, default| settings.duration(name).unwrap_or(Duration::from_secs(default));
        let count = |name| settings.count(name).unwrap_or(1).max(1);
        Pace {
            grace: time("grace", 0),
            every: time("every", 2),
            within: time("within", 300),
            successes: count("successes"),
            failures: count("failures"),
        }
    }
}

/// Looks until it is live or the action's time is up; when somebody asks how it is now, until that is certain.
///
/// # Errors
/// Why it is not live.
pub async fn run<F: Future<Output = Result<Look, Fault>>>(
    action: &Action,
    scene: &Scene<'_>,
    look: impl Fn() -> F,
) -> Result<(), Fault> {
    let pace = Pace::of(action, scene);
    match scene.occasion {
        Occasion::Live => now(action, scene, &pace, look).await,
        Occasion::Start | Occasion::Update | Occasion::Replace | Occasion::Terminate => {
            until_live(action, scene, &pace, look).await
        }
    }
}

async fn until_live<F: Future<Output = Result<Look, Fault>>>(
    action: &Action,
    scene: &Scene<'_>,
    pace: &Pace,
    look: impl Fn() -> F,
) -> Result<(), Fault> {
    if !pace.grace.is_zero() {
        tell(scene, format!("left alone for {}", super::shown(pace.grace)));
        scene.calls.rest(pace.grace).await?;
    }
    let began = tokio::time::Instant::now();
    let mut successes = 0;
    let mut last = None;
    loop {
        match look().await? {
            Look::Live => {
                successes += 1;
                if successes >= pace.successes {
                    return Ok(());
                }
                tell(scene, format!("live {successes} of {} times in a row", pace.successes));
            }
            Look::NotYet(on) => {
                successes = 0;
                tell(scene, on.clone());
                last = Some(on);
            }
            Look::Never(why) => return Err(failed(action, scene, &why)),
        }
        if began.elapsed() + pace.every > pace.within {
            let why = last.unwrap_or_else(|| {
                format!("only live {successes} of {} times in a row in {}", pace.successes, super::shown(pace.within))
            });
            return Err(failed(action, scene, &why));
        }
        scene.calls.rest(pace.every).await?;
    }
}

/// As many looks as it takes for so many successes in a row, or so many failures.
async fn now<F: Future<Output = Result<Look, Fault>>>(
    action: &Action,
    scene: &Scene<'_>,
    pace: &Pace,
    look: impl Fn() -> F,
) -> Result<(), Fault> {
    let began = tokio::time::Instant::now();
    let (mut successes, mut failures) = (0, 0);
    loop {
        let why = match look().await? {
            Look::Live => {
                (successes, failures) = (successes + 1, 0);
                None
            }
            Look::NotYet(why) => {
                (successes, failures) = (0, failures + 1);
                Some(why)
            }
            Look::Never(why) => return Err(not_live(action, scene, &why)),
        };
        if successes >= pace.successes {
            return Ok(());
        }
        // Of what goes up and down, neither is ever seen often enough.
        let is_over = failures >= pace.failures || began.elapsed() + pace.every > pace.within;
        if is_over && let Some(why) = why {
            return Err(not_live(action, scene, &why));
        }
        scene.calls.rest(pace.every).await?;
    }
}

fn not_live(action: &Action, scene: &Scene<'_>, why: &str) -> Fault {
    scene.witness.iter().for_each(|witness| witness.judge());
    failed(action, scene, why)
}

fn tell(scene: &Scene<'_>, on: String) {
    scene.calls.tell(Event::Waiting { address: scene.place.address.clone(), on });
}
